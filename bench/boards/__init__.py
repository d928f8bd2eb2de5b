"""Which boards there are, who uses them, and one that is open."""

from bench.boards.board import Board
from bench.boards.catalog import Catalog
from bench.boards.discovery import UNKNOWN, AttachedBoard, attached_boards, same_serial
from bench.boards.hotplug import BoardMonitor, Change
from bench.boards.ladder import Ladder, ResetBudget
from bench.boards.lease import BoardLeased, Holder, Lease, holder_of, inherited, terminal_lock
from bench.boards.provisioning import TAGS, KnownDigests, Provisioned, provision
from bench.boards.recovery import BoardSilent, BoardUnintelligible
from bench.boards.selection import BoardSpec, known_boards, named_port, select
from bench.boards.simulated import PEER_NAME, SimulatedBoards

__all__ = [
    "PEER_NAME",
    "TAGS",
    "UNKNOWN",
    "AttachedBoard",
    "Board",
    "BoardLeased",
    "BoardMonitor",
    "BoardSilent",
    "BoardSpec",
    "BoardUnintelligible",
    "Catalog",
    "Change",
    "Holder",
    "KnownDigests",
    "Ladder",
    "Lease",
    "Provisioned",
    "ResetBudget",
    "SimulatedBoards",
    "attached_boards",
    "holder_of",
    "inherited",
    "known_boards",
    "named_port",
    "provision",
    "same_serial",
    "select",
    "terminal_lock",
]
