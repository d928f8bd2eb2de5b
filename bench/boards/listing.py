"""The list of boards: the inventory, what is attached beside it, and what may be a board. Opens no port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.at import is_pty
from bench.boards.board_state import BoardState, SeenState, see_state
from bench.boards.discovery import UNKNOWN, AttachedBoard
from bench.boards.inventory import known_boards
from bench.boards.lease import Holder, holders, is_key_of_pty
from bench.boards.reservation import Reservation, reservations
from bench.boards.spec import AT, BoardSpec
from bench.config.lab import Config


@dataclass
class ListedBoard:
    """A line of the list: a board, its ports by name, and what was seen of it.

    Attributes:
        firmware: as the board says itself; None where it was not asked.
        key: tells it from all others, also when it comes back under another name or at another place.
    """

    spec: BoardSpec
    ports: Mapping[str, str]
    seen: SeenState
    firmware: str | None = None
    key: str = ""

    def __post_init__(self) -> None:
        spec = self.spec
        self.key = self.key or (spec.key if spec.serial else spec.place or spec.slot)

    def to_json(self) -> dict[str, object]:
        """Return what programs get of it."""
        return {
            "name": self.spec.slot or None,
            "model": self.spec.model,
            "serial": self.spec.serial,
            "ports": dict(self.ports),
            "place": self.spec.place,
            "firmware": self.firmware,
            "state": self.seen.state,
            "details": self.seen.details,
            "simulated": not self.spec.hardware,
        }


def list_boards(lab: Config, attached: Sequence[AttachedBoard], *, all_in_use: bool = False) -> list[ListedBoard]:
    """Return the boards of the inventory, then those that are attached beside it, then what may be one.

    Args:
        lab: its configuration.
        attached: from :func:`bench.boards.attached_boards`.
        all_in_use: add the boards that somebody uses and neither has: simulated ones, those at a TCP port.

    Raises:
        UsageError, LabError: as :func:`bench.boards.known_boards`.
    """
    specs = known_boards(lab, attached)
    held, kept = holders(), reservations() if specs or attached else {}
    ports = {(board.serial, board.place): board.ports for board in attached}
    rows = []
    for spec in specs:
        own = ports.pop((spec.serial, spec.place), {AT: spec.port} if spec.port else {})
        rows.append(ListedBoard(spec, own, see_state(spec, held, kept)))
    rows += [_unlisted(board, held, kept) for board in attached if (board.serial, board.place) in ports]
    if all_in_use:
        known = {row.spec.key for row in rows}
        rows += [_only_in_use(key, holder) for key, holder in sorted(held.items()) if key not in known]
    return rows


def _unlisted(board: AttachedBoard, held: Mapping[str, Holder], kept: Mapping[str, Reservation]) -> ListedBoard:
    """Return the line of a device that may be a board, or whose AT port is not known."""
    node = next(iter(board.ports.values()), "")
    spec = BoardSpec("", node, board.model, board.serial, board.place, hardware=not is_pty(node))
    unknown = SeenState(BoardState.MAYBE, "--probe asks")
    return ListedBoard(spec, board.ports, unknown if board.model == UNKNOWN else see_state(spec, held, kept))


def _only_in_use(key: str, holder: Holder) -> ListedBoard:
    """Return the line of a board of which only its user is known; one with a serial number was unplugged meanwhile."""
    spec = BoardSpec(holder.slot or key, "", hardware=not is_key_of_pty(key))
    state = BoardState.NOT_ATTACHED if key.startswith("serial-") else BoardState.IN_USE
    return ListedBoard(spec, {}, SeenState(state, f"by {holder.text}", holder), key=key)
