"""The interruption of a run: signals, the end of the parent, or another reason to end it early, in order."""

import signal
import threading
from types import FrameType
from typing import Any, Self

from bench.children import ending_signals, when_parent_ends
from bench.run.watcher import Level, Watcher

INTERRUPTED = "the run was interrupted"
"""Why a run ended early that a person, or the end of its parent, has interrupted."""


class Interruption:
    """SIGINT, SIGTERM, SIGHUP, or another reason to end a run early, in order. Entered, it handles the signals.

    Attributes:
        reason: why the run was ended early.
    """

    def __init__(self) -> None:
        self.reason = INTERRUPTED
        self._stop = threading.Event()
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # only there can signals be handled
            for number in ending_signals():
                self._handlers[number] = signal.signal(number, self._interrupt)
        when_parent_ends(self._stop.set)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def end(self, reason: str) -> None:
        """End the run early for a reason."""
        self.reason = reason
        self._stop.set()

    @property
    def has_reason(self) -> bool:
        """Whether something else than a signal ended the run."""
        return self.reason != INTERRUPTED

    def tell(self, watcher: Watcher) -> None:
        """Tell whoever watches that the run ends now, and what takes a moment."""
        if self.has_reason:
            watcher.line("stopping", self.reason, Level.WARNING)
        watcher.line("stopping", "the boards are brought back to a known state; this takes a few seconds")

    @property
    def requested(self) -> bool:
        """Whether the run is to end."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a request to end; return whether there is one."""
        return self._stop.wait(seconds)
