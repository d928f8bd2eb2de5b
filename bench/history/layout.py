"""The layout of a measurement: which boards were measured when, in which cell, and with which firmware.

Measurements of one layout are analysed together: the tables of their values have the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from operator import itemgetter
from statistics import median_high
from typing import NamedTuple

from bench.history.observations import Observation


class Role(IntEnum):
    """The part that an observation has in a comparison."""

    BASELINE = 0
    CANDIDATE = 1
    CONTROL = 2
    """A board whose firmware stays the same."""


class Place(NamedTuple):
    """A board in a cell: the level of its values belongs to both. Boards of two cells are not compared."""

    board: str
    cell: str
    band: str


class Line(NamedTuple):
    """One observation without its value; a night's run and a round together are a turn."""

    night: str
    run: str
    round: int
    place: Place
    role: Role
    weight: float


@dataclass(frozen=True)
class Layout:
    """The lines of a measurement, in the order of its values."""

    lines: tuple[Line, ...]

    @cached_property
    def nights(self) -> list[tuple[str, str]]:
        """(night, run), in their order."""
        return sorted({(line.night, line.run) for line in self.lines})

    def boards(self, *roles: Role) -> set[str]:
        """Return the boards that have one of these roles."""
        return {line.place.board for line in self.lines if line.role in roles}

    def dates(self, role: Role) -> list[str]:
        """Return the nights with that role, in their order."""
        return sorted({line.night for line in self.lines if line.role is role})

    @cached_property
    def is_interleaved(self) -> bool:
        """Whether both firmwares ran in one run."""
        runs = [{line.run for line in self.lines if line.role is role} for role in (Role.BASELINE, Role.CANDIDATE)]
        return bool(runs[0] & runs[1])

    @cached_property
    def periods(self) -> dict[tuple[str, str], int]:
        """The number of each night's period: a new one begins where a board has another firmware than before."""
        found: dict[tuple[str, str], int] = {}
        last: dict[str, Role] = {}
        number = 0
        for night in self.nights:
            roles = {line.place.board: line.role for line in self.lines if (line.night, line.run) == night}
            if any(last.get(board, role) is not role for board, role in roles.items()):
                number += 1
            last.update(roles)
            found[night] = number
        return found

    @cached_property
    def roles(self) -> dict[Place, list[Role]]:
        """The roles of each board in a cell, night by night."""
        found: dict[Place, list[Role]] = {}
        for line in sorted(self.lines, key=lambda line: (line.night, line.run)):
            found.setdefault(line.place, []).append(line.role)
        return found

    @cached_property
    def switched(self) -> dict[Place, Role]:
        """The boards that ran both firmwares in one cell, and which of them first."""
        both = {Role.BASELINE, Role.CANDIDATE}
        return {place: roles[0] for place, roles in self.roles.items() if both <= set(roles)}

    @property
    def is_swapped(self) -> bool:
        """Whether some boards began with one firmware, and others with the other."""
        return len(set(self.switched.values())) == 2

    @cached_property
    def changed_cell(self) -> list[str]:
        """Boards under test that had both firmwares, but not both in one cell: they say nothing about the firmware."""
        boards = self.boards(Role.BASELINE) & self.boards(Role.CANDIDATE)
        return sorted(boards - {place.board for place in self.switched})


def layout_of(sides: Sequence[Sequence[Observation]]) -> tuple[Layout, list[Observation]]:
    """Return the layout of baseline, candidate and control, and the observations in its order."""
    usual = median_high([one.count for side in sides for one in side])
    pairs = sorted(
        (
            (Line(one.night, one.run, one.round, Place(one.board, one.cell, one.band), role, _weight(one, usual)), one)
            for role, side in zip(Role, sides, strict=True)
            for one in side
        ),
        key=itemgetter(0),
    )
    return Layout(tuple(line for line, _ in pairs)), [one for _, one in pairs]


def _weight(observation: Observation, usual: float) -> float:
    """Return the weight of an observation by its samples; of the usual number, half of the variance is the night's."""
    count = max(0, observation.count)
    # Coarse, so that measurements whose counts differ by some per cent still have one layout.
    return round(2 * count / (count + usual), 1) or 0.1 if usual > 0 else 1.0
