"""Network registration: 3GPP TS 27.007 sections 10.1.22 (+CEREG) and 8.2 (+CFUN)."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bench.at import AtLink, CommandError, DeviceRestarted, Urc, UrcTimeout
from bench.clock import NS_PER_S, now_ns
from bench.errors import LabError, Suspect
from bench.modem.answers import Answers, fields_of
from bench.modem.attach import DENIED, NO_SIM, SEARCHING, Attach, State
from bench.modem.attach_conditions import read_conditions
from bench.modem.causes import EMM, ESM, describe, is_refusal
from bench.modem.changes import Changes, UndoableChange
from bench.modem.cures import Cures
from bench.modem.sim_card import SimCard, SimFault

_MEANING = {
    0: "not registered and not searching (is the radio on, AT+CFUN=1?)",
    SEARCHING: "searching for a network (antenna, coverage, bands, system mode?)",
    DENIED: "registration denied",
    4: "unknown, out of coverage",
    NO_SIM: "not registered for want of a working SIM",
}
# A modem that has restarted unheard has forgotten its subscriptions, so it is asked now and then.
_LOOK_SECONDS = 5.0
_SOON_SECONDS = 0.5
_RESET_LOOP = "%MDMEV: RESET LOOP"
_WITH_CAUSES = "5"
"""The level of +CEREG at which its lines have cell and cause."""
_PROTECTIONS = {
    "%MDMEV: ME BATTERY LOW": "its supply gives too little voltage: check supply, cable and hub",
    "%MDMEV: ME OVERHEATED": "it is too hot: let it cool down, and find out what heats it",
}
_NEWS = ("+CEREG", "+CNEC_ESM", "+CNEC_EMM", "%XSIM", _RESET_LOOP, *_PROTECTIONS)
# A supply that is too weak gives way when the modem transmits, some seconds after it has found a cell.
_SUPPLY_NS = 30 * NS_PER_S
_BLOCKED_MINUTES = 30


class NotRegistered(LabError):
    """The network did not let the board in before the deadline.

    Attributes:
        permanent: another try ends the same way until subscription or access point change.
    """

    suspect = Suspect.NETWORK


class RadioOff(LabError):
    """The modem refuses to switch its radio on, or has switched it off to protect itself."""

    suspect = Suspect.DEVICE


class AttachBlocked(NotRegistered):
    """The modem was reset too often and refuses to attach for half an hour: only time helps."""

    suspect = Suspect.DEVICE


class Registration:
    """The registration of one modem. ``restore`` undoes the changes of waiting.

    Attributes:
        searched: whether the modem was not registered yet when it was waited for last.
        times: how often it was waited for with success: the board's address may have changed in between.
        whenever_registered: is called then.
    """

    def __init__(self, link: AtLink, changes: Changes, sim: SimCard, cures: Cures | None = None) -> None:
        self._cures = cures or Cures()
        self._link = link
        self._sim = sim
        self._changes = changes
        self._changed: list[UndoableChange] = []
        self.times = 0
        self.searched = False
        self.whenever_registered: Callable[[], None] = lambda: None

    def wait(self, timeout: float) -> int:
        """Switch the radio on if need be, wait until the board is registered, and return the time it took in ns.

        Driven by URCs. The SIM gets its PIN where it wants one, as soon as it has booted. Waiting ends early where it
        is of no use: without a working SIM, for a SIM or a context that the network refuses, after a restart.

        Raises:
            NotRegistered: with what the modem says: its state, the causes that the network gave, its settings, its SIM;
                AttachBlocked when it is the modem that refuses.
            SimFault: the modem has no SIM that it can use; SimLocked: it wants a code that the bench cannot give.
            RadioOff: the modem does not switch its radio on, or has switched it off.
            DeviceRestarted: the board restarted, or its modem crashed, meanwhile.
        """
        began = now_ns()
        attach = Attach(began, began + round(timeout * NS_PER_S))
        try:
            self._subscribe()
            self._switch_on(timeout)
            self._follow(attach)
        except DeviceRestarted as error:
            raise _restarted(self._link.name, attach, error) from error
        self.times += 1
        took = now_ns() - began
        self.whenever_registered()
        return took

    def _follow(self, attach: Attach) -> None:
        """Take what the modem says until it is registered, or cannot become so."""
        level = self._look(attach)
        self.searched = not attach.state.registered
        looked = now_ns()
        while not attach.state.registered:
            if not attach.sim_answers and self._sim.unlock():
                attach.sim_unlocked(now_ns())
            self._end_where_useless(attach)
            left = (attach.deadline_ns - now_ns()) / NS_PER_S
            pause = _SOON_SECONDS if attach.is_open(now_ns()) else _LOOK_SECONDS
            try:
                urc = self._link.wait_for_urc(
                    _NEWS, timeout=max(0.0, min(left, pause)), since_ns=attach.began_ns, heeds_restarts=True
                )
            except UrcTimeout:
                ends = left <= pause
                if ends or now_ns() - looked >= _LOOK_SECONDS * NS_PER_S:
                    looked = now_ns()
                    self._refuse_a_lost_subscription(level, self._look(attach))
                if ends and not attach.state.registered:
                    raise self._failure(attach) from None
            else:
                self._take(attach, urc)

    def _take(self, attach: Attach, urc: Urc) -> None:
        fields = fields_of(urc.line)
        match urc.line.partition(":")[0]:
            case "+CEREG":
                attach.hear_state(State.of(fields), urc.received_ns)
            case "+CNEC_ESM":
                attach.take_esm(fields, urc.received_ns)
            case "+CNEC_EMM":
                attach.take_emm(fields)
            case "%MDMEV" if urc.line in _PROTECTIONS:
                raise RadioOff(
                    f"{self._link.name} has switched its radio off ({urc.line}): {_PROTECTIONS[urc.line]}",
                    permanent=True,
                )
            case "%MDMEV":
                raise AttachBlocked(
                    f"{self._link.name} was reset too often ({urc.line}) and does not attach for {_BLOCKED_MINUTES}"
                    f" min, until {_clock_time(_BLOCKED_MINUTES)} at the latest: leave it switched on, and end runs"
                    " with AT+CFUN=0 rather than by taking its power away",
                    permanent=True,
                )

    def _end_where_useless(self, attach: Attach) -> None:
        """End the waiting where the modem has said what no time cures."""
        now = now_ns()
        if attach.lacks_sim(now):
            raise self._sim_fault(works=attach.sim_answers)
        if attach.is_refused(now):
            raise self._failure(attach)

    def _look(self, attach: Attach) -> str:
        """Ask for the state; return the level of what the modem reports by itself."""
        response = self._link.command("AT+CEREG?")
        level, *fields = Answers(self._link, response).one("+CEREG", fields=2)
        attach.take_state(State.of(fields), response.final_ns)
        return level

    def _refuse_a_lost_subscription(self, before: str, now: str) -> None:
        if now != before:
            raise DeviceRestarted(
                f"nothing was heard of it, but +CEREG reports at level {now}, no longer at {before}",
                evidence=self._link.port.evidence(),
            )

    @contextlib.contextmanager
    def offline(self, timeout: float) -> Iterator[None]:
        """AT+CFUN=4 while entered; then the mode that was, and registered again within ``timeout`` seconds.

        Raises:
            NotRegistered: the network did not let the board in again.
        """
        mode = self.functional_mode()
        with self._changes.undone(f"AT+CFUN={mode}"):
            self._link.command("AT+CFUN=4", timeout=60.0)
            yield
        if mode == "1":
            self.wait(timeout)

    def functional_mode(self) -> str:
        """Return <fun> of AT+CFUN?."""
        return Answers(self._link, self._link.command("AT+CFUN?")).one("+CFUN")[0]

    def status(self) -> str:
        """Return <stat> of AT+CEREG?: 1 and 5 are registered."""
        return self._answer("AT+CEREG?")[1]

    def check(self) -> None:
        """Raise NotRegistered unless the board is registered.

        Raises:
            NotRegistered: with the state and the cause.
            SimFault: for want of a SIM that works.
        """
        attach = Attach(now_ns(), 0)
        level = self._look(attach)
        if level != _WITH_CAUSES and not attach.state.registered:
            with self._changes.undone(f"AT+CEREG={level}"):
                self._link.command(f"AT+CEREG={_WITH_CAUSES}")
                self._look(attach)
        if attach.state.stat == NO_SIM:
            raise self._sim_fault(works=bool(self._sim.state()))
        if not attach.state.registered:
            raise self._failure(attach)

    def restore(self) -> None:
        """Undo what :meth:`wait` changed, the last first."""
        while self._changed:
            self._changed.pop().undo()

    def _subscribe(self) -> None:
        """Ask for +CEREG URCs with reject causes; note the level that was."""
        level = self._answer("AT+CEREG?")[0]
        if level != _WITH_CAUSES:
            self._changed.append(self._changes.about_to_make(f"AT+CEREG={level}"))
            self._link.command(f"AT+CEREG={_WITH_CAUSES}")
        self._subscribe_where_known("AT+CNEC=24", "AT+CNEC=0")  # EMM and ESM causes
        self._subscribe_where_known("AT%MDMEV=1", "AT%MDMEV=0")
        self._subscribe_where_known("AT%XSIM=1", "AT%XSIM=0")

    def _subscribe_where_known(self, command: str, undo: str) -> None:
        """Ask for URCs that not every firmware has."""
        known = any(change.commands == (undo,) for change in self._changed)
        change = None if known else self._changes.about_to_make(undo)
        try:
            self._link.command(command)
        except CommandError:
            if change is not None:
                change.forget()
        else:
            self._changed += [change] if change is not None else []

    def _switch_on(self, timeout: float) -> None:
        mode = self.functional_mode()
        if mode != "1":
            self._changed.append(self._changes.about_to_make(f"AT+CFUN={mode}"))
            try:
                self._link.command("AT+CFUN=1", timeout=min(timeout, 60.0))
            except CommandError as error:
                raise RadioOff(f"{self._link.name} could not switch its radio on: {error}") from error

    def _answer(self, command: str) -> tuple[str, ...]:
        return Answers(self._link, self._link.command(command)).one("+CEREG", fields=2)

    def _sim_fault(self, *, works: bool) -> SimFault:
        """Return the error of a modem that reports a fault of its SIM; ``works``: the SIM answers all the same."""
        told = read_conditions(self._link, self._sim)
        what = "no working SIM: +CEREG says 90"
        cure = "is one inserted, the right way round, and is it activated?"
        if works:
            what = "a SIM that answers, but the modem reports that it failed (+CEREG says 90)"
            cure = "reset the board; if that does not help, is the SIM activated?"
        return SimFault(
            f"{self._link.name} has {what}; {told.text}; {cure}",
            evidence=self._link.port.pointer,
            permanent=not works,
        )

    def _failure(self, attach: Attach) -> NotRegistered:
        state = attach.state
        text = _MEANING.get(state.stat, f"state {state.stat}")
        if state.stat == SEARCHING and any(state.place):
            text = "trying to attach in a cell that it has found"
        if is_refusal(attach.emm, EMM):
            text += f", {describe('EMM', attach.emm or 0, EMM, self._cures)}"
        if is_refusal(attach.esm, ESM):
            text += f", {describe('ESM', attach.esm or 0, ESM, self._cures)}"
        told = read_conditions(self._link, self._sim)
        if told.error:
            text += f", the modem says {told.error}"
        if told.text:
            text += f"; {told.text}"
        when = "is not registered"
        if attach.deadline_ns:
            when = f"was not registered after {(now_ns() - attach.began_ns) / NS_PER_S:.1f} s"
        return NotRegistered(
            f"{self._link.name} {when}: {text}; check SIM, antenna and subscription",
            evidence=self._link.port.pointer,
            permanent=attach.is_final,
        )


def _restarted(name: str, attach: Attach, error: DeviceRestarted) -> DeviceRestarted:
    """Return the error of a board that restarted while it attached: a weak supply leaves no other trace."""
    supply = ""
    if not error.crashed and now_ns() - max(attach.place_ns, attach.began_ns) <= _SUPPLY_NS:
        supply = (
            "; a supply that is too weak for the modem's transmitter does this: check supply, cable and hub (a"
            " brown-out leaves no reset cause)"
        )
    what = error.what(name, crashed=error.crashed)
    how = f"it said {error.said}" if error.said else error.headline
    evidence = str(error).partition("\n")[2]
    return DeviceRestarted(
        f"{what} while it attached: {how}{supply}\n{evidence}", said=error.said, crashed=error.crashed
    )


def _clock_time(minutes: int) -> str:
    """Return the time of day so many minutes from now."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%H:%M UTC")
