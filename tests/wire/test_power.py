"""Power and coverage: the radio's model, power saving on the wire, lost coverage, meters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.modem.power_saving import (
    _ACTIVE_STEPS,
    _TAU_STEPS,
    decode_cycle,
    decode_timer,
    encode_cycle,
    encode_timer,
)
from bench.simulator.radio import ASLEEP, CONNECTED, CONNECTING, IDLE, LOST, Assistance, Cell, Saving, SimulatedRadio

MS = 1_000_000
S = 1000 * MS


class TestModel:
    """The radio in virtual time."""

    def radio(self, saving: Saving) -> SimulatedRadio:
        radio = SimulatedRadio(Cell(inactivity=1000, setup=20), "1")
        radio.switch(1, IDLE)
        radio.save(1, saving)  # an update of the tracking area: connected for a second
        return radio

    def test_a_board_sleeps_after_its_active_time_and_wakes_for_its_update(self) -> None:
        radio = self.radio(Saving(active=2000, periodic=600_000))
        radio.advance(700 * S)
        states = [(round(t / S, 2), state) for t, state in radio.changes][2:]
        assert states == [
            (0.02, CONNECTED),
            (1.02, IDLE),
            (3.02, ASLEEP),
            (603.02, CONNECTING),
            (603.04, CONNECTED),
            (604.04, IDLE),
            (606.04, ASLEEP),
        ]

    def test_a_sleeping_board_is_out_of_reach_until_it_sends(self) -> None:
        radio = self.radio(Saving(active=2000, periodic=600_000))
        assert radio.packet(10 * S, Assistance(), uplink=False) is None
        assert radio.state == ASLEEP
        assert radio.packet(20 * S, Assistance(), uplink=True) == 20 * S + 20 * MS
        assert radio.packet(21 * S, Assistance(), uplink=False) == 21 * S

    @given(st.integers(3 * S, 10**12), st.sampled_from([5120, 20_480, 81_920]))
    def test_an_idle_board_in_edrx_is_paged_at_its_next_occasion(self, pushed: int, cycle: int) -> None:
        radio = self.radio(Saving(cycle=cycle))
        assert radio.packet(pushed, Assistance(), uplink=False) is None
        assert radio.due_ns is not None
        assert radio.due_ns % (cycle * MS) == 0
        assert 0 < radio.due_ns - pushed <= cycle * MS
        radio.advance(radio.due_ns + 20 * MS)
        assert radio.state == CONNECTED

    def test_a_page_does_not_keep_a_board_awake(self) -> None:
        radio = self.radio(Saving(active=2000, periodic=600_000, cycle=81_920))
        assert radio.packet(2 * S, Assistance(), uplink=False) is None
        radio.advance(10 * S)
        assert (round(radio.changes[-1][0] / S, 2), radio.changes[-1][1]) == (3.02, ASLEEP)

    def test_without_coverage_nothing_passes_either_way(self) -> None:
        radio = self.radio(Saving())
        radio.switch(5 * S, LOST)
        for uplink in (True, False):
            assert radio.packet(6 * S, Assistance(), uplink=uplink) is None
        radio.switch(7 * S, IDLE)
        assert radio.packet(8 * S, Assistance(), uplink=True) == 8 * S + 20 * MS


class TestCodec:
    @given(st.sampled_from(sorted(_TAU_STEPS.values())), st.integers(0, 31))
    def test_timers_survive(self, step: int, count: int) -> None:
        assert decode_timer(encode_timer(step * count, _TAU_STEPS), _TAU_STEPS) == step * count

    @pytest.mark.parametrize(("seconds", "bits"), [(6, "00000011"), (60, "00011110"), (120, "00100010")])
    def test_active_times_of_the_standard(self, seconds: int, bits: str) -> None:
        assert encode_timer(seconds, _ACTIVE_STEPS) == bits

    def test_a_time_that_no_timer_has_is_refused_with_what_there_is(self) -> None:
        with pytest.raises(ValueError, match=r"no timer .* has 63 s: use at most 31 steps of \[2, 60, 360\] s"):
            encode_timer(63, _ACTIVE_STEPS)

    @given(st.text(max_size=10))
    def test_what_no_timer_is_means_none(self, text: str) -> None:
        decoded = decode_timer(text, _TAU_STEPS)
        assert decoded is None or (len(text) == 8 and decoded >= 0)

    def test_cycles(self) -> None:
        assert encode_cycle(20.48) == "0010"
        assert decode_cycle("1111") == 10485.76
        assert decode_cycle("x") is None
        with pytest.raises(ValueError, match="no eDRX cycle has 7 s"):
            encode_cycle(7)
