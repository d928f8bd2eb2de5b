"""Network registration: 3GPP TS 27.007 sections 10.1.22 (+CEREG) and 8.2 (+CFUN)."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bench.at import AtLink, CommandError, UrcTimeout
from bench.at.numbers import whole_number
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, LabError, Suspect
from bench.modem.answers import Answers, fields_of
from bench.modem.causes import EMM, ESM, describe, is_permanent
from bench.modem.changes import Changes, UndoableChange
from bench.modem.cures import Cures
from bench.modem.sim_card import SimCard

_HOME, _SEARCHING, _DENIED, _ROAMING, _NO_SIM = 1, 2, 3, 5, 90
_REGISTERED = (_HOME, _ROAMING)
_MEANING = {
    0: "not registered and not searching (is the radio on, AT+CFUN=1?)",
    _SEARCHING: "searching for a network (antenna, coverage, bands, system mode?)",
    _DENIED: "registration denied",
    4: "unknown, out of coverage",
    _NO_SIM: "not registered for want of a working SIM",
}
# A reset loop is reported by another URC, so that is looked for now and then.
_LOOK_SECONDS = 5.0
_RESET_LOOP = "%MDMEV: RESET LOOP"
_BLOCKED_MINUTES = 30


class NotRegistered(LabError):
    """The network did not let the board in before the deadline.

    Attributes:
        permanent: another try would end alike: the subscription, the access point or the place must change.
    """

    suspect = Suspect.NETWORK

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


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
        self._esm: int | None = None
        self._emm: int | None = None
        self.times = 0
        self.searched = False
        self.whenever_registered: Callable[[], None] = lambda: None

    def wait(self, timeout: float) -> int:
        """Switch the radio on if need be, wait until the board is registered, and return the time it took in ns.

        Driven by URCs: no polling. The SIM gets its PIN where it wants one.

        Raises:
            NotRegistered: with the state and the reject cause that the network gave; AttachBlocked when it is the
                modem that refuses.
            SimLocked: the SIM wants a code that the bench cannot give.
        """
        started = now_ns()
        self._esm = self._emm = None
        deadline = started + round(timeout * NS_PER_S)
        self._subscribe()
        self._switch_on(timeout)
        self._sim.unlock()
        since = now_ns()
        fields = self._read()
        self.searched = _state(fields)[0] not in _REGISTERED
        while True:
            stat, cause = _state(fields)
            if stat in _REGISTERED:
                took = now_ns() - started
                self.times += 1
                self.whenever_registered()
                return took
            left = (deadline - now_ns()) / NS_PER_S
            self._refuse_a_reset_loop(started)
            self._hear_refusals(started)
            if left <= 0 or (stat == _DENIED and is_permanent(cause, EMM)) or is_permanent(self._esm, ESM):
                raise self._failure(stat, cause, (now_ns() - started) / NS_PER_S)
            try:
                urc = self._link.wait_for_urc("+CEREG", timeout=min(left, _LOOK_SECONDS), since_ns=since)
            except UrcTimeout:
                if left > _LOOK_SECONDS:
                    continue
                fields = self._read()
                if _state(fields)[0] not in _REGISTERED:
                    raise self._failure(stat, cause, (now_ns() - started) / NS_PER_S) from None
            else:
                fields = fields_of(urc.line)

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
        return self._read()[0]

    def check(self) -> None:
        """Raise NotRegistered unless the board is registered.

        Raises:
            NotRegistered: with the state and the cause.
        """
        stat, cause = _state(self._read())
        if stat not in _REGISTERED:
            raise self._failure(stat, cause)

    def restore(self) -> None:
        """Undo what :meth:`wait` changed, the last first."""
        while self._changed:
            self._changed.pop().undo()

    def _subscribe(self) -> None:
        """Ask for +CEREG URCs with reject causes; note the level that was."""
        level = self._answer("AT+CEREG?")[0]
        if level != "5":
            self._changed.append(self._changes.about_to_make(f"AT+CEREG={level}"))
            self._link.command("AT+CEREG=5")
        self._subscribe_where_known("AT+CNEC=24", "AT+CNEC=0")  # EMM and ESM causes
        self._subscribe_where_known("AT%MDMEV=1", "AT%MDMEV=0")

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
                raise NotRegistered(f"{self._link.name} could not switch its radio on: {error}") from error

    def _hear_refusals(self, since_ns: int) -> None:
        """Take the causes that the network gave: ``+CNEC_ESM: 27,0``."""
        self._esm = self._cause("+CNEC_ESM", since_ns, self._esm)
        self._emm = self._cause("+CNEC_EMM", since_ns, self._emm)

    def _cause(self, prefix: str, since_ns: int, before: int | None) -> int | None:
        """Return the cause in the next URC of a kind; the one before where none has come."""
        try:
            fields = fields_of(self._link.wait_for_urc(prefix, timeout=0, since_ns=since_ns).line)
        except UrcTimeout:
            return before
        return _number(fields, 0)

    def _refuse_a_reset_loop(self, since_ns: int) -> None:
        with contextlib.suppress(UrcTimeout):
            urc = self._link.wait_for_urc(_RESET_LOOP, timeout=0, since_ns=since_ns)
            raise AttachBlocked(
                f"{self._link.name} was reset too often ({urc.line}) and does not attach for {_BLOCKED_MINUTES} min,"
                f" until {_clock_time(_BLOCKED_MINUTES)} at the latest: leave it switched on, and end runs with"
                " AT+CFUN=0 rather than by taking its power away",
                permanent=True,
            )

    def _read(self) -> tuple[str, ...]:
        """Return the fields of the read form without <n>: stat, tac, ci, AcT, cause type, cause."""
        return self._answer("AT+CEREG?")[1:]

    def _answer(self, command: str) -> tuple[str, ...]:
        return Answers(self._link, self._link.command(command)).one("+CEREG", fields=2)

    def _extended_error(self) -> str:
        """AT+CEER, 3GPP TS 27.007 section 6.10; empty where the modem has nothing to say."""
        try:
            return ", ".join(Answers(self._link, self._link.command("AT+CEER")).one("+CEER"))
        except DeviceError:
            return ""

    def _failure(self, stat: int, cause: int | None, waited: float | None = None) -> NotRegistered:
        text = _MEANING.get(stat, f"state {stat}")
        cause = self._emm if cause is None else cause
        if cause is not None:
            text += f", {describe('EMM', cause, EMM, self._cures)}"
        if self._esm is not None:
            text += f", {describe('ESM', self._esm, ESM, self._cures)}"
        extended = self._extended_error()
        if extended:
            text += f", the modem says {extended}"
        when = "is not registered" if waited is None else f"was not registered after {waited:.1f} s"
        return NotRegistered(
            f"{self._link.name} {when}: {text}; check SIM, antenna and subscription"
            f"\n    whole transcript: {self._link.port.where}",
            permanent=is_permanent(cause, EMM) or is_permanent(self._esm, ESM),
        )


def _state(fields: Sequence[str]) -> tuple[int, int | None]:
    """Return <stat>, -1 where it is not a number, and the cause, if there is one."""
    stat = _number(fields, 0)
    return -1 if stat is None else stat, _number(fields, 5)


def _number(fields: Sequence[str], index: int) -> int | None:
    return whole_number(fields[index]) if len(fields) > index else None


def _clock_time(minutes: int) -> str:
    """Return the time of day so many minutes from now."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%H:%M UTC")
