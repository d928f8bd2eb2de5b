"""The terminal of a conversation: a line that can be edited, a history, and lines that appear above it meanwhile."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.history import FileHistory
from prompt_toolkit.utils import is_dumb_terminal
from rich.text import Text

from bench.at.secrets import secrets_of
from bench.cli.board_console import Kind, Line
from bench.cli.terminal import VisibleConsole
from bench.errors import LabError, in_words
from bench.shared_files import check_own
from bench.state import state_folder
from bench.visible import is_text

_LOOK_SECONDS = 0.1
_STYLES: Mapping[Kind, str] = {Kind.OK: "green", Kind.ERROR: "bold red", Kind.URC: "cyan", Kind.NOTE: "dim"}


class CommandHistory(FileHistory):
    """Commands of this user, from conversation to conversation. None that holds a secret is among them."""

    def __init__(self) -> None:
        """Open the file.

        Raises:
            LabError: it cannot be kept, or others can read it.
        """
        path = state_folder() / "console-history"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            check_own(path, private=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise LabError(f"cannot keep the history in {path}: {in_words(error)}") from error
        super().__init__(path)

    def append_string(self, string: str) -> None:
        """Keep nothing that is only typed: it may be data, or a piece of a command."""

    def keep(self, command: str) -> None:
        """Keep a command, unless it holds a secret: asterisks in place of a PIN must not be sent by mistake."""
        if is_text(command) and not secrets_of(command.encode())[0] and self.get_strings()[-1:] != [command]:
            super().append_string(command)

    def store_string(self, string: str) -> None:
        """Write a command to the file; a full disk ends no conversation."""
        try:
            super().store_string(string)
        except OSError as error:
            show_line(Line(Kind.ERROR, f"the history could not be written: {in_words(error)}"))


def can_edit() -> bool:
    """Return whether a line can be edited here: input and output are a terminal, and one that moves its cursor."""
    return os.isatty(0) and sys.stdout.isatty() and not is_dumb_terminal()


class Prompt:
    """Reads lines from the terminal.

    Attributes:
        attend: is called again and again while a line is typed.
        keep: gets the commands for the history.
    """

    def __init__(self, history: CommandHistory) -> None:
        self.attend: Callable[[], None] = lambda: None
        self.keep = history.keep
        self._session: PromptSession[str] = PromptSession(history=history)
        self._waiting: deque[Line] = deque()

    def read(self, prompt: Callable[[], str]) -> str:
        """Return what is typed until Enter.

        Args:
            prompt: returns what stands before it, which may change meanwhile.

        Raises:
            EOFError: Ctrl-D was typed.
            KeyboardInterrupt: Ctrl-C was typed.
            Exception: of :attr:`attend`.
        """
        try:
            return self._session.prompt(prompt, pre_run=self._begin_to_attend)
        finally:
            self._show_waiting()

    def end(self, reason: BaseException) -> None:
        """Let ``reason`` end what is typed; where nothing is, raise it at once. For handlers of signals.

        An exception amid the event loop would leave the terminal as it is while a line is edited.
        """
        app = self._session.app
        if app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(self._leave, reason)
        else:
            raise reason

    def show(self, line: Line) -> None:
        """Show a line: above what is typed, which stays."""
        self._waiting.append(line)
        if not self._session.app.is_running:
            self._show_waiting()

    def _begin_to_attend(self) -> None:
        self._session.app.create_background_task(self._attend())

    async def _attend(self) -> None:
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                self.attend()
                if self._waiting:
                    await run_in_terminal(self._show_waiting)
        except Exception as error:  # noqa: BLE001 - it is raised where the line is read
            self._leave(error)

    def _leave(self, reason: BaseException) -> None:
        if not self._session.app.is_done:
            self._session.app.exit(exception=reason)

    def _show_waiting(self) -> None:
        while self._waiting:
            show_line(self._waiting.popleft())


def show_line(line: Line) -> None:
    """Write a line to the standard output, in the colour of its kind where that is a terminal."""
    VisibleConsole(soft_wrap=True).print(Text(line.text, style=_STYLES.get(line.kind, "")))
