"""The server role: #XBIND, #XLISTEN, #XACCEPT."""

from bench.at import AtLink, Response
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.socket_values import Accepted, AcceptedHandle


class ServerCommands:
    """The commands themselves, on whatever socket is active."""

    def __init__(self, link: AtLink, *, margin: float = 5.0) -> None:
        self._link = link
        self._margin = margin

    def bind(self, port: int) -> Response:
        """AT#XBIND=<port>."""
        return self._link.command(f"AT#XBIND={port}", timeout=self._margin)

    def listen(self) -> Response:
        """AT#XLISTEN."""
        return self._link.command("AT#XLISTEN", timeout=self._margin)

    def accept(self, timeout: int, *, at_most: float | None = None) -> Accepted:
        """AT#XACCEPT=<timeout> in seconds; nobody in time is ERROR.

        Args:
            timeout: 0 and less wait for ever.
            at_most: seconds after which a peer is certain to have dialled; needed where the board waits for ever.
        """
        if timeout <= 0 and at_most is None:
            raise UsageError(f"AT#XACCEPT={timeout} blocks for ever: say with at_most when a peer is certain to dial")
        wait = at_most if at_most is not None else timeout
        response = self._link.command(f"AT#XACCEPT={timeout}", timeout=wait + self._margin)
        answers = Answers(self._link, response)
        fields = answers.one("#XACCEPT", fields=2)
        return Accepted(answers.number(fields[0], "the handle"), fields[1], response)

    def read_accepted(self) -> AcceptedHandle:
        """AT#XACCEPT?. The page calls the answer #XACCEPT, the firmware #XTCPACCEPT."""
        response = self._link.command("AT#XACCEPT?", timeout=self._margin)
        answers = Answers(self._link, response)
        return AcceptedHandle(answers.number(answers.one("#XACCEPT", "#XTCPACCEPT")[0], "the handle"), response)
