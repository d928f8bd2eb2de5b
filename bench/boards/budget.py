"""Budgets: the limits of what SIMs and boards may spend, checked before anything is spent."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from bench.boards.ledger import Cost, Ledger
from bench.config.lab import BudgetConfig as Limits
from bench.errors import LabError
from bench.modem.dialects import reset_commands

_ATTACH = re.compile(r"AT\+CFUN=(1|21)\b", re.IGNORECASE)
_WRITE = re.compile(r"AT%CMNG=[03],", re.IGNORECASE)


class BudgetSpent(LabError):
    """A budget of a SIM or a board is spent: only the next day or month helps, or a larger budget."""

    worth_retry = False
    ends_by_itself = False
    takes_patience = False


def cost_of_commands(commands: Iterable[str]) -> Cost:
    """Return the cost of commands to a board: attaches, writes to its flash, resets (each attaches anew)."""
    resetting = reset_commands()
    attaches = writes = resets = 0
    for command in commands:
        is_reset = command.upper() in resetting
        resets += is_reset
        attaches += is_reset or _ATTACH.match(command) is not None
        writes += _WRITE.match(command) is not None
    return Cost(attaches=attaches, credential_writes=writes, resets=resets)


@dataclass(frozen=True)
class Budget:
    """The budgets of one board and its SIM.

    Attributes:
        board: its key.
        sim: its SIM as a short id; empty while nobody knows it.
    """

    limits: Limits
    ledger: Ledger
    board: str
    sim: str = ""

    @property
    def limits_bytes(self) -> bool:
        """Return True when a SIM's bytes have a limit."""
        return self.limits.bytes_per_day is not None or self.limits.bytes_per_month is not None

    def spend(self, cost: Cost) -> None:
        """Note a cost: bytes by the SIM, the rest by the board."""
        self._charge(_today(), self.sim, cost)

    def begin(self, most: Cost) -> None:
        """Note that a test begins that may spend so much; for the holder of the board."""
        self.ledger.begin(_today(), self.board, self.sim, most)

    def over(self) -> None:
        """Note that the test that began is over; its cost is noted by then."""
        self.ledger.over(self.board)

    def charge_left_over(self) -> None:
        """Charge a test of this board whose process was killed with the most that it might have spent."""
        found = self.ledger.left_over(self.board)
        if found is not None:
            with self.ledger.transaction():
                self._charge(*found)
                self.over()

    def _charge(self, day: date, sim: str, cost: Cost) -> None:
        with self.ledger.transaction():
            if sim:
                self.ledger.spend(day, sim, Cost(octets=cost.octets))
            self.ledger.spend(day, self.board, replace(cost, octets=0, milliseconds=0))

    def allow(self, cost: Cost) -> None:
        """Raise BudgetSpent unless so much may still be spent.

        Raises:
            BudgetSpent: names the budget, the amount spent of it, and the amount needed.
        """
        for line in self.lines():
            wanted = getattr(cost, line.part)
            if wanted and not line.holds(cost):
                raise BudgetSpent(
                    f"budget of {line.subject} for this {line.period}: {line.spent:,} of {line.limit:,} {line.what} are"
                    f" spent, and {wanted:,} may be needed; [budget] {line.key} in bench.toml"
                )

    def lines(self) -> list["BudgetLine"]:
        """Return each budget that is set, with the amount spent of it."""
        today = _today()
        month = today.replace(day=1)
        limits = self.limits
        rows = (
            ("bytes_per_day", limits.bytes_per_day, self.sim, "day", today, "octets", "bytes"),
            ("bytes_per_month", limits.bytes_per_month, self.sim, "month", month, "octets", "bytes"),
            ("attaches_per_day", limits.attaches_per_day, self.board, "day", today, "attaches", "attaches"),
            ("credential_writes_per_day", limits.credential_writes_per_day, self.board, "day", today,
             "credential_writes", "credential writes"),
            ("flashes_per_day", limits.flashes_per_day, self.board, "day", today, "flashes", "flashes"),
            ("resets_per_day", limits.resets_per_day, self.board, "day", today, "resets", "resets"),
        )  # fmt: skip
        return [
            BudgetLine(key, subject, period, getattr(self.ledger.spent(subject, first, today), part), limit, part, what)
            for key, limit, subject, period, first, part, what in rows
            if limit is not None and subject
        ]


@dataclass(frozen=True)
class BudgetLine:
    """One budget: its key in bench.toml, its SIM or board, its period, the amount spent and the limit."""

    key: str
    subject: str
    period: str
    spent: int
    limit: int
    part: str
    what: str

    def holds(self, cost: Cost) -> bool:
        """Return True when so much more stays within the budget."""
        return self.spent + int(getattr(cost, self.part)) <= self.limit


def _today() -> date:
    return datetime.now(UTC).date()
