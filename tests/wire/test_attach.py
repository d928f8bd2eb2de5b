"""One attempt to attach, by what recorded modems said: when it is over, and whose fault that is. Time is given."""

import pytest

from bench.clock import NS_PER_S
from bench.modem.answers import fields_of
from bench.modem.attach import Attach, State

S = NS_PER_S


def attach(sim_answers: bool = True) -> Attach:
    return Attach(began_ns=0, deadline_ns=300 * S, sim_answers=sim_answers)


def heard(text: str) -> State:
    return State.of(fields_of(text))


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("+CEREG: 2", State(2)),
        ("+CEREG: 90", State(90)),
        ('+CEREG: 2,"B4AA","000A0020",9', State(2, ("B4AA", "000A0020"))),
        ('+CEREG: 2,"41AA","03390010",7,0,11', State(2, ("41AA", "03390010"), 11)),
        ('+CEREG: 3,"124A","02ED0202",7,0,0', State(3, ("124A", "02ED0202"))),
        ('+CEREG: 90,,"FFFFFFFF",,,,,', State(90)),
        ('+CEREG: 4,"FFFE","FFFFFFFF",7,0,0,"00000000","00000000"', State(4)),
        ('+CEREG: 5,"B4AA","000A0020",9,0,18,"00000000","00111000"', State(5, ("B4AA", "000A0020"), 18)),
        ('+CEREG: 1,"1DAA","0D71004D",9,,,"00100001","00000110"', State(1, ("1DAA", "0D71004D"))),
        ('+CEREG: 2,"1DAA","0D71004D",9,1,5', State(2, ("1DAA", "0D71004D"))),  # the maker's own cause, no EMM cause
        ("+CEREG: x", State(-1)),
    ],
)
def test_a_line_of_registration(line: str, state: State) -> None:
    assert heard(line) == state
    assert state.registered is (state.stat in (1, 5))


class TestRefusals:
    @pytest.mark.parametrize("cause", [2, 3, 5, 6, 7, 8])
    def test_of_the_sim_end_it_at_once(self, cause: int) -> None:
        one = attach()
        one.hear_state(heard(f'+CEREG: 2,"41AA","03390010",7,0,{cause}'), 3 * S)
        assert one.is_refused(3 * S)
        another = attach()
        another.take_emm((str(cause),))
        assert another.is_refused(0)

    @pytest.mark.parametrize("cause", [11, 12, 13, 14, 15, 17, 22, 35, 42, 99])
    def test_of_a_network_do_not(self, cause: int) -> None:
        one = attach()
        one.hear_state(heard(f'+CEREG: 2,"41AA","03390010",7,0,{cause}'), 3 * S)
        assert not one.is_refused(299 * S)
        assert one.emm == cause

    def test_in_an_answer_may_be_old_so_the_modem_gets_the_time_to_try_again(self) -> None:
        one = attach()
        one.take_state(heard('+CEREG: 2,"41AA","03390010",7,0,3'), S)
        assert not one.is_refused(5 * S)
        assert one.is_refused(12 * S)

    def test_of_the_context_end_it_unless_another_network_is_tried(self) -> None:
        one = attach()
        one.hear_state(heard('+CEREG: 2,"41AA","03390010",7'), S)
        one.take_esm(("27", "0"), 2 * S)
        assert not one.is_refused(4 * S)
        assert one.is_refused(12 * S)
        one.hear_state(heard('+CEREG: 2,"A2AA","00510015",7'), 4 * S)
        assert not one.is_refused(100 * S)

    def test_of_another_context_say_nothing(self) -> None:
        one = attach()
        one.take_esm(("33", "1"), S)
        assert one.esm is None
        assert not one.is_refused(299 * S)

    def test_of_the_context_stand_where_the_modem_has_no_other_cell(self) -> None:
        """Recorded: between two attempts in one cell +CEREG says 2 without a cell."""
        one = attach()
        for second in range(1, 13, 2):
            one.hear_state(heard('+CEREG: 2,"C15D","000BF821",9'), second * S)
            one.take_esm(("27", "0"), second * S)
            one.hear_state(heard("+CEREG: 2"), (second + 1) * S)
        assert one.is_refused(12 * S)
        assert one.place_ns == S

    def test_of_the_context_stand_where_each_of_two_cells_has_refused_it(self) -> None:
        one = attach()
        for second in range(1, 20, 2):
            one.hear_state(heard(f'+CEREG: 2,"C15D","000BF82{second % 4}",9'), second * S)
            one.take_esm(("27", "0"), second * S)
        assert one.is_refused(20 * S)

    def test_of_a_network_that_was_left_are_not_the_last_word(self) -> None:
        one = attach()
        one.hear_state(heard('+CEREG: 2,"41AA","03390010",7'), S)
        one.take_esm(("33", "0"), 2 * S)
        assert one.is_final
        one.hear_state(heard('+CEREG: 2,"A2AA","00510015",7'), 3 * S)
        one.take_emm(("22",))
        assert not one.is_final

    def test_zero_is_no_cause_and_hides_none(self) -> None:
        one = attach()
        one.take_emm(("11",))
        one.hear_state(heard('+CEREG: 2,"41AA","03390010",7,0,0,"11100000","11100000"'), S)
        assert one.emm == 11

    def test_what_comes_with_every_good_attach_is_none(self) -> None:
        one = attach()
        one.take_esm(("50", "0"), S)
        assert not one.is_refused(299 * S)


class TestSim:
    def test_some_seconds_of_90_are_the_sims_fault(self) -> None:
        one = attach(sim_answers=False)
        one.hear_state(heard("+CEREG: 90"), S)
        assert not one.lacks_sim(3 * S)
        assert one.lacks_sim(6 * S)

    def test_a_moment_of_90_is_a_sim_that_boots(self) -> None:
        one = attach(sim_answers=False)
        one.hear_state(heard("+CEREG: 90"), S)
        one.hear_state(heard("+CEREG: 2"), 2 * S)
        assert not one.lacks_sim(299 * S)

    def test_a_pin_gives_it_its_time_anew(self) -> None:
        one = attach(sim_answers=False)
        one.hear_state(heard("+CEREG: 90"), S)
        one.sim_unlocked(5 * S)
        assert not one.lacks_sim(7 * S)
        assert one.lacks_sim(11 * S)

    def test_it_is_asked_often_only_while_it_may_boot(self) -> None:
        one = attach(sim_answers=False)
        assert one.is_open(S)
        assert not one.is_open(11 * S)


def test_a_urc_that_was_on_its_way_is_older_than_the_answer() -> None:
    one = attach()
    one.take_state(heard('+CEREG: 1,"41AA","03390010",7'), 5 * S)
    one.hear_state(heard("+CEREG: 2"), 4 * S)
    assert one.state.registered


def test_when_a_cell_was_found() -> None:
    one = attach()
    one.hear_state(heard("+CEREG: 2"), S)
    assert one.place_ns == 0
    one.hear_state(heard('+CEREG: 2,"41AA","03390010",7'), 2 * S)
    one.hear_state(heard('+CEREG: 2,"41AA","03390010",7,0,11'), 3 * S)
    assert one.place_ns == 2 * S
