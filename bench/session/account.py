"""The account of a board and its SIM: a test that might spend too much is not begun; what each spends is kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.boards import Budget, Cost, Ledger, cost_of_commands
from bench.config.lab import Config
from bench.config.network_profile import PROFILES, NetworkProfile
from bench.errors import LabError
from bench.evidence import rows

_DETACHING = 4
"""Attaches of a test that detaches and never ran, so that nobody knows how often it attaches."""
_SOAK_A_MINUTE = 1_000_000
"""Bytes of a soak that never ran: 5,434 echoes of 64 bytes with their headers (184 bytes both ways)."""
_ROOM = 1.5
"""For what is sent again: bytes that a test may cost, as a multiple of those that it has cost."""


@dataclass(frozen=True)
class TestSize:
    """What the cost of a test depends on.

    Attributes:
        test: its id.
        marks: names of its markers.
        sizes: numbers of the command line that change it, such as ``soak`` and ``rounds``; 0 is the default.
    """

    __test__ = False

    test: str
    marks: Collection[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


class Account:
    """The spending of one board, test by test. Closed by its ledger."""

    def __init__(self, config: Config, ledger: Ledger, key: str) -> None:
        self._ledger = ledger
        self._key = key
        self.budget = Budget(config.budget, ledger, key, ledger.sim_of(key))
        self._left_over_charged = False
        self._begin_test()

    def _begin_test(self) -> None:
        self._most = Cost()
        self._spent = Cost()
        self._begun = False
        self._opening_commands = 0

    @property
    def resets_left(self) -> int | None:
        """Resets that the board's budget allows; None without a limit."""
        left = [line.limit - line.spent for line in self.budget.lines() if line.part == "resets"]
        return min(left, default=None)

    def expected(self, size: TestSize, profile: NetworkProfile) -> Cost:
        """Return the most that a test has cost on such a network or a simulated one, or what a new one may cost."""
        network = _network(size, profile.name)
        known = self._ledger.expected(size.test, network)
        known = known or self._ledger.expected(size.test, _network(size, PROFILES["simulated"].name))
        if known is not None:
            return replace(known, octets=round(known.octets * _ROOM))
        marks = set(size.marks)
        octets = 2 * (profile.volume if marks & {"measures", "timing"} else profile.bulk)
        if "soak" in marks:
            octets += size.sizes.get("soak", 0) * _SOAK_A_MINUTE
        return Cost(octets=octets, attaches=_DETACHING if "detaches" in marks else 0)

    def start_test(self, most: Cost, *, board_is_open: bool) -> None:
        """Refuse a test that might spend too much; note what it may spend, once the board is ours.

        Raises:
            BudgetSpent: the board or its SIM may not spend so much.
        """
        self._begin_test()
        self._most = most
        self.budget.allow(most)
        if board_is_open:
            self.begin()

    def begin(self) -> None:
        """Note what the test may spend, now that the board is ours, and what a test that was killed has spent."""
        if not self._left_over_charged:
            self.budget.charge_left_over()
            self._left_over_charged = True
        self.budget.begin(self._most)
        self._begun = True

    def count_for_sim(self, slot: str, sim: str) -> None:
        """Count for the SIM that the board has.

        Raises:
            BudgetSpent: it may not spend what the test might.
            LabError: bytes have a budget, and nobody knows which SIM it is.
        """
        if not sim and self.budget.limits_bytes:
            raise LabError(
                f"{slot} is registered, but does not say which SIM it has (AT%XICCID), so its bytes cannot be counted:"
                " repair that, or remove the byte budgets from bench.toml"
            )
        self.budget = replace(self.budget, sim=sim)
        if sim:
            self._ledger.remember_sim(self._key, sim)
        self.budget.begin(self._most)
        self.budget.allow(self._most)

    def note_opening(self, commands: int) -> None:
        """Note how many commands opened the board: they are not what the test costs."""
        self._opening_commands = commands

    def allow(self, cost: Cost) -> None:
        """Do nothing while the board and its SIM may spend so much.

        Raises:
            BudgetSpent: they may not.
        """
        self.budget.allow(cost)

    def spend(self, cost: Cost) -> None:
        """Count what is not part of a test."""
        self.budget.spend(cost)

    def add(self, octets: int | None) -> None:
        """Add bytes to what the test has spent; None where nobody knows how many: the most that it might."""
        self._spent += Cost(octets=self._most.octets if octets is None else octets)

    def settle(
        self, size: TestSize, profile: NetworkProfile, commands: Sequence[str], duration_ns: int, *, whole: bool
    ) -> rows.Spent:
        """Count what a test has spent; return it for its row.

        Args:
            size: of the test.
            profile: of the network.
            commands: that it has sent.
            duration_ns: that it took.
            whole: it came to its end, so that is what it costs.

        Raises:
            LabError: the ledger cannot be written.
        """
        time = Cost(milliseconds=duration_ns // 1_000_000)
        cost = self._spent + cost_of_commands(commands) + time
        with self._ledger.transaction():  # a test that is killed here is charged once
            self.budget.spend(cost)
            if self._begun:
                self.budget.over()
            if whole:
                own = self._spent + cost_of_commands(commands[self._opening_commands :]) + time
                self._ledger.note(size.test, _network(size, profile.name), own)
        return rows.Spent(
            octets=cost.octets,
            attaches=cost.attaches,
            credential_writes=cost.credential_writes,
            resets=cost.resets,
        )


def _network(size: TestSize, name: str) -> str:
    """Return what a test's cost depends on beside itself: kind of network, and sizes of the command line."""
    return " ".join([name, *(f"{option}={number}" for option, number in sorted(size.sizes.items()) if number)])
