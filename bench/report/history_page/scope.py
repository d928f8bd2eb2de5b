"""The scope of a history page: its nights, boards and firmware, with the numbers that its scripts know them by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.history import Store
from bench.history.overview import BoardSeen, RunSeen, boards_seen, last_nights, runs_since

Board = tuple[str, bool]
"""Identity of a board, and whether it is simulated."""


@dataclass(frozen=True)
class Scope:
    """What a page shows of a history.

    Attributes:
        nights: dates, the earliest first.
        all_nights: how many the history has.
        boards: every board that the history has ever seen, the last seen first.
        runs: of the nights, the latest first.
        firmware: of boards under test in these nights, the newest first: the first colours are for what matters now.
    """

    nights: Sequence[str]
    all_nights: int
    boards: Sequence[BoardSeen]
    runs: Sequence[RunSeen]
    firmware: Sequence[str]

    @cached_property
    def since(self) -> str:
        """The first night; later than any date where there is none."""
        return self.nights[0] if self.nights else "9999-12-31"

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
    since = nights[0] if nights else "9999-12-31"
    runs = [run for run in runs_since(store, since) if run.night in set(nights)]
    firmware = list(dict.fromkeys(text for run in runs for text in run.firmware))
    return Scope(nights, all_nights, boards_seen(store), runs, firmware)
