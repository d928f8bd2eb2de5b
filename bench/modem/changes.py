"""Changes to a modem that are undone: at the end of their block, or by whoever opens the board after a process died."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.at import AtLink

_SECONDS = 60.0


class UndoJournal(Protocol):
    """A keeper, beyond the death of this process, of the commands that undo a change."""

    def remember(self, commands: Sequence[str]) -> Callable[[], None]:
        """Keep the commands, before the change is made, until the returned function is called."""


class NoJournal:
    """A journal that keeps nothing, for a link whose user looks after the modem."""

    def remember(self, commands: Sequence[str]) -> Callable[[], None]:
        """See :class:`UndoJournal`."""
        del commands
        return lambda: None


@dataclass(frozen=True)
class UndoableChange:
    """One change that is to be undone."""

    link: AtLink
    commands: tuple[str, ...]
    forget: Callable[[], None]

    def undo(self) -> None:
        """Undo it. While that fails, the journal keeps it.

        Raises:
            CommandError: the modem refused.
        """
        for command in self.commands:
            self.link.command(command, timeout=_SECONDS)
        self.forget()


class Changes:
    """The changes of one modem."""

    def __init__(self, link: AtLink, journal: UndoJournal) -> None:
        self._link = link
        self._journal = journal

    def about_to_make(self, *undo: str) -> UndoableChange:
        """Note, before a change is made, the commands that undo it."""
        return UndoableChange(self._link, undo, self._journal.remember(undo))

    @contextlib.contextmanager
    def undone(self, *undo: str) -> Iterator[None]:
        """Run a block in which something is changed, and undo it by the commands at the end, whatever happens."""
        change = self.about_to_make(*undo)
        try:
            yield
        finally:
            change.undo()
