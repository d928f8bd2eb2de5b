"""Which boards there are, and one that is open."""

from bench.boards.board import Board
from bench.boards.discovery import AttachedBoard, attached_boards
from bench.boards.provisioning import TAGS, KnownDigests, Provisioned, provision
from bench.boards.recovery import BoardSilent, BoardUnintelligible
from bench.boards.selection import BoardSpec, known_boards, named_port, select
from bench.boards.simulated import PEER_NAME, SimulatedBoards

__all__ = [
    "PEER_NAME",
    "TAGS",
    "AttachedBoard",
    "Board",
    "BoardSilent",
    "BoardSpec",
    "BoardUnintelligible",
    "KnownDigests",
    "Provisioned",
    "SimulatedBoards",
    "attached_boards",
    "known_boards",
    "named_port",
    "provision",
    "select",
]
