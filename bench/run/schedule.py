"""When which boards run: all at once, several times over, or two groups in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.boards import BoardSpec
from bench.errors import UsageError


@dataclass(frozen=True)
class Turn:
    """Boards that run at the same time, in one round of the tests."""

    round: int
    specs: tuple[BoardSpec, ...]


@dataclass(frozen=True)
class Schedule:
    """The turns of a run.

    Attributes:
        turns: in their order.
        groups: slots of those that alternate, by the group's selector.
        controls: control boards, which run the tests that measure in every turn.
    """

    turns: tuple[Turn, ...]
    groups: dict[str, list[str]]
    controls: tuple[BoardSpec, ...] = ()

    @property
    def specs(self) -> tuple[BoardSpec, ...]:
        """Every board under test, once."""
        return tuple({spec.slot: spec for turn in self.turns for spec in turn.specs}.values())

    def with_boards(self, boards: Mapping[str, BoardSpec]) -> "Schedule":
        """Return the schedule with other facts about some boards, by slot."""
        turns = tuple(
            replace(turn, specs=tuple(boards.get(spec.slot, spec) for spec in turn.specs)) for turn in self.turns
        )
        return replace(self, turns=turns, controls=tuple(boards.get(spec.slot, spec) for spec in self.controls))

    def beside(self, controls: Sequence[BoardSpec]) -> "Schedule":
        """Return the schedule with control boards beside it; boards that alternate are each other's control."""
        return self if self.groups else replace(self, controls=tuple(controls))


def repeated(specs: Sequence[BoardSpec], rounds: int) -> Schedule:
    """Return the schedule of all boards at the same time, in every round."""
    return Schedule(tuple(Turn(number, tuple(specs)) for number in range(1, rounds + 1)), {})


def interleaved(groups: dict[str, Sequence[BoardSpec]], rounds: int) -> Schedule:
    """Return the schedule of two groups in turn, A B, B A, A B ...: a drift of the night meets both.

    Raises:
        UsageError: an empty group, a board in both, or an odd number of rounds: one group would be first more often.
    """
    if rounds % 2:
        raise UsageError(
            f"--repeat {rounds} with --interleave: give an even number, so that neither group is first more often"
        )
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
