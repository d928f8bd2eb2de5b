"""What a user may expect of a board, as far as can be seen without touching it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.boards.lease import Holder, terminal_lock
from bench.boards.reservation import Reservation
from bench.boards.spec import BoardSpec


class BoardState(StrEnum):
    """The state of a board in a list."""

    FREE = "free"
    IN_USE = "in use"
    RESERVED = "reserved"
    NOT_ATTACHED = "not attached"
    CONFIGURED = "configured"
    """At a TCP port, which cannot be examined without opening it."""
    MAYBE = "may be a board"
    """An unknown device; ``--probe`` asks it."""
    NO_PERMISSION = "no permission"
    SILENT = "silent"
    """It was asked, and nothing that speaks AT answered."""

    @property
    def may_be_asked(self) -> bool:
        """Whether its port may be opened."""
        return self in (BoardState.FREE, BoardState.CONFIGURED, BoardState.MAYBE)


@dataclass(frozen=True)
class SeenState:
    """A state, and for a person by whom or why.

    Attributes:
        holder: who uses the board.
        reservation: who keeps it, also while somebody else uses it.
    """

    state: BoardState
    details: str = ""
    holder: Holder | None = None
    reservation: Reservation | None = None

    @property
    def text(self) -> str:
        """State and details in one line."""
        joint = " " if self.details.startswith("by ") else ": "
        return f"{self.state}{joint}{self.details}" if self.details else str(self.state)


def see_state(spec: BoardSpec, holders: Mapping[str, Holder], reservations: Mapping[str, Reservation]) -> SeenState:
    """Return the state of a board; opens nothing.

    Args:
        spec: of the board.
        holders: from :func:`bench.boards.lease.holders`.
        reservations: from :func:`bench.boards.reservation.reservations`.
    """
    key = spec.key
    holder = holders.get(key)
    reserved = reservations.get(key)
    if not spec.port or (spec.port.startswith("/") and not Path(spec.port).exists()):
        return SeenState(BoardState.NOT_ATTACHED, "", holder, reserved)
    if holder is not None:
        return SeenState(BoardState.IN_USE, f"by {holder.text}", holder, reserved)
    if reserved is not None:
        return SeenState(BoardState.RESERVED, reserved.text.removeprefix("reserved "), None, reserved)
    if not spec.port.startswith("/"):
        return SeenState(BoardState.CONFIGURED)
    program = terminal_lock(spec.port)
    if program:
        return SeenState(BoardState.IN_USE, f"by {program}")
    accessible = os.access(spec.port, os.R_OK | os.W_OK)
    return SeenState(BoardState.FREE if accessible else BoardState.NO_PERMISSION)
