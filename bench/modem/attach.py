"""One attempt to attach, as it goes: what the modem has said so far, and when that is enough. No port, no waiting."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.at.numbers import whole_number
from bench.clock import NS_PER_S
from bench.modem.causes import EMM, ESM, is_permanent

HOME, SEARCHING, DENIED, ROAMING, NO_SIM = 1, 2, 3, 5, 90
REGISTERED = (HOME, ROAMING)
_NAS_CAUSE = 0
"""<cause_type> of an EMM cause; 1 is the maker's own."""
_ATTACH_CONTEXT = 0
_NO_CELL = ("FFFE", "FFFFFFFF")
"""What stands for a tracking area and a cell where there is none."""

# A SIM boots for up to two seconds, and +CEREG may say 90 meanwhile.
_SIM_NS = 5 * NS_PER_S
# After this a SIM that is silent is asked less often.
_BOOT_NS = 10 * NS_PER_S
# A modem that one network has refused tries the next one: a registration 2.5 s later was recorded.
_NEXT_NETWORK_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class State:
    """What follows <n> in a line of +CEREG.

    Attributes:
        stat: the registration; -1 where it is not a number.
        place: tracking area and cell, as they are written; empty strings where they are not told.
        cause: EMM cause of the last refusal; None for none, which some firmwares write as 0.
    """

    stat: int
    place: tuple[str, str] = ("", "")
    cause: int | None = None

    @classmethod
    def of(cls, fields: Sequence[str]) -> "State":
        """Return the state of the fields: stat, tac, ci, AcT, cause type, cause."""
        stat, kind, cause = (whole_number(fields[i]) if len(fields) > i else None for i in (0, 4, 5))
        place = ["" if text in _NO_CELL else text for text in (*fields[1:3], "", "")]
        refused = cause if kind in (None, _NAS_CAUSE) else None
        return cls(-1 if stat is None else stat, (place[0], place[1]), refused or None)

    @property
    def registered(self) -> bool:
        """Return whether the network has let the board in."""
        return self.stat in REGISTERED


@dataclass
class Attach:
    """What is known of the attempt.

    Attributes:
        began_ns: when the waiting began.
        deadline_ns: when it ends.
        state: the last that was heard, and when.
        emm, esm: the last cause of a kind that the network gave for the context to attach with.
        place_ns: when the modem named a cell that was new to it.
        sim_answers: whether the SIM has answered that it is ready.
    """

    began_ns: int
    deadline_ns: int
    state: State = field(default_factory=lambda: State(-1))
    state_ns: int = 0
    emm: int | None = None
    esm: int | None = None
    place_ns: int = 0
    sim_answers: bool = False
    _place: tuple[str, str] = ("", "")  # the last that was named
    _refusing: set[tuple[str, str]] = field(default_factory=set)  # the places that have refused the context
    _no_sim_ns: int = 0
    _refused_ns: int = 0
    _refused_for_good: bool = False

    def hear_state(self, state: State, t_ns: int) -> None:
        """Take a URC. One that was on its way when the modem was asked is older than the answer."""
        if t_ns >= self.state_ns:
            self.take_state(state, t_ns)
            self._hear_emm(state.cause)

    def take_state(self, state: State, t_ns: int) -> None:
        """Take an answer. The cause in it may be of an earlier attempt."""
        if any(state.place) and state.place != self._place:
            self._place, self.place_ns = state.place, t_ns
            if state.place not in self._refusing:
                self._refused_ns = 0  # another cell: what one has refused does not count here
        if state.stat != NO_SIM:
            self._no_sim_ns = 0
        elif not self._no_sim_ns:
            self._no_sim_ns = t_ns
        self.state, self.state_ns = state, t_ns
        if state.cause is not None and not state.registered:
            self.emm = state.cause
            if is_permanent(state.cause, EMM):
                self._refused_ns = self._refused_ns or t_ns

    def take_esm(self, fields: Sequence[str], t_ns: int) -> None:
        """Take ``+CNEC_ESM: <cause>,<cid>``; a cause of another context says nothing of the attach."""
        numbers = [whole_number(text) for text in fields]
        if numbers[1:2] in ([], [_ATTACH_CONTEXT]):
            self.esm = numbers[0]
            if is_permanent(self.esm, ESM):
                self._refusing.add(self._place)
                self._refused_ns = self._refused_ns or t_ns

    def take_emm(self, fields: Sequence[str]) -> None:
        """Take ``+CNEC_EMM: <cause>``."""
        self._hear_emm(whole_number(fields[0]))

    def _hear_emm(self, cause: int | None) -> None:
        if cause and not self.state.registered:
            self.emm = cause
            self._refused_for_good |= is_permanent(cause, EMM)

    def sim_unlocked(self, t_ns: int) -> None:
        """Note that the SIM answers: from now on it has its time to be found."""
        self.sim_answers = True
        self._no_sim_ns = t_ns if self._no_sim_ns else 0

    def lacks_sim(self, now_ns: int) -> bool:
        """Return whether the modem has said for some seconds that it has no working SIM."""
        return bool(self._no_sim_ns) and now_ns - self._no_sim_ns >= _SIM_NS

    def is_refused(self, now_ns: int) -> bool:
        """Return whether to stop waiting: the SIM is refused, or the context is, and no other cell was tried since."""
        refused_ns = self._refused_ns
        return self._refused_for_good or (bool(refused_ns) and now_ns - refused_ns >= _NEXT_NETWORK_NS)

    @property
    def is_final(self) -> bool:
        """Return whether the last word of the network would be the same after another attempt."""
        return self._refused_for_good or bool(self._refused_ns)

    def is_open(self, now_ns: int) -> bool:
        """Return whether to look again soon: for a SIM that boots, or a refusal that may not be the last word."""
        boots = not self.sim_answers and now_ns - self.began_ns < _BOOT_NS
        return boots or bool(self._no_sim_ns or self._refused_ns)
