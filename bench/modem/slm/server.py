"""The server role of SLM: #XBIND, #XLISTEN, #XACCEPT."""

from bench.at import AtLink, Response
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.slm.active import SelectedSocket
from bench.modem.socket_values import AcceptedConnection, AcceptedHandle


class SlmServerCommands:
    """#XBIND, #XLISTEN, #XACCEPT. The accepted connection is used through its listener."""

    def __init__(self, link: AtLink, selected: SelectedSocket, timing: CommandTiming) -> None:
        self._link = link
        self._selected = selected
        self._margin = timing.margin

    def bind(self, handle: int, port: int) -> Response:
        """AT#XBIND=<port>."""
        self._selected.use(handle)
        return self._link.command(f"AT#XBIND={port}", timeout=self._margin)

    def listen(self, handle: int) -> Response:
        """AT#XLISTEN."""
        self._selected.use(handle)
        return self._link.command("AT#XLISTEN", timeout=self._margin)

    def accept(self, handle: int, timeout: int, *, at_most: float | None = None) -> AcceptedConnection:
        """AT#XACCEPT=<timeout> in seconds; no connection in time is ERROR.

        Args:
            handle: of the listener.
            timeout: 0 and less wait for ever.
            at_most: seconds after which a peer is certain to have dialled; needed where the board waits for ever.
        """
        if timeout <= 0 and at_most is None:
            raise UsageError(f"AT#XACCEPT={timeout} blocks for ever: say with at_most when a peer is certain to dial")
        self._selected.use(handle)
        wait = at_most if at_most is not None else timeout
        response = self._link.command(f"AT#XACCEPT={timeout}", timeout=wait + self._margin)
        answers = Answers(self._link, response)
        fields = answers.one("#XACCEPT", fields=2)
        return AcceptedConnection(answers.number(fields[0], "the handle"), fields[1], response, carrier=handle)

    def read_accepted(self, handle: int) -> AcceptedHandle:
        """AT#XACCEPT?. The page calls the answer #XACCEPT, the firmware #XTCPACCEPT."""
        self._selected.use(handle)
        response = self._link.command("AT#XACCEPT?", timeout=self._margin)
        answers = Answers(self._link, response)
        return AcceptedHandle(answers.number(answers.one("#XACCEPT", "#XTCPACCEPT")[0], "the handle"), response)
