"""Boards of a lab as they are now, made from values."""

from dataclasses import replace
from datetime import UTC, datetime

from bench.boards import BoardSpec, Holder, Reservation
from bench.boards.board_state import BoardState, SeenState
from bench.boards.listing import ListedBoard
from bench.evidence.outcomes import Outcome
from bench.evidence.progress import BoardProgress
from bench.report.lab_now import BoardNow, LabNow

NOW = datetime(2026, 11, 29, 19, 20, 0, tzinfo=UTC)
RUN = "nrf91-bench run --board all"
HOSTILE = "a\x1b[31m\u202e<script>alert(1)</script>\nb"


FREE = SeenState(BoardState.FREE)


def board(name: str = "dk-1", seen: SeenState = FREE, *, attached: bool = True, hardware: bool = True) -> BoardNow:
    spec = BoardSpec(name, "/dev/ttyACM0", serial=f"10512{name}", place="usb-1", hardware=hardware)
    return BoardNow(ListedBoard(spec, {"at": spec.port} if attached else {}, seen), "nRF9151 DK")


def used(
    name: str = "dk-1",
    progress: BoardProgress | None = None,
    *,
    job: str = RUN,
    since: str = "2026-11-29T18:18:00Z",
    reservation: Reservation | None = None,
    unread: str = "",
    state: BoardState = BoardState.IN_USE,
) -> BoardNow:
    seen = SeenState(state, "", Holder(job, "alice", 4711, since, name, "/runs/1"), reservation)
    return replace(board(name, seen), progress=progress, unread=unread)


def kept(name: str = "dk-1", why: str = "soak") -> BoardNow:
    return board(name, SeenState(BoardState.RESERVED, "", None, replace(KEPT, why=why)))


KEPT = Reservation(0, "2026-11-30T06:30:00+00:00", "soak")


def mixed(count: int) -> LabNow:
    busy = BoardProgress(
        602, 312, {Outcome.FAILED: 3}, "test_latency.py::test_round_trip[TCP-256]", "2026-11-29T19:19:48Z"
    )
    kinds = (
        lambda name: used(name, busy, reservation=KEPT),
        lambda name: kept(name, HOSTILE),
        lambda name: board(name, hardware=False),
        lambda name: used(name, unread="Permission denied"),
    )
    return LabNow(NOW, [kinds[number % 4](f"dk-{number}") for number in range(count)])
