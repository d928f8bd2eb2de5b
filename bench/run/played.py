"""What the ending of a run needs of it, whether its boards hang on this host or on others."""

from pathlib import Path
from typing import Protocol

from bench.config.lab import Config
from bench.evidence import ResultStream, RowReader
from bench.run.interruption import Interruption
from bench.run.state import RunState
from bench.run.watcher import Watcher


class PlayedRun(Protocol):
    """A run whose boards have played their tests."""

    stream: ResultStream
    reader: RowReader
    state: RunState
    watcher: Watcher
    interruption: Interruption

    @property
    def folder(self) -> Path:
        """The run's folder."""

    @property
    def lab(self) -> Config:
        """What the lab's file says."""

    @property
    def simulated(self) -> bool:
        """Whether a board is known not to be hardware, even when all evidence is lost."""
