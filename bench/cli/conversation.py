"""``nrf91-bench boards console``: a board is opened, spoken with from a terminal or a pipe, left as it was found."""

import contextlib
import os
import re
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn, Self

from bench.at import Transcript
from bench.at.secrets import masked
from bench.at.transcript import Conceal, concealed, to_jsonl, to_text
from bench.boards import Board, BoardSpec
from bench.children import ending_signals
from bench.cli.board_console import BoardConsole, Kind, Line
from bench.cli.prompt import CommandHistory, Prompt, can_edit, show_line
from bench.cli.terminal import say
from bench.clock import Anchor
from bench.errors import LabError, UsageError, in_words
from bench.privacy import Concealer, lab_key
from bench.visible import visible_line

_LOOK_SECONDS = 0.1
_JSON_LINES = ".jsonl"
_LINE_END = re.compile("\r\n|\r|\n")
_INPUT = 0


class TranscriptFile:
    """The file of a transcript: made when it is entered, so that it is ours; written at the end."""

    def __init__(self, path: Path, conceal: Conceal) -> None:
        """Args: conceal: hides what the file must not show."""
        self.path = path
        self.transcript = Transcript()
        self._conceal = conceal
        self._anchor = Anchor()
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(f"--transcript {self.path} exists, and is not overwritten: name another file") from None
        except OSError as error:
            raise UsageError(f"--transcript {self.path}: {in_words(error)}") from error
        return self

    def __exit__(self, *_: object) -> None:
        entries = concealed(self.transcript.entries, self._conceal)
        if not entries:  # the port was not opened
            os.close(self._descriptor)
            self.path.unlink(missing_ok=True)
            return
        text = to_jsonl(entries) if self.path.suffix == _JSON_LINES else to_text(entries, self._anchor)
        try:
            with os.fdopen(self._descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise LabError(f"the transcript could not be written to {self.path}: {in_words(error)}") from error


def converse(spec: BoardSpec, *, timeout: float, transcript: Path | None, plain: bool) -> None:
    """Speak with a board until the input ends.

    Args:
        spec: of the board.
        timeout: seconds that a command may take.
        transcript: the file for it; None for none.
        plain: whether it shows identities.

    Raises:
        BoardLeased: somebody else has the board.
        LabError: it cannot be opened, or it vanishes.
    """
    concealer = Concealer(lab_key())
    board = Board(spec, concealer, job="nrf91-bench boards console", tell=say)
    with contextlib.ExitStack() as stack:
        if transcript is not None:
            file = TranscriptFile(transcript, concealer.mask if plain else concealer.conceal)
            board.transcript = stack.enter_context(file).transcript
            board.keep_transcript_in(str(transcript))
        # The history is opened first: what keeps it from being kept is told before the board is taken.
        prompt = Prompt(CommandHistory()) if can_edit() else None
        _end_in_order(prompt.end if prompt is not None else _raise)
        stack.enter_context(board)
        if prompt is None:
            _take_from_pipe(board, timeout, transcript)
        else:
            _take_from_terminal(board, prompt, timeout, transcript)


def _take_from_terminal(board: Board, prompt: Prompt, timeout: float, transcript: Path | None) -> None:
    console = BoardConsole(board, prompt.show, prompt.keep, timeout=timeout)
    prompt.attend = console.attend
    console.greet(str(transcript or ""))
    while True:
        try:
            text = prompt.read(lambda: console.prompt)
        except KeyboardInterrupt:
            console.drop()
            continue
        except EOFError:
            break
        try:
            for line in _split(text):  # what was pasted may have several
                console.take(line)
        except KeyboardInterrupt:
            console.interrupt()
    console.finish()


def _take_from_pipe(board: Board, timeout: float, transcript: Path | None) -> None:
    console = BoardConsole(board, show_line, _show_command, timeout=timeout)
    console.greet(str(transcript or ""))
    for line in _lines(_INPUT, console.attend):
        console.take(line)
    console.finish()


def _show_command(command: str) -> None:
    """Show a command before its answer: nobody has seen it being typed. Its secrets are masked."""
    shown = masked(command.encode("utf-8", "surrogateescape")).decode("utf-8", "backslashreplace")
    show_line(Line(Kind.NOTE, f"> {visible_line(shown)}"))


def _lines(descriptor: int, attend: Callable[[], None]) -> Iterator[str]:
    """Yield the lines that come from a descriptor until its end, and call ``attend`` meanwhile."""
    rest = b""
    while True:
        attend()
        if not select.select([descriptor], [], [], _LOOK_SECONDS)[0]:
            continue
        chunk = os.read(descriptor, 65536)
        *lines, rest = (rest + chunk).split(b"\n")
        if not chunk and rest:
            lines.append(rest)
        for line in lines:
            yield from _split(line.decode("utf-8", "surrogateescape"))
        if not chunk:
            return


def _split(text: str) -> list[str]:
    """Return the lines of a text, whatever host wrote it."""
    return _LINE_END.split(text.removesuffix("\r"))


def _end_in_order(end: Callable[[BaseException], None]) -> None:
    """Let signals end the conversation in order, so that the board is left as it was found.

    Set even where SIGINT was inherited as ignored, as in a shell's background job.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        end(SystemExit(128 + number))

    for number in ending_signals():
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else leave)


def _raise(reason: BaseException) -> NoReturn:
    raise reason
