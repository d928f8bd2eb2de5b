"""The events of sockets that Serial Modem reports by URC: #XAPOLL. "Serial Modem, at_socket"."""

import contextlib

from bench.at import AtLink, Response, Urc, UrcTimeout
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.rows import numbered_rows, numbers_of
from bench.modem.serial_modem.values import AskedEvents, SocketEvent
from bench.modem.socket_values import PollEvent

_START, _STOP = 1, 0
# Enough to read what has arrived already.
_ARRIVED_SECONDS = 0.002
_LAST = PollEvent.ERR | PollEvent.HUP | PollEvent.NVAL


class SocketEvents:
    """#XAPOLL. Each event of a socket is reported once, until a receive, a send or a start asks for it anew.

    After ERR, HUP or NVAL the board reports nothing more of the socket: this object remembers them.
    """

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin
        self._last: dict[int, PollEvent] = {}

    def start(self, events: PollEvent, handle: int | None = None) -> Response:
        """AT#XAPOLL=[<handle>],1,<events>: IN, OUT or both; ERR, HUP and NVAL are always reported.

        Without a handle it holds for all sockets, and for those that are opened later. An event that has come before
        is reported at once.
        """
        return self._set(handle, f"{_START},{int(events)}")

    def stop(self, handle: int | None = None) -> Response:
        """AT#XAPOLL=[<handle>],0, of one socket or of all. One event that was asked for before may still come."""
        return self._set(handle, str(_STOP))

    def read(self) -> tuple[AskedEvents, ...]:
        """AT#XAPOLL?: the sockets that were asked for events."""
        answers = Answers(self._link, self._link.command("AT#XAPOLL?", timeout=self._margin))
        return tuple(AskedEvents(handle, PollEvent(events)) for handle, events in numbered_rows(answers, "#XAPOLL", 2))

    def test(self) -> Response:
        """AT#XAPOLL=?."""
        return self._link.command("AT#XAPOLL=?", timeout=self._margin)

    def wait(self, *handles: int, timeout: float, since_ns: int | None = None) -> SocketEvent:
        """Return the next event of some sockets, of any without ``handles``; from the link's backlog first.

        Args:
            handles: of the sockets.
            timeout: seconds from now.
            since_ns: what came before this moment does not count.

        Raises:
            UrcTimeout: none came in time.
            DeviceRestarted: the board has restarted since ``since_ns``.
            MalformedAnswer: the URC does not have two numbers.
        """
        urc = self._link.wait_for_urc(
            _prefixes(handles), timeout=timeout, since_ns=since_ns, heeds_restarts=since_ns is not None
        )
        return self._noted(urc)

    def discard(self, *handles: int) -> None:
        """Drop the events of some sockets from the link's backlog, of any without ``handles``."""
        with contextlib.suppress(UrcTimeout):
            while True:
                self.wait(*handles, timeout=_ARRIVED_SECONDS)

    def last(self, *handles: int) -> tuple[tuple[int, PollEvent], ...]:
        """Return the events after which the board is silent, of these sockets; of all without ``handles``."""
        return tuple((handle, events) for handle, events in self._last.items() if not handles or handle in handles)

    def forget(self, handle: int | None = None) -> None:
        """Forget what is remembered of a socket that is opened or closed; of all without ``handle``."""
        if handle is None:
            self._last.clear()
        else:
            self._last.pop(handle, None)

    def _set(self, handle: int | None, rest: str) -> Response:
        return self._link.command(f"AT#XAPOLL={'' if handle is None else handle},{rest}", timeout=self._margin)

    def _noted(self, urc: Urc) -> SocketEvent:
        handle, number = numbers_of(urc, 2)
        event = SocketEvent(handle, PollEvent(number), urc)
        if event.events & _LAST:
            self._last[handle] = self._last.get(handle, PollEvent.NONE) | event.events
        return event


def _prefixes(handles: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"#XAPOLL: {handle}," for handle in handles) or ("#XAPOLL:",)
