"""When which boards run: all at once, several times over, or two groups in turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.boards import BoardSpec
from bench.errors import UsageError


@dataclass(frozen=True)
class Turn:
    """Boards that run at the same time, in one round of the tests."""

    round: int
    specs: tuple[BoardSpec, ...]


@dataclass(frozen=True)
class Schedule:
    """The turns of a run; ``groups`` are the slots of those that alternate, by the group's selector."""

    turns: tuple[Turn, ...]
    groups: dict[str, list[str]]

    @property
    def specs(self) -> tuple[BoardSpec, ...]:
        """Every board, once."""
        return tuple({spec.slot: spec for turn in self.turns for spec in turn.specs}.values())


def repeated(specs: Sequence[BoardSpec], rounds: int) -> Schedule:
    """Return the schedule of all boards at the same time, in every round."""
    return Schedule(tuple(Turn(number, tuple(specs)) for number in range(1, rounds + 1)), {})


def interleaved(groups: dict[str, Sequence[BoardSpec]], rounds: int) -> Schedule:
    """Return the schedule of two groups in turn, A B, B A, A B ...: a drift of the night meets both.

    Raises:
        UsageError: an empty group, or a board in both.
    """
    first, second = groups.values()
    if not first or not second:
        empty = next(name for name, specs in groups.items() if not specs)
        raise UsageError(f"--interleave {empty}: no board of this run is meant")
    both = {spec.slot for spec in first} & {spec.slot for spec in second}
    if both:
        raise UsageError(f"--interleave: {', '.join(sorted(both))} would be in both groups")
    turns = []
    for number in range(1, rounds + 1):
        order = (first, second) if number % 2 else (second, first)
        turns += [Turn(number, tuple(specs)) for specs in order]
    return Schedule(tuple(turns), {name: [spec.slot for spec in specs] for name, specs in groups.items()})
