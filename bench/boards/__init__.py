"""The boards of a lab: those that are known, their users, and one that is open."""

from bench.boards.admission import show_tokens
from bench.boards.aux_port import AuxPort
from bench.boards.board import Board
from bench.boards.budget import Budget, BudgetLine, BudgetSpent, cost_of_commands
from bench.boards.catalog import Catalog
from bench.boards.coverage import Coverage, coverage_of
from bench.boards.discovery import UNKNOWN, AttachedBoard, attached_boards
from bench.boards.escalation import Escalation, ResetBudget
from bench.boards.hotplug import BoardChange, BoardMonitor, found_again, is_there
from bench.boards.inventory import known_boards, named_port
from bench.boards.lease import BoardLeased, Holder, Lease, holder_of, inherited, terminal_lock
from bench.boards.ledger import Cost, Ledger
from bench.boards.profile import Profile
from bench.boards.provisioning import TAGS, KnownDigests, provision
from bench.boards.recovery import BoardSilent, BoardUnintelligible, BoardUnusable
from bench.boards.reservation import Reservation, release, reservation_of, reserve
from bench.boards.selection import Selector, matches, select
from bench.boards.simulated import PEER_NAME, SimulatedBoards, ask_simulator
from bench.boards.spec import BoardSpec
from bench.boards.support import collect_for_support

__all__ = [
    "PEER_NAME",
    "TAGS",
    "UNKNOWN",
    "AttachedBoard",
    "AuxPort",
    "Board",
    "BoardChange",
    "BoardLeased",
    "BoardMonitor",
    "BoardSilent",
    "BoardSpec",
    "BoardUnintelligible",
    "BoardUnusable",
    "Budget",
    "BudgetLine",
    "BudgetSpent",
    "Catalog",
    "Cost",
    "Coverage",
    "Escalation",
    "Holder",
    "KnownDigests",
    "Lease",
    "Ledger",
    "Profile",
    "Reservation",
    "ResetBudget",
    "Selector",
    "SimulatedBoards",
    "ask_simulator",
    "attached_boards",
    "collect_for_support",
    "cost_of_commands",
    "coverage_of",
    "found_again",
    "holder_of",
    "inherited",
    "is_there",
    "known_boards",
    "matches",
    "named_port",
    "provision",
    "release",
    "reservation_of",
    "reserve",
    "select",
    "show_tokens",
    "terminal_lock",
]
