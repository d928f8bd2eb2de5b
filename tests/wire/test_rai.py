"""Release assistance: the radio's model, its judgement in virtual time, and what boards and reports say of it."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.measure import RaiFinding, Round, Verdict, judge
from bench.report.timeline import TimeLine
from bench.simulator.radio import (
    CONNECTED,
    CONNECTING,
    IDLE,
    LAST,
    NO_DATA,
    OFF,
    ONE_RESP,
    Assistance,
    Cell,
    SimulatedRadio,
)

MS = 1_000_000
S = 1000 * MS


class Followed(SimulatedRadio):
    """A radio whose changes are kept."""

    def __init__(self, cell: Cell, seed: str = "1") -> None:
        self.seen: list[tuple[int, str]] = []
        super().__init__(cell, seed, lambda t, state: self.seen.append((t, state)))
        self.indicates = True
        self.switch(0, IDLE)

    def until(self, now_ns: int) -> list[tuple[int, str]]:
        self.advance(now_ns)
        seen, self.seen = self.seen, []
        return seen


class TestModel:
    CELL = Cell(setup=20, inactivity=5000, release=60)

    def test_a_packet_connects_and_silence_releases(self) -> None:
        radio = Followed(self.CELL)
        assert radio.packet(S, Assistance(), uplink=True) == S + 20 * MS
        assert radio.packet(S + 5 * MS, Assistance(), uplink=True) == S + 20 * MS
        assert radio.packet(2 * S, Assistance(), uplink=False) == 2 * S
        assert radio.until(20 * S) == [(0, IDLE), (S, CONNECTING), (S + 20 * MS, CONNECTED), (7 * S, IDLE)]

    @pytest.mark.parametrize(("value", "released_ms"), [(LAST, 80), (ONE_RESP, 5020), (0, 5020)])
    def test_the_last_packet_from_idle_releases(self, value: int, released_ms: int) -> None:
        radio, socket = Followed(self.CELL), Assistance()
        socket.announce(value)
        radio.packet(0, socket, uplink=True)
        assert radio.until(20 * S)[-1] == (released_ms * MS, IDLE)

    def test_the_one_response_releases_and_not_what_came_before(self) -> None:
        radio, socket = Followed(self.CELL), Assistance()
        radio.packet(0, socket, uplink=True)
        socket.announce(ONE_RESP)
        radio.packet(100 * MS, socket, uplink=False)  # an older answer
        radio.packet(200 * MS, socket, uplink=True)
        radio.packet(300 * MS, Assistance(), uplink=False)  # another socket's
        assert radio.due_ns == 5300 * MS
        radio.packet(400 * MS, socket, uplink=False)
        assert radio.until(20 * S)[-1] == (460 * MS, IDLE)

    def test_an_announcement_counts_once_and_for_its_socket(self) -> None:
        radio, one, other = Followed(self.CELL), Assistance(), Assistance()
        one.announce(LAST)
        radio.packet(0, other, uplink=True)
        radio.advance(S)
        radio.packet(S, one, uplink=True)
        radio.packet(S + MS, one, uplink=True)  # sent all the same
        assert radio.until(20 * S)[-1] == (6001 * MS, IDLE)

    def test_no_data_acts_at_once_and_only_when_connected(self) -> None:
        radio = Followed(self.CELL)
        radio.ended(0)
        assert radio.state == IDLE
        radio.packet(0, Assistance(), uplink=True)
        radio.advance(S)
        radio.ended(S)
        assert radio.until(20 * S)[-1] == (S + 60 * MS, IDLE)

    def test_a_modem_that_does_not_indicate(self) -> None:
        radio, socket = Followed(self.CELL), Assistance()
        radio.indicates = False
        socket.announce(LAST)
        radio.packet(0, socket, uplink=True)
        assert radio.until(20 * S)[-1] == (5020 * MS, IDLE)

    def test_without_the_radio_nothing_connects(self) -> None:
        radio = Followed(self.CELL)
        radio.packet(0, Assistance(), uplink=True)
        radio.switch(10 * MS, OFF)
        assert radio.packet(S, Assistance(), uplink=True) is None
        assert radio.until(20 * S)[-1] == (10 * MS, OFF)

    @given(
        st.lists(st.tuples(st.integers(0, 3 * S), st.booleans(), st.sampled_from([0, 1, 2, 3, 4, 5])), max_size=40),
        st.booleans(),
    )
    def test_states_follow_each_other_as_they_must(self, steps: list[tuple[int, bool, int]], indicates: bool) -> None:
        radio, socket, now = Followed(Cell()), Assistance(), 0
        radio.indicates = indicates
        for pause, uplink, value in steps:
            now += pause
            if value == NO_DATA:
                radio.ended(now)
            elif value:
                socket.announce(value)
            ready = radio.packet(now, socket, uplink=uplink)
            assert ready is not None
            assert now <= ready <= now + 20 * MS
        changes = radio.until(now + 100 * S)
        assert [t for t, _ in changes] == sorted(t for t, _ in changes)
        after = {IDLE: CONNECTING, CONNECTING: CONNECTED, CONNECTED: IDLE}
        states = [state for _, state in changes]
        assert all(after[a] == b for a, b in itertools.pairwise(states))
        assert states[-1] == IDLE
        assert radio.charge_uc >= 0

    @pytest.mark.parametrize(
        "text",
        [
            "grant=2",
            "setup=-1",
            "inactivity=nan",
            "inactivity=1e308",
            "longer=0.5",
            "number=-5",
            "as_rai=9",
            "x=1",
            "grant",
        ],
    )
    def test_a_cell_that_is_none(self, text: str) -> None:
        with pytest.raises(UsageError):
            Cell.parse(text)

    def test_a_cell_by_its_numbers(self) -> None:
        assert Cell.parse("number=7,grant=0.5,as_rai=0") == Cell(number=7, grant=0.5, as_rai=0)


def played(cells: Sequence[Cell], seed: int, option: int, count: int, *, indicates: bool = True) -> list[Round]:
    """Rounds on a radio in virtual time, with and without the option in turn; the cells share the night evenly."""
    chance = random.Random(seed)
    radio = Followed(cells[0], str(seed))
    radio.indicates = indicates
    now, rounds = 0, []
    for number in range(2 * count):
        radio.cell = cells[min(len(cells) - 1, number * len(cells) // (2 * count))]
        assisted = number % 4 in (1, 2)
        socket = Assistance()
        if assisted and option != NO_DATA:
            socket.announce(option)
        before = radio.cell
        ready = radio.packet(now, socket, uplink=True)
        assert ready is not None
        if option == ONE_RESP:
            radio.packet(ready + chance.randint(20, 200) * MS, socket, uplink=False)
        if assisted and option == NO_DATA:
            radio.ended(ready + chance.randint(1, 20) * MS)
        released = radio.until(now + 100 * S)[-1]
        assert released[1] == IDLE
        seen = released[0] + chance.randint(0, 4) * MS  # when the URC has been read
        rounds.append(Round(assisted, seen - now, (str(before.number), str(radio.cell.number)), True))
        now += 200 * S
    return rounds


TEN_S = Cell(inactivity=10_000)
DEAF = replace(TEN_S, grant=0)
OTHER = Cell(number=2, inactivity=2_000)


class TestVerdict:
    SEEDS = range(100)

    def right(self, wanted: Verdict, cells: Sequence[Cell], *, count: int = 10, **options: bool) -> None:
        for option in (LAST, ONE_RESP, NO_DATA):
            found = [judge(played(cells, s, option, count, **options), cell_knows=True) for s in self.SEEDS]
            hits = sum(finding.verdict is wanted for finding in found)
            assert hits >= 99, f"{hits} of 100 are {wanted}"

    def test_granted(self) -> None:
        self.right(Verdict.SHORTENED, [Cell(inactivity=10_000)])

    def test_ignored(self) -> None:
        self.right(Verdict.NOT_SHORTENED, [Cell(inactivity=10_000, grant=0)])

    def test_granted_at_random(self) -> None:
        self.right(Verdict.AT_RANDOM, [Cell(inactivity=10_000, grant=0.5)])

    def test_changing_in_the_middle(self) -> None:
        self.right(Verdict.CELLS_DIFFER, [Cell(inactivity=10_000), Cell(inactivity=10_000, number=2, grant=0)])

    @pytest.mark.parametrize(
        ("cells", "count", "wanted"),
        [
            # several networks in turn, with timers of their own
            ([TEN_S, OTHER], 10, Verdict.SHORTENED),
            ([DEAF, replace(OTHER, grant=0)], 10, Verdict.NOT_SHORTENED),
            ([TEN_S, replace(OTHER, grant=0)], 10, Verdict.CELLS_DIFFER),
            ([TEN_S, OTHER] * 5, 10, Verdict.SHORTENED),
            ([TEN_S, OTHER, Cell(number=3, inactivity=20_000)] * 2, 12, Verdict.SHORTENED),
            ([Cell(number=number, inactivity=10_000) for number in range(20)], 10, Verdict.CELL_CHANGED),
            # a cell that grants at some hours
            ([TEN_S, DEAF], 10, Verdict.AT_TIMES),
            ([DEAF, TEN_S, DEAF], 20, Verdict.AT_TIMES),
            # a cell whose timer drifts while the rounds are played, or changes once
            ([replace(TEN_S, inactivity=20_000 - 900 * step) for step in range(21)], 21, Verdict.SHORTENED),
            ([replace(DEAF, inactivity=20_000 - 900 * step) for step in range(21)], 21, Verdict.NOT_SHORTENED),
            ([DEAF, replace(DEAF, inactivity=2_000)], 10, Verdict.NOT_SHORTENED),
            ([TEN_S, replace(TEN_S, inactivity=2_000)], 10, Verdict.SHORTENED),
        ],
    )
    def test_odd_cells(self, cells: list[Cell], count: int, wanted: Verdict) -> None:
        self.right(wanted, cells, count=count)

    def test_a_sentence_names_the_cells_that_differ(self) -> None:
        finding = judge(played([TEN_S, replace(OTHER, grant=0)], 1, LAST, 10), cell_knows=True)
        assert f"in cell {TEN_S.number} shortened: " in finding.sentence
        assert f"in cell {OTHER.number} not shortened: " in finding.sentence

    def test_a_modem_that_does_not_indicate_in_a_cell_that_is_known(self) -> None:
        rounds = played([Cell(inactivity=10_000)], 1, LAST, 10, indicates=False)
        assert judge(rounds, cell_knows=True).verdict is Verdict.NOT_SHORTENED
        assert judge(rounds, cell_knows=None, known_good=True).verdict is Verdict.NOT_INDICATED

    def test_times_to_idle_are_those_of_the_model(self) -> None:
        rounds = played([Cell(inactivity=10_000)], 1, LAST, 50)
        finding = judge(rounds, cell_knows=True)
        assert finding.without is not None
        assert finding.with_rai is not None
        assert abs(finding.without.value - 10_020 * MS) <= 5 * MS
        assert abs(finding.with_rai.value - 80 * MS) <= 5 * MS
        assert finding.sentence.startswith("median time to idle from 10 s")

    def test_other_findings(self) -> None:
        rounds = played([Cell(inactivity=10_000)], 1, LAST, 10)
        assert judge(rounds, cell_knows=False).verdict is Verdict.NO_RAI
        assert judge(rounds[:4], cell_knows=True).verdict is Verdict.TOO_FEW
        assert judge([], cell_knows=None).verdict is Verdict.TOO_FEW
        lost = [Round(r.with_rai, r.idle_ns, r.cells, delivered=not r.with_rai) for r in rounds]
        assert judge(lost, cell_knows=True).verdict is Verdict.BROKE_DELIVERY
        silent = [Round(r.with_rai, r.idle_ns, r.cells, True, answered=not r.with_rai) for r in rounds[:6]]
        assert judge(silent, cell_knows=True).verdict is Verdict.BROKE_DELIVERY
        stuck = [Round(r.with_rai, r.idle_ns if r.with_rai else None, r.cells, True) for r in rounds]
        assert judge(stuck, cell_knows=True).verdict is Verdict.TOO_FEW

    @pytest.mark.parametrize(
        ("without", "assisted", "verdict"),
        [
            ((10, 3, 10), (10, 3, 10), Verdict.NOT_SHORTENED),
            ((10, 10, 3), (3, 3, 3), Verdict.TOO_FEW),
            ((10,) * 9 + (3,), (1,) * 10, Verdict.SHORTENED),
            ((10,) * 8 + (3,) * 2, (10,) * 8 + (3,) * 2, Verdict.NOT_SHORTENED),
            ((10,) * 10, (10, 1) * 5, Verdict.AT_RANDOM),
            ((10,) * 10, (10,) * 5 + (1,) * 5, Verdict.AT_TIMES),
        ],
    )
    def test_what_a_network_does_by_itself_is_not_the_options(
        self, without: tuple[int, ...], assisted: tuple[int, ...], verdict: Verdict
    ) -> None:
        rounds = [
            Round(kind, s * S, ("a", "a"), True) for kind, row in ((False, without), (True, assisted)) for s in row
        ]
        assert judge(rounds, cell_knows=True).verdict is verdict

    @given(
        st.lists(
            st.builds(
                Round,
                st.booleans(),
                st.none() | st.integers(0, 10**11),
                st.just(("a", "a")) | st.just(("a", "b")),
                st.booleans(),
                st.none() | st.booleans(),
            ),
            max_size=30,
        )
    )
    def test_whatever_was_seen_gets_a_verdict(self, rounds: list[Round]) -> None:
        finding: RaiFinding = judge(rounds, cell_knows=None)
        assert finding.sentence


def test_a_time_line_is_a_picture_without_overlaps() -> None:
    line = TimeLine("round 1 <b>", ("AT", "RRC"))
    assert line.svg() == ""
    line.marks += [("AT", 0, "send"), ("AT", 1000, "OK"), ("AT", 500 * MS, "later")]
    line.bands.append(("RRC", 0, 400 * MS, "connected"))
    text = line.svg()
    assert "round 1 &lt;b&gt;" in text
    assert ">OK<" not in text, "it would stand on the mark before it"
    assert all(word in text for word in (">send<", ">later<", ">connected<", ">500 ms<"))


def test_charge_follows_the_states() -> None:
    """The simulated figure of energy: connected mode costs what the model says it does."""
    short, long = Followed(Cell(inactivity=100)), Followed(Cell(inactivity=10_000))
    for radio in (short, long):
        radio.packet(S, Assistance(), uplink=True)
        radio.advance(60 * S)
        radio.switch(60 * S, IDLE)
    assert numpy.isclose(long.charge_uc - short.charge_uc, (32 - 0.9) * 9900)
