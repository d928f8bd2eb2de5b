"""The server side of Serial Modem: #XBIND, #XLISTEN, #XACCEPT. "Serial Modem, at_socket"."""

from dataclasses import replace

from bench.at import AtLink, CommandError, Response, UrcTimeout
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.events import SocketEvents
from bench.modem.serial_modem.rows import numbered_rows
from bench.modem.serial_modem.values import Listener, SocketEvent
from bench.modem.serial_modem.waiting import patience
from bench.modem.socket_values import AcceptedConnection, AcceptedHandle, PollEvent


class SerialModemServerCommands:
    """#XBIND, #XLISTEN, #XACCEPT. An accepted connection is a socket of its own; version 1.0 has only #XBIND."""

    def __init__(self, link: AtLink, events: SocketEvents, timing: CommandTiming) -> None:
        self._link = link
        self._events = events
        self._margin = timing.margin

    def bind(self, handle: int, port: int) -> Response:
        """AT#XBIND=<handle>,<port>."""
        return self._link.command(f"AT#XBIND={handle},{port}", timeout=self._margin)

    def listen(self, handle: int) -> Response:
        """AT#XLISTEN=<handle>, of a plain stream that is bound to a port."""
        return self._link.command(f"AT#XLISTEN={handle}", timeout=self._margin)

    def listeners(self) -> tuple[Listener, ...]:
        """AT#XLISTEN?: the listening sockets."""
        answers = Answers(self._link, self._link.command("AT#XLISTEN?", timeout=self._margin))
        return tuple(Listener(*numbers) for numbers in numbered_rows(answers, "#XLISTEN", 3))

    def test_listen(self) -> Response:
        """AT#XLISTEN=?."""
        return self._link.command("AT#XLISTEN=?", timeout=self._margin)

    def accept_now(self, handle: int) -> AcceptedConnection:
        """AT#XACCEPT=<handle>, which never waits: ERROR where nobody has dialled."""
        response = self._link.command(f"AT#XACCEPT={handle}", timeout=self._margin)
        answers = Answers(self._link, response)
        new, cid, address, port = answers.one("#XACCEPT", fields=4)[:4]
        accepted = answers.number(new, "the handle")
        if accepted == handle:
            answers.refuse("a handle other than the listener's")
        self._events.forget(accepted)
        return AcceptedConnection(
            accepted,
            address,
            response,
            carrier=accepted,
            peer_port=answers.number(port, "the port"),
            cid=answers.number(cid, "the context"),
        )

    def accept(self, handle: int, timeout: int, *, at_most: float | None = None) -> AcceptedConnection:
        """Accept a connection that has come, or comes within ``timeout`` seconds; none in time is ERROR.

        AT#XACCEPT; if that is ERROR, AT#XAPOLL=<handle>,1,1, a wait for its URC, and AT#XACCEPT again. The
        response spans all of it. A socket that does not listen is an error at once. Reports of the listener that
        ``events.start`` has asked for end with it.

        Args:
            handle: of the listener.
            timeout: in seconds; 0 or less waits for ever.
            at_most: seconds after which a peer is certain to have dialled; needed for a wait for ever.
        """
        wait = patience(timeout if timeout > 0 else None, at_most, self._margin, f"an accept of {timeout}")
        try:
            return self.accept_now(handle)
        except CommandError as nobody:
            if not self._listens(handle):
                raise
            began = nobody.response.sent_ns
        self._events.discard(handle)
        asked = self._events.start(PollEvent.IN, handle)
        event = self._event(handle, wait.seconds, asked.sent_ns)
        try:
            return self._accepted(handle, event, began)
        except CommandError as error:
            when = f"within {wait.seconds:g} s" if event is None else "any more"
            raise CommandError(f"nobody dialled {when}: {error}", error.response._replace(sent_ns=began)) from error
        finally:
            self._events.stop(handle)

    def read_accepted(self, handle: int) -> AcceptedHandle:
        """Raise UsageError: the firmware has no AT#XACCEPT?, its answer to an accept tells the handle."""
        raise UsageError(
            f"Serial Modem has no AT#XACCEPT?: accept({handle}, ...) returns the handle of the connection, and"
            " AT#XSOCKET? lists it"
        )

    def test_accept(self) -> Response:
        """AT#XACCEPT=?."""
        return self._link.command("AT#XACCEPT=?", timeout=self._margin)

    def _listens(self, handle: int) -> bool:
        try:
            return any(listener.handle == handle for listener in self.listeners())
        except CommandError:
            return False

    def _event(self, handle: int, seconds: float, since: int) -> SocketEvent | None:
        try:
            return self._events.wait(handle, timeout=seconds, since_ns=since)
        except UrcTimeout:
            return None

    def _accepted(self, handle: int, event: SocketEvent | None, began: int) -> AcceptedConnection:
        found = self.accept_now(handle)
        return replace(
            found,
            response=found.response._replace(sent_ns=began),
            announced_ns=None if event is None else event.urc.received_ns,
        )
