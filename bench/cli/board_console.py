"""A conversation with an open board, a typed line at a time. It knows neither terminal nor pipe.

Lines of a dialogue go to whoever shows them: answers when they are whole, URCs at once, also amid a command. All calls
come from the thread that has the board's link.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from bench.at import CommandError, CommandTimeout, LinkState, MalformedAnswer, Response, Urc, printable
from bench.boards import Board
from bench.boards.recovery import BoardUnusable, synchronise
from bench.clock import Anchor, duration_text
from bench.errors import DeviceError
from bench.visible import visible_line

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([rnt\\]))")
_LETTERS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
_WAITS = "the next command first waits for its answer"
_DATA_MODE = (
    r"data mode: what is typed goes to the socket, without a line end; \r \n \t \x00 \\ stand for what cannot be typed;"
    " +++ alone leaves data mode"
)


class Kind(Enum):
    """What a line of the dialogue is."""

    ANSWER = auto()
    """A line that the board answered."""
    OK = auto()
    """Its final result, and the time that it took."""
    ERROR = auto()
    """The final result of a command that failed, or what went wrong with a command."""
    URC = auto()
    """What came unasked."""
    NOTE = auto()
    """A remark of the console."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to show. Its text holds no control character."""

    kind: Kind
    text: str


class BoardConsole:
    """Sends what is typed, and shows what the board says."""

    def __init__(
        self, board: Board, show: Callable[[Line], None], keep: Callable[[str], None], *, timeout: float
    ) -> None:
        """Make the console of an open board.

        Args:
            board: open, and nobody else uses it.
            show: shows a line; may be called while a command runs, and must not use the board.
            keep: gets each command before it is sent, for a history.
            timeout: seconds that a command may take.
        """
        self._board = board
        self._link = board.link
        self._link.tell = self._tell_urc
        self._show = show
        self._keep = keep
        self._timeout = timeout
        self._typed = ""  # a command whose string is not closed yet
        self._waiting = False  # a command was left, and its answer may still come
        self._in_step = True  # else answers to probes may still come, and would be taken for those of a command
        self._restarted = self._reported = False

    @property
    def prompt(self) -> str:
        """Return what stands before the line that is typed next."""
        if self._link.in_data_mode:
            return f"{self._board.slot} data> "
        return f"{self._board.slot} (open quote)> " if self._typed else f"{self._board.slot}> "

    def greet(self, transcript: str) -> None:
        """Show which board it is, how to leave, and where the transcript goes.

        Args:
            transcript: its file; empty for none.
        """
        spec, identity = self._board.spec, self._board.identity
        simulated = "   SIMULATED" if self._board.simulated else ""
        self._say(Kind.NOTE, f"{spec.slot} at {spec.port}   {self._board_text()}{simulated}")
        self._say(Kind.NOTE, f"{identity.modem_firmware}, {identity.application_text}")
        self._say(Kind.NOTE, "Ctrl-D leaves, Ctrl-C waits no longer for an answer")
        if transcript:
            self._say(Kind.NOTE, f"the transcript goes to {transcript} at the end")

    def take(self, text: str) -> None:
        """Send a typed line, and show the answer: a command, a piece of one, or data in data mode.

        A command whose string is open goes on with the next line, as the board reads it: so a PEM text can be pasted.

        Raises:
            PortLost: the port vanished.
        """
        self.attend()
        if text.strip() == self._link.dialect.data_mode_terminator.decode():
            self._typed = ""
            self._leave_data_mode()
        elif self._link.in_data_mode:
            self._guard(lambda: self._send_data(text))
        else:
            self._typed = f"{self._typed}\n{text}" if self._typed else text
            if self._typed.count('"') % 2 == 0:
                command, self._typed = self._typed.strip(), ""
                if command:
                    self._keep(command)
                    self._send_in_step(command)
        self._waiting = self._link.blocked

    def attend(self) -> None:
        """Show what came unasked since the last call, and heed what it says of the board's state.

        Raises:
            PortLost: the port vanished.
        """
        link = self._link
        link.hear()
        if self._reported and link.in_data_mode and self._has_ended():
            self._say(Kind.NOTE, "the board has left data mode")
        if self._restarted and (link.in_data_mode or self._waiting):
            link.forget()
            self._say(Kind.NOTE, "the board has restarted: it takes commands")
        elif self._waiting and not link.blocked:
            self._say(Kind.NOTE, "the late answer has come: only the transcript has it")
        self._waiting = link.blocked
        self._restarted = self._reported = False
        link.urcs()  # they are shown already

    def interrupt(self) -> None:
        """Say that nobody waits for an answer any more, after an interruption of :meth:`take`."""
        if not self._link.blocked:
            self._say(Kind.NOTE, "interrupted")
        elif self._waiting:  # since before this command
            self._say(Kind.NOTE, "interrupted; an earlier command still has no answer")
        else:
            self._say(Kind.NOTE, f"interrupted; {_WAITS}")
        self._waiting = self._link.blocked

    def drop(self) -> None:
        """Forget the first lines of a command that is not whole."""
        self._typed = ""

    def finish(self) -> None:
        """Say what is left undone, at the end of what is typed."""
        if self._typed:
            self._say(Kind.ERROR, 'a command was not sent: its string has no closing quote (")')
        if self._link.blocked:
            self._say(Kind.ERROR, f"{self._board.slot} still runs a command and may not be left as it was found")
        self._link.tell = None

    # ---------------------------------------------------------------- sending

    def _guard(self, send: Callable[[], None]) -> None:
        """Show what goes wrong with a command; the conversation goes on."""
        try:
            send()
        except CommandError as error:
            self._show_answer(error.response)
        except (DeviceError, LinkState) as error:
            self._say(Kind.ERROR, error.headline)
            if self._link.blocked:
                self._say(Kind.NOTE, _WAITS)

    def _send_in_step(self, command: str) -> None:
        if self._in_step or self._synchronise():
            self._guard(lambda: self._send_command(command))
        else:
            self._say(Kind.ERROR, "the command was not sent")

    def _send_command(self, command: str) -> None:
        data = _bytes_of(command)
        if not self._board.identity.dialect.enters_data_mode(data):
            self._show_answer(self._link.command(data, timeout=self._timeout))
            return
        self._show_answer(self._link.enter_data_mode(data, timeout=self._timeout))
        self._say(Kind.NOTE, _DATA_MODE)

    def _send_data(self, text: str) -> None:
        data = _ESCAPE.sub(_unescape, _bytes_of(text))
        terminator = self._link.dialect.data_mode_terminator
        # As in the typed commands: a plus sign at the end would complete the terminator early.
        if terminator in data + terminator[:-1]:
            self._say(Kind.ERROR, "not sent: data that hold +++ or end in + would end data mode early")
        elif data:
            self._link.write(data, timeout=self._timeout)
            self._say(Kind.NOTE, f"{_size(data)} sent")

    def _leave_data_mode(self) -> None:
        """Leave data mode; where the link knows of none, or the board does not tell, bring it in step instead."""
        if self._link.in_data_mode:
            try:
                result = self._link.leave_data_mode(timeout=self._timeout)
            except (CommandTimeout, MalformedAnswer) as error:
                self._say(Kind.ERROR, error.headline)
            else:
                said = (
                    "the board has left data mode" if result == 0 else f"data were lost: data mode ended with {result}"
                )
                self._say(Kind.ERROR if result else Kind.NOTE, said)
                return
        if self._synchronise():
            self._say(Kind.NOTE, "the board takes commands")

    def _synchronise(self) -> bool:
        """Bring the board in step; return whether it is."""
        self._in_step = False
        try:
            synchronise(self._link)
        except BoardUnusable as error:
            self._say(Kind.ERROR, error.headline)
        else:
            self._in_step = True
        return self._in_step

    def _has_ended(self) -> bool:
        try:
            self._link.data_mode_ended(timeout=0)
        except (CommandTimeout, MalformedAnswer):  # only the size of a flush
            return False
        return True

    # ---------------------------------------------------------------- showing

    def _show_answer(self, response: Response) -> None:
        for line in response.lines:
            self._say(Kind.ANSWER, line)
        if response.payload is not None:
            self._say(Kind.ANSWER, f"payload, {_size(response.payload)}: {printable(response.payload)}")
        took = duration_text(response.duration_ns)
        self._say(Kind.OK if response.ok else Kind.ERROR, f"{response.final}   {took}")

    def _tell_urc(self, urc: Urc) -> None:
        """Show a URC with the time of day at which it came."""
        dialect = self._link.dialect
        report, line = dialect.data_mode_report, urc.line.encode("latin-1")
        self._reported = self._reported or bool(report and line.startswith(report))
        self._restarted = self._restarted or dialect.tells_restart(line)
        moment = Anchor().utc(urc.received_ns).astimezone()
        text = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03} urc  {urc.line}"
        self._say(Kind.URC, text)
        if urc.payload is not None:
            self._say(Kind.URC, f"             urc  payload, {_size(urc.payload)}: {printable(urc.payload)}")

    def _board_text(self) -> str:
        return " ".join(filter(None, (self._board.identity.manufacturer, self._board.identity.part)))

    def _say(self, kind: Kind, text: str) -> None:
        self._show(Line(kind, visible_line(text)))


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _unescape(match: "re.Match[bytes]") -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else _LETTERS[match[2]]


def _size(data: bytes) -> str:
    return "1 byte" if len(data) == 1 else f"{len(data)} bytes"
