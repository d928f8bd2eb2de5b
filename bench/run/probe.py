"""Asking a board who it is: its port is open for a moment."""

from bench.boards import Board, BoardSpec
from bench.errors import BenchError
from bench.modem import Identity
from bench.privacy import Concealer, lab_key


def query_identity(spec: BoardSpec) -> Identity:
    """Return a board's own answers.

    Raises:
        LabError: it is in use, cannot be opened, or does not answer.
    """
    with Board(spec, Concealer(lab_key()), job="nrf91-bench asks for its identity") as board:
        return board.identity


def firmware_of(spec: BoardSpec) -> Identity | None:
    """Return what ``--board firmware=...`` compares with; None for a board that does not answer."""
    try:
        return query_identity(spec)
    except BenchError:
        return None
