"""The scope of a history page: its nights, boards and firmware, with the numbers that its scripts know them by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cached_property

from bench.history import Store
from bench.history.listing import ListedRun, listed_runs
from bench.history.night import night_text
from bench.history.overview import BoardSeen, boards_seen, last_nights

Board = tuple[str, bool]
"""Identity of a board, and whether it is simulated."""
SILENT = "did not answer"
"""The firmware of a board that did not say which it has."""


@dataclass(frozen=True)
class Scope:
    """What a page shows of a history.

    Attributes:
        nights: dates, the earliest first.
        all_nights: how many the history has.
        boards: every board that the history has ever seen, the last seen first.
        runs: of the nights, the latest first.
        firmware: of boards under test in these nights, the newest first: the first colours are for what matters now.
        night_ends: where a night ends.
    """

    nights: Sequence[str]
    all_nights: int
    boards: Sequence[BoardSeen]
    runs: Sequence[ListedRun]
    firmware: Sequence[str]
    night_ends: time

    @cached_property
    def since(self) -> str:
        """The first night; later than any date where there is none."""
        return self.nights[0] if self.nights else "9999-12-31"

    def night_text(self, night: str) -> str:
        """Return a night for a person."""
        return night_text(night, self.night_ends)

    @cached_property
    def night_numbers(self) -> Mapping[str, int]:
        """The number of each night."""
        return {night: number for number, night in enumerate(self.nights)}

    @cached_property
    def board_numbers(self) -> Mapping[Board, int]:
        """The number of each board."""
        return {(board.identity, board.simulated): number for number, board in enumerate(self.boards)}

    @cached_property
    def firmware_numbers(self) -> Mapping[str, int]:
        """The number of each firmware."""
        return {firmware: number for number, firmware in enumerate(self.firmware)}

    def numbers_of_boards(self, boards: Iterable[Board]) -> list[int]:
        """Return the numbers of the boards that the history knows."""
        return sorted({self.board_numbers[board] for board in boards if board in self.board_numbers})

    def numbers_of_firmware(self, texts: Iterable[str]) -> list[int]:
        """Return the numbers of the firmware that the history knows."""
        return sorted({self.firmware_numbers[text] for text in texts if text in self.firmware_numbers})

    def name_of(self, board: Board) -> str:
        """Return the name by which people know a board: that of its last run."""
        number = self.board_numbers.get(board)
        return board[0] if number is None else self.boards[number].slot


def scope_of(store: Store, most_nights: int) -> Scope:
    """Return the last nights of a history."""
    nights, all_nights = last_nights(store, most_nights)
    shown = set(nights)
    runs = [run for run in reversed(listed_runs(store)) if run.night in shown]
    firmware = dict.fromkeys(board.firmware for run in runs for board in run.boards if not board.control)
    return Scope(nights, all_nights, boards_seen(store), runs, list(firmware), store.night_ends)
