"""Policies at their borders: the last day that counts, the last byte, the last try, and the first beyond."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bench.boards import Budget, BudgetSpent, Cost, Ledger, reservation_of, reserve
from bench.boards.escalation import ResetBudget
from bench.cli.moment import moment
from bench.config.known_issues import KnownIssue
from bench.config.lab import BudgetConfig as Limits
from bench.config.plan import Waiver
from bench.errors import UsageError
from bench.evidence.rows import BoardRow
from bench.measure import LimitVerdict, at_least, at_most, within

DAY = date(2026, 11, 30)
OK, MARGINAL, OUTSIDE = LimitVerdict.OK, LimitVerdict.MARGINAL, LimitVerdict.OUTSIDE


class Clock:
    """Stands in for ``datetime`` in a module that asks it for the time."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 12, tzinfo=UTC)

    def now(self, zone: object = None) -> datetime:
        assert zone is UTC, "budgets and dates go by UTC"
        return self.at

    fromisoformat = staticmethod(datetime.fromisoformat)


class TestExpiry:
    """A day counts to its end."""

    @pytest.mark.parametrize(("today", "excused"), [(-1, True), (0, True), (1, False), (365, False)])
    def test_a_known_issue(self, today: int, excused: bool) -> None:
        fields = {"test": "*", "reason": "r", "reference": "N-1", "owner": "anna", "expires": DAY}
        row = KnownIssue.model_validate(fields)
        assert row.excuses("t::a", BoardRow(), DAY + timedelta(days=today)) is excused

    @pytest.mark.parametrize(
        ("now", "excused"),
        [
            (datetime(2026, 11, 30, 0, 0, tzinfo=UTC), True),
            (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), True),
            (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), False),
        ],
    )
    def test_a_known_issue_today(self, monkeypatch: pytest.MonkeyPatch, now: datetime, excused: bool) -> None:
        clock = Clock()
        clock.at = now
        monkeypatch.setattr("bench.config.known_issues.datetime", clock)
        fields = {"test": "*", "reason": "r", "reference": "N-1", "owner": "anna", "expires": DAY}
        assert KnownIssue.model_validate(fields).excuses("t::a", BoardRow()) is excused

    @pytest.mark.parametrize(("today", "excused"), [(-1, True), (0, True), (1, False)])
    @pytest.mark.parametrize("kind", ["known issue", "quarantine"])
    def test_a_waiver(self, kind: str, today: int, excused: bool) -> None:
        fields = {"test": "*", "kind": kind, "reason": "r", "reference": "N-1", "owner": "anna", "expires": DAY}
        row = Waiver.model_validate(fields)
        assert row.concerns("t::a", kind, DAY + timedelta(days=today)) is excused


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("bench.boards.budget.datetime", found)
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def budget(ledger: Ledger, **limits: int) -> Budget:
    return Budget(Limits(**limits), ledger, "board", "sim")


BUDGETS = [
    ("bytes_per_day", Cost(octets=1)),
    ("bytes_per_month", Cost(octets=1)),
    ("attaches_per_day", Cost(attaches=1)),
    ("credential_writes_per_day", Cost(credential_writes=1)),
    ("resets_per_day", Cost(resets=1)),
]


def times(cost: Cost, number: int) -> Cost:
    return Cost(*(number * getattr(cost, name) for name in Cost.__dataclass_fields__))


@pytest.mark.usefixtures("clock")
class TestBudget:
    @pytest.mark.parametrize(("key", "one"), BUDGETS)
    def test_all_of_it_may_be_spent_and_no_more(self, ledger: Ledger, key: str, one: Cost) -> None:
        mine = budget(ledger, **{key: 10})
        mine.allow(times(one, 10))
        with pytest.raises(BudgetSpent, match=f"0 of 10 .* are spent, and 11 may be needed; .budget. {key}"):
            mine.allow(times(one, 11))
        mine.spend(times(one, 9))
        mine.allow(one)
        with pytest.raises(BudgetSpent, match="9 of 10"):
            mine.allow(times(one, 2))
        mine.spend(one)
        mine.allow(Cost())
        with pytest.raises(BudgetSpent, match="10 of 10"):
            mine.allow(one)

    @pytest.mark.parametrize(("key", "one"), BUDGETS)
    def test_what_it_does_not_limit_is_free(self, ledger: Ledger, key: str, one: Cost) -> None:
        other = Cost(*(1000 * (not getattr(one, name)) for name in Cost.__dataclass_fields__))
        budget(ledger, **{key: 10}).allow(other)

    @pytest.mark.parametrize(("key", "one"), BUDGETS)
    def test_a_day_ends_at_midnight_utc_and_a_month_with_its_last(
        self, ledger: Ledger, clock: Clock, key: str, one: Cost
    ) -> None:
        mine = budget(ledger, **{key: 1})
        clock.at = datetime(2026, 11, 29, 0, 0, tzinfo=UTC)
        mine.spend(one)
        clock.at = datetime(2026, 11, 29, 23, 59, 59, 999999, tzinfo=UTC)
        with pytest.raises(BudgetSpent):
            mine.allow(one)
        monthly = key.endswith("month")
        for second in (0, 86399):
            clock.at = datetime(2026, 11, 30, tzinfo=UTC) + timedelta(seconds=second)
            if monthly:
                with pytest.raises(BudgetSpent, match="for this month"):
                    mine.allow(one)
            else:
                mine.allow(one)
        clock.at = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
        mine.allow(one)

    def test_the_first_of_a_month_counts_for_it(self, ledger: Ledger, clock: Clock) -> None:
        mine = budget(ledger, bytes_per_month=1)
        clock.at = datetime(2026, 11, 1, tzinfo=UTC)
        mine.spend(Cost(octets=1))
        clock.at = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
        with pytest.raises(BudgetSpent):
            mine.allow(Cost(octets=1))

    def test_a_sim_and_a_board_have_their_own(self, ledger: Ledger) -> None:
        """A SIM in another board has still spent its bytes; a board with another SIM has still attached."""
        mine = budget(ledger, bytes_per_day=1, attaches_per_day=1)
        mine.spend(Cost(octets=1, attaches=1))
        moved = Budget(mine.limits, ledger, "another board", "sim")
        moved.allow(Cost(attaches=1))
        with pytest.raises(BudgetSpent):
            moved.allow(Cost(octets=1))
        fresh = Budget(mine.limits, ledger, "board", "another sim")
        fresh.allow(Cost(octets=1))
        with pytest.raises(BudgetSpent):
            fresh.allow(Cost(attaches=1))

    def test_what_a_killed_test_might_have_spent_counts_for_its_own_day(self, ledger: Ledger, clock: Clock) -> None:
        mine = budget(ledger, bytes_per_day=10)
        clock.at = datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC)
        mine.begin(Cost(octets=10))
        clock.at = datetime(2026, 11, 30, 0, 0, 1, tzinfo=UTC)
        mine.charge_left_over()
        mine.charge_left_over()
        mine.allow(Cost(octets=10))
        assert ledger.spent("sim", date(2026, 11, 29), date(2026, 11, 29)).octets == 10

    def test_a_ledger_remembers_longer_than_two_months(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "kept.sqlite") as ledger:
            for days in (0, 61, 62, 63):
                ledger.spend(DAY - timedelta(days=days), "sim", Cost(octets=1))
        with Ledger(tmp_path / "kept.sqlite") as ledger:
            assert ledger.spent("sim", DAY - timedelta(days=99), DAY).octets == 3


@pytest.mark.parametrize(("left", "taken"), [(0, 0), (1, 1), (3, 3)])
def test_resets_of_a_run(left: int, taken: int) -> None:
    resets = ResetBudget(left)
    assert [resets.take() for _ in range(5)] == [True] * taken + [False] * (5 - taken)


class TestReservation:
    def test_it_ends_at_its_second(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path))
        clock = Clock()
        monkeypatch.setattr("bench.boards.reservation.datetime", clock)
        end = clock.at + timedelta(hours=1)
        for passed in (clock.at, clock.at - timedelta(seconds=1)):
            with pytest.raises(UsageError, match="has passed"):
                reserve("key", passed, "a look")
        reserve("key", end, "a look")
        clock.at = end - timedelta(seconds=1)
        assert reservation_of("key") is not None
        clock.at = end
        assert reservation_of("key") is None


@pytest.mark.parametrize(
    ("now", "hours"),
    [("05:59:59", 1 / 3600), ("06:00:00", 24), ("06:00:01", 24 - 1 / 3600), ("23:59:59", 6 + 1 / 3600)],
)
def test_a_time_of_day_is_the_next_one(now: str, hours: float) -> None:
    start = datetime.fromisoformat(f"2026-11-23 {now}").astimezone()
    assert moment("06:00", start) - start == timedelta(seconds=round(hours * 3600))


class TestLimits:
    @pytest.mark.parametrize(
        ("value", "verdict"),
        [(89.999, OK), (90.0, OK), (90.001, MARGINAL), (100.0, MARGINAL), (100.001, OUTSIDE), (float("nan"), OUTSIDE)],
    )
    def test_at_most(self, value: float, verdict: str) -> None:
        assert at_most(100.0, marginal=0.1).verdict(value) == verdict

    @pytest.mark.parametrize(
        ("value", "verdict"),
        [(99.999, OUTSIDE), (100.0, MARGINAL), (109.999, MARGINAL), (110.001, OK), (float("nan"), OUTSIDE)],
    )
    def test_at_least(self, value: float, verdict: str) -> None:
        assert at_least(100.0, marginal=0.1).verdict(value) == verdict

    @pytest.mark.parametrize(
        ("value", "verdict"),
        [
            (99.999, OUTSIDE), (100.0, MARGINAL), (109.999, MARGINAL), (110.0, OK), (190.0, OK), (190.001, MARGINAL),
            (200.0, MARGINAL), (200.001, OUTSIDE), (float("nan"), OUTSIDE),
        ],
    )  # fmt: skip
    def test_within(self, value: float, verdict: str) -> None:
        assert within((100.0, 200.0), marginal=0.1).verdict(value) == verdict

    def test_seconds_are_a_thousand_million_nanoseconds(self) -> None:
        assert at_most(seconds=1).verdict(1_000_000_000) == OK
        assert at_most(seconds=1).verdict(1_000_000_001) == OUTSIDE
        assert at_least(seconds=1).verdict(999_999_999) == OUTSIDE
        assert within(seconds=(1, 2)).verdict(2_000_000_001) == OUTSIDE
