"""What a run would spend, board by board, before anything is sent."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.boards import BoardSpec, Budget, BudgetLine, Cost, Ledger
from bench.errors import UsageError
from bench.run.control_board import control_boards
from bench.run.execute import Prepared
from bench.run.selection import INTERLEAVED_ROUNDS
from bench.run.suites import pytest_command
from bench.session.account import TestCosts

_SECONDS = 120.0


@dataclass(frozen=True)
class SpendingEstimate:
    """What one board and its SIM would spend.

    Attributes:
        rounds: of the tests.
        costs: of one round.
        cost: of all rounds.
        lines: of its budget.
        sim_unknown: bytes cannot be compared with the budget: which SIM the board has is not known yet.
    """

    spec: BoardSpec
    rounds: int
    costs: TestCosts
    cost: Cost
    lines: tuple[BudgetLine, ...]
    sim_unknown: bool

    @property
    def affordable(self) -> bool:
        """Whether every budget has enough left."""
        return all(line.holds(self.cost) for line in self.lines)


def estimates(prepared: Prepared) -> Iterator[SpendingEstimate]:
    """Yield an estimate for each board, control boards last. Nothing is opened: no simulated board need be there.

    Raises:
        UsageError: the tests cannot be read.
    """
    rounds = prepared.rounds or (INTERLEAVED_ROUNDS if prepared.request.interleave else 1)
    with Ledger() as ledger:
        beside = [] if prepared.request.interleave else control_boards(prepared.lab, prepared.boards)
        for spec in [*all_specs(prepared), *beside]:
            costs = _query_costs(prepared, spec)
            cost = Cost(**{kind: rounds * amount for kind, amount in costs.cost.items()})
            budget = Budget(prepared.lab.budget, ledger, spec.key, ledger.sim_of(spec.key))
            yield SpendingEstimate(
                spec, rounds, costs, cost, tuple(budget.lines()), not budget.sim and _limits_bytes(prepared)
            )


def all_specs(prepared: Prepared) -> list[BoardSpec]:
    """Return the boards under test, and stand-ins for simulated ones, which do not run yet."""
    count = range(prepared.simulated)
    simulated = [BoardSpec(f"simulated-{number + 1}", os.devnull, hardware=False) for number in count]
    return [*prepared.boards, *simulated]


def _limits_bytes(prepared: Prepared) -> bool:
    budget = prepared.lab.budget
    return budget.bytes_per_day is not None or budget.bytes_per_month is not None


def _query_costs(prepared: Prepared, spec: BoardSpec) -> TestCosts:
    """Ask a pytest process, which knows the tests and their markers, and opens nothing."""
    with tempfile.TemporaryDirectory(prefix="nrf91-bench-") as folder:
        answer = Path(folder) / "estimate.json"
        command = [
            *pytest_command(prepared.selection, (), spec, Path(folder) / "run", prepared.request.config),
            f"--bench-estimate={answer}",
            *prepared.arguments,
        ]
        (Path(folder) / "run").mkdir()
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if not answer.exists():
            raise UsageError(f"the tests cannot be read:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return msgspec.json.decode(answer.read_bytes(), type=TestCosts)
