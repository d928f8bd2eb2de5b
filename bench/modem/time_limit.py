"""The time that data mode waits for more data before it sends, which both applications spell alike: #XDATACTRL."""

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.socket_values import TimeLimit


class TimeLimitCommands:
    """#XDATACTRL. The sockets have the sending in data mode."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def set_time_limit(self, milliseconds: int) -> Response:
        """AT#XDATACTRL=<time_limit>."""
        return self._link.command(f"AT#XDATACTRL={milliseconds}", timeout=self._margin)

    def read_time_limit(self) -> TimeLimit:
        """AT#XDATACTRL?."""
        response = self._link.command("AT#XDATACTRL?", timeout=self._margin)
        answers = Answers(self._link, response)
        limit, minimum = (answers.number(field, "ms") for field in answers.one("#XDATACTRL", fields=2)[:2])
        return TimeLimit(limit, minimum, response)

    def test(self) -> Response:
        """AT#XDATACTRL=?."""
        return self._link.command("AT#XDATACTRL=?", timeout=self._margin)
