"""Polling of Serial Modem: #XAPOLL, and a wait on the host for its URC. "Serial Modem, at_socket"."""

from bench.at import AtLink, CommandError, Response, UrcTimeout
from bench.clock import NS_PER_S, now_ns
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.events import SocketEvents
from bench.modem.serial_modem.values import SocketEvent
from bench.modem.serial_modem.waiting import patience
from bench.modem.socket_values import Polled, PollEvent

# An event from before is reported right after the OK, or 100 ms later by builds that wait for an idle line.
_AT_ONCE_SECONDS = 0.2
# Events that several sockets have at the same time come one after the other.
_TOGETHER_SECONDS = 0.05


class SerialModemPollingCommands:
    """A poll by URC: it starts the events of its sockets, waits for one, and stops them."""

    def __init__(self, link: AtLink, events: SocketEvents, timing: CommandTiming) -> None:
        self._link = link
        self._events = events
        self._margin = timing.margin

    def poll(self, timeout_ms: int, *handles: int, at_most: float | None = None) -> Polled:
        """Return the events of some sockets, of all without ``handles``, as soon as there is one or time is up.

        AT#XAPOLL=[<handle>],1,1 asks for IN, with which ERR, HUP and NVAL come; AT#XAPOLL=[<handle>],0 ends it. The
        response spans the wait: it ends at the stamp of the first URC. Events that were in the link's backlog are
        dropped. ERR, HUP and NVAL, which the board reports once, are returned by every poll until the close. The end
        of a connection before the first poll of its socket is never reported: only a receive shows it. Reports that
        ``events.start`` has asked for end with the poll.

        Args:
            timeout_ms: 0 waits only for events from before, -1 for ever.
            handles: of the sockets.
            at_most: seconds after which an event is certain to have come; needed for a wait for ever.

        Raises:
            UrcTimeout: none came, though one was certain.
        """
        wait = patience(None if timeout_ms < 0 else timeout_ms / 1000, at_most, self._margin, f"a poll of {timeout_ms}")
        self._events.discard(*handles)
        asked = self._start(handles)
        known = self._events.last(*handles)
        seconds = _AT_ONCE_SECONDS if known else max(wait.seconds, _AT_ONCE_SECONDS)
        came = self._collect(handles, asked.sent_ns, seconds)
        over = now_ns()
        for handle in handles or (None,):
            self._events.stop(handle)
        if wait.certain and not came and not known:
            raise UrcTimeout(f"no #XAPOLL came within {seconds:g} s", evidence=self._link.port.evidence())
        return _polled(asked, came, known, over)

    def _start(self, handles: tuple[int, ...]) -> Response:
        """Ask for the events of each socket; return the first answer."""
        first = self._events.start(PollEvent.IN, *handles[:1])
        for count, handle in enumerate(handles[1:], 1):
            try:
                self._events.start(PollEvent.IN, handle)
            except CommandError:
                for started in handles[:count]:
                    self._events.stop(started)
                raise
        return first

    def _collect(self, handles: tuple[int, ...], since: int, seconds: float) -> list[SocketEvent]:
        """Return the first event, and those of other sockets that come with it."""
        deadline = since + round(seconds * NS_PER_S)
        came: list[SocketEvent] = []
        while not came or {event.handle for event in came} != set(handles):
            left = max(0, deadline - now_ns()) / NS_PER_S
            try:
                came.append(self._events.wait(*handles, timeout=left, since_ns=since))
            except UrcTimeout:
                break
            deadline = min(deadline, now_ns() + round(_TOGETHER_SECONDS * NS_PER_S))
        return came


def _polled(asked: Response, came: list[SocketEvent], known: tuple[tuple[int, PollEvent], ...], over: int) -> Polled:
    """Return the events: those of now, and those that the board has reported before and does not report again."""
    told = {event.handle for event in came}
    events = [(event.handle, event.events) for event in came]
    events += [(handle, last) for handle, last in known if handle not in told]
    ended = came[0].urc.received_ns if came else asked.final_ns if known else over
    lines = tuple(event.urc.line for event in came)
    urcs = tuple(event.urc for event in came)
    first = ended if came else asked.first_byte_ns
    return Polled(tuple(events), asked._replace(lines=lines, first_byte_ns=first, final_ns=ended, urcs=urcs))
