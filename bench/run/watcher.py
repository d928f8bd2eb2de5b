"""Whoever watches a run: gets a line for each thing that happens, and every row of the stream."""

from enum import StrEnum
from typing import Self

from bench.evidence import Summary, rows


class Level(StrEnum):
    """How much a line asks of whoever watches."""

    PLAIN = "plain"
    WARNING = "warning"
    ERROR = "error"


class Watcher:
    """Watches a run and shows nothing. Entered while tests run; subclasses show what they like."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def line(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Take a line with its word in front, such as ``reserved``."""

    def follow(self, row: rows.Row) -> None:
        """Take a row of the stream."""

    def tick(self) -> None:
        """Do what has to be done now and then; called several times a second while tests run."""

    def finish(self, summary: Summary) -> None:
        """Take what the run proves; its files are written, the history does not know it yet."""
