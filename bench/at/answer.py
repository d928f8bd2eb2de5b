"""An answer that is coming in: what its events say until its final result."""

from bench.at.events import Event, FinalResult, Information, Malformed, Payload
from bench.at.response import Response, Urc
from bench.at.transcript import printable


class Answer:
    """What has come of the answer to a command.

    Attributes:
        command: as sent, without its terminator, secrets masked.
        final: the final result code; empty until it has come.
        first_ns: the stamp of the answer's first byte, 0 until it has come.
        broken: what broke the rules of the dialect, or "".
        crash: the URC by which the application told meanwhile that the modem crashed, or nothing.
    """

    __slots__ = ("broken", "command", "crash", "final", "first_ns", "lines", "payload", "sent_ns")

    def __init__(self, command: str, sent_ns: int) -> None:
        self.command = command
        self.sent_ns = sent_ns
        self.lines: list[str] = []
        self.payload: bytes | None = None
        self.final = ""
        self.first_ns = 0
        self.broken = ""
        self.crash = b""

    def add(self, event: Event, stamp: int) -> bool:
        """Take an event that is not a URC; return whether it ends the answer. An echo only tells its first byte."""
        self.first_ns = self.first_ns or stamp
        if isinstance(event, Information):
            self.lines.append(event.line.decode("latin-1"))
        elif isinstance(event, FinalResult):
            self.final = event.code.decode("latin-1")
        elif isinstance(event, Payload):
            self.payload = event.data if self.payload is None else self.payload + event.data
        elif isinstance(event, Malformed):
            self.broken = f"{printable(event.data[:80])}: {event.reason}"
        return self.final != ""

    def response(self, final_ns: int, urcs: tuple[Urc, ...]) -> Response:
        """Return the whole answer."""
        return Response(
            self.command, tuple(self.lines), self.payload, self.final, self.sent_ns, self.first_ns, final_ns, urcs
        )
