"""How often a comparison raises a false alarm, and how small a shift it finds: simulated labs, seeded.

    python benchmarks/verdicts.py [--comparisons 300] [--hunts 100] [--seed 1] [--wander 0.0]

Every lab has boards that differ by 5 %, nights that differ by 5 %, and 50 measurements of 1,000 samples a board and
night (gamma distributed, coefficient of variation 1/3), each with boards and nights of its own: nothing is shared that
would make it easier. With --wander each board is also faster in one night than in another for reasons of its own, by
that standard deviation. A/A compares a firmware with itself; A/B slows one measurement down by a tenth.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy

from bench.history import Comparison, Observation, compare
from bench.history.comparison import ComparisonVerdict
from bench.history.observations import Key
from bench.measure import typical

MEASUREMENTS, SAMPLES, DRIFT, BOARDS = 50, 1000, 0.05, 0.05
KEYS = [Key("test", f"m{number:02}", "ns", "nrf9151dk", "LTE-M", "00101") for number in range(MEASUREMENTS)]
SLOWED = 7


@dataclass(frozen=True)
class Turn:
    """A board in a night: which rounds it ran, and with which firmware."""

    night: int
    board: int
    rounds: int
    candidate: bool


def calibrated(group: int = 2, rounds: int = 10) -> list[Turn]:
    """A night with both firmwares in turn, and one before of the same boards on one firmware."""
    return [
        Turn(night, board, rounds, candidate=night == 1 and board >= group)
        for night in (0, 1)
        for board in range(2 * group)
    ]


def swapped(group: int = 2, rounds: int = 10) -> list[Turn]:
    """Two nights with both, the groups' firmwares swapped between them."""
    return [
        Turn(night, board, rounds, candidate=(board >= group) == bool(night))
        for night in (0, 1)
        for board in range(2 * group)
    ]


def three_boards(group: int = 3, rounds: int = 10) -> list[Turn]:
    """One night with both, three boards each."""
    return [Turn(0, board, rounds, candidate=board >= group) for board in range(2 * group)]


def window(nights: int = 14, candidates: int = 1, boards: int = 4) -> list[Turn]:
    """Two weeks of nights, and a night of the candidate on the same boards."""
    return [
        Turn(night, board, 1, candidate=night >= nights)
        for night in range(nights + candidates)
        for board in range(boards)
    ]


DESIGNS: dict[str, Callable[[], list[Turn]]] = {
    "interleaved, calibration night, 2 boards a group": calibrated,
    "interleaved, groups swapped, 2 boards a group": swapped,
    "interleaved, 3 boards a group": three_boards,
    "window of 14 nights, 4 boards, 1 night": window,
    "window of 14 nights, 4 boards, 3 nights": lambda: window(candidates=3),
}


def observed(
    turns: list[Turn], shift: float, random: numpy.random.Generator, wander: float = 0.0
) -> tuple[list[Observation], ...]:
    """A lab's observations, baseline and candidate."""
    nights = numpy.exp(random.normal(0, DRIFT, (1 + max(turn.night for turn in turns), MEASUREMENTS)))
    boards = numpy.exp(random.normal(0, BOARDS, (1 + max(turn.board for turn in turns), MEASUREMENTS)))
    sides: tuple[list[Observation], list[Observation]] = ([], [])
    for turn in turns:
        each = SAMPLES // turn.rounds
        samples = random.gamma(9, 12, (turn.rounds, MEASUREMENTS, each))
        middle = numpy.apply_along_axis(typical, 2, samples)
        levels = middle * nights[turn.night] * boards[turn.board]
        if wander:
            levels = levels * numpy.exp(random.normal(0, wander, MEASUREMENTS))
        if turn.candidate:
            levels[:, SLOWED] *= 1 + shift
        # A run of one firmware a night, or one in which both alternate.
        for number in range(turn.rounds):
            for key, level in zip(KEYS, levels[number], strict=True):
                night = f"2026-01-{turn.night + 1:02}"
                one = Observation(key, night, night, f"b{turn.board}", "", "", number + 1, {"typical": level}, each)
                sides[turn.candidate].append(one)
    return sides


def labs(design: str, count: int, shift: float, seed: int, wander: float = 0.0) -> Iterator[Comparison]:
    """Comparisons of so many labs."""
    for number in range(count):
        random = numpy.random.default_rng((seed, number, *map(ord, design)))
        baseline, candidate = observed(DESIGNS[design](), shift, random, wander)
        yield compare(baseline, candidate)


def alarms(design: str, count: int, seed: int, wander: float = 0.0) -> int:
    """False regressions of so many comparisons of a firmware with itself."""
    return sum(bool(found.select(ComparisonVerdict.REGRESSION)) for found in labs(design, count, 0.0, seed, wander))


def hits(design: str, count: int, shift: float, seed: int, wander: float = 0.0) -> int:
    """How often the slowed measurement, and no other, was named."""
    return sum(
        [judgement.key for judgement in found.select(ComparisonVerdict.REGRESSION)] == [KEYS[SLOWED]]
        for found in labs(design, count, shift, seed + 1, wander)
    )


def smallest(design: str, count: int, seed: int, wander: float = 0.0) -> float:
    """The smallest shift, of a grid, that is found 95 times in 100; infinity beyond it."""
    for shift in (0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0):
        if hits(design, count, shift, seed, wander) >= 0.95 * count:
            return shift
    return math.inf


def main() -> None:
    """Prints a row a design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=300)
    parser.add_argument("--hunts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wander", type=float, default=0.0)
    asked = parser.parse_args()
    print(f"{'design':<50} {'false alarms':>15} {'10 % found':>12} {'found 95 of 100':>16}")
    for design in DESIGNS:
        false = f"{alarms(design, asked.comparisons, asked.seed, asked.wander)} of {asked.comparisons}"
        found = f"{hits(design, asked.hunts, 0.1, asked.seed, asked.wander)} of {asked.hunts}"
        print(f"{design:<50} {false:>15} {found:>12} {smallest(design, asked.hunts, asked.seed, asked.wander):>15.0%}")


if __name__ == "__main__":
    main()
