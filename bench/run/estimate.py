"""What a run would spend, board by board, before anything is sent."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from bench.boards import BoardSpec, Budget, BudgetLine, Cost, Ledger
from bench.config.firmware import application_text
from bench.errors import LabError
from bench.flashing import holds
from bench.history import Store
from bench.modem.dialects import DIALECTS
from bench.run.control_board import control_boards
from bench.run.execute import Prepared
from bench.run.listing import query_tests
from bench.run.selection import INTERLEAVED_ROUNDS
from bench.session.planned import PlannedTest, total_cost


@dataclass(frozen=True)
class SpendingEstimate:
    """What one board and its SIM would spend.

    Attributes:
        rounds: of the tests.
        tests: how many each round has, without those that are left out.
        left_out: how many more the board's firmware does not have the features for.
        firmware: the application that tells so, as the board had it in its last run; empty where it never ran.
        depends: some of the tests may be left out, for that is not known.
        unknown: how many of them never ran, so that nobody knows their time.
        cost: of all rounds.
        lines: of its budget.
        sim_unknown: bytes cannot be compared with the budget: which SIM the board has is not known yet.
    """

    spec: BoardSpec
    rounds: int
    tests: int
    left_out: int
    firmware: str
    depends: bool
    unknown: int
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
            found = query_tests(prepared.selection, prepared.arguments, prepared.request.config, spec)
            planned = [test for test in found if not test.needs]
            application = _last_application(prepared, spec)
            tests = [test for test in planned if _has_features(application, test)]
            flashes = sum(not holds(ledger, spec, image) for image in prepared.images.of(spec))
            cost = sum([total_cost(tests)] * rounds, Cost(flashes=flashes, resets=flashes))
            budget = Budget(prepared.lab.budget, ledger, spec.key, ledger.sim_of(spec.key))
            yield SpendingEstimate(
                spec,
                rounds,
                len(tests),
                len(planned) - len(tests),
                application_text(*application) if application else "",
                application is None and any(test.features for test in planned),
                sum(not test.milliseconds for test in tests),
                cost,
                tuple(budget.lines()),
                not budget.sim and _limits_bytes(prepared),
            )


def _last_application(prepared: Prepared, spec: BoardSpec) -> tuple[str, str] | None:
    """Return application and version of a board's last run; None where that is unknown, or was asked to be another."""
    path = prepared.request.history or prepared.lab.history
    if not path.is_file() or (not spec.hardware and prepared.request.firmwares):
        return None
    try:
        with Store(path, only_read=True) as store:
            return store.last_application(spec.slot, simulated=not spec.hardware)
    except LabError:
        return None


def _has_features(application: tuple[str, str] | None, test: PlannedTest) -> bool:
    """Return whether a firmware has what a test needs; one that is not known may have all."""
    dialect = next((one for one in DIALECTS if application and one.application == application[0]), None)
    return dialect is None or application is None or dialect.has_all(test.features, application[1])


def all_specs(prepared: Prepared) -> list[BoardSpec]:
    """Return the boards under test, and stand-ins for simulated ones, which do not run yet."""
    count = range(prepared.simulated)
    simulated = [BoardSpec(f"simulated-{number + 1}", os.devnull, hardware=False) for number in count]
    return [*prepared.boards, *simulated]


def _limits_bytes(prepared: Prepared) -> bool:
    budget = prepared.lab.budget
    return budget.bytes_per_day is not None or budget.bytes_per_month is not None
