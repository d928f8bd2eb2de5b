"""Polling of SLM: #XPOLL."""

from bench.at import AtLink
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.socket_values import Polled, PollEvent


class SlmPollingCommands:
    """#XPOLL, which does not depend on the selected socket."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def poll(self, timeout_ms: int, *handles: int, at_most: float | None = None) -> Polled:
        """AT#XPOLL=<timeout>[,<handle1>...]; without handles all open sockets.

        Args:
            timeout_ms: 0 returns at once, -1 waits for ever.
            handles: of the sockets.
            at_most: seconds after which an event is certain to have come; needed where the board waits for ever.
        """
        if timeout_ms < 0 and at_most is None:
            raise UsageError(f"AT#XPOLL={timeout_ms} blocks for ever: say with at_most when an event is certain")
        wait = at_most if at_most is not None else timeout_ms / 1000
        command = ",".join(("AT#XPOLL=" + str(timeout_ms), *map(str, handles)))
        response = self._link.command(command, timeout=wait + self._margin)
        answers = Answers(self._link, response)
        events = []
        for fields in answers.lines("#XPOLL"):
            if len(fields) != 2:
                answers.refuse("#XPOLL: <handle>,<revents>")
            events.append((answers.number(fields[0], "the handle"), PollEvent(answers.number(fields[1], "events", 16))))
        return Polled(tuple(events), response)
