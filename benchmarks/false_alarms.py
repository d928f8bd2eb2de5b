"""How often a comparison names a false regression, and how often it finds a true one: simulated labs, seeded.

    python -m benchmarks.false_alarms [--comparisons 300] [--hunts 100] [--seed 1] [--kind PATTERN] [--jobs 2]

Every lab has 20 measurements of 1,000 samples a board and night (coefficient of variation 1/3), and boards that differ
by 5 %. A kind says what else its nights are like. A design says which boards ran which firmware, and when. A/A compares
a firmware with itself; A/B slows one measurement down by a tenth. A cell of the table: false regressions of all A/A
comparisons, then how often just the slowed measurement was named, of 100; "-" where every comparison ended in "not
enough evidence".
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy

from bench.exit_code import ExitCode
from bench.history import Comparison, ComparisonVerdict, Observation, compare
from bench.history.observations import Key
from bench.history.resolution import step_of
from bench.measure import typical
from benchmarks.kinds_of_nights import KINDS, MEASUREMENTS, STEADY, Floats, Nights

SAMPLES, BOARDS = 1000, 0.05
VARIATION = 1 / 3
KEYS = [Key("test", f"m{number:02}", "ns", "nrf9151dk", "LTE-M", "00101") for number in range(MEASUREMENTS)]
SLOWED = 7


@dataclass(frozen=True)
class Design:
    """Boards, nights and firmwares.

    Attributes:
        nights: for each night the firmware of each board under test: 0 or 1.
        controls: boards beside them whose firmware stays the same.
        rounds: in which the firmwares alternate; 1 where a night has one firmware.
        promises: whether it finds a shift of 10 % where boards and nights are kind.
    """

    nights: tuple[tuple[int, ...], ...]
    controls: int = 0
    rounds: int = 1
    promises: bool = False


def _swapped(nights: int, group: int = 2) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(int((board < group) == bool(night % 2)) for board in range(2 * group)) for night in range(nights)
    )


def _calibrated(group: int) -> tuple[tuple[int, ...], ...]:
    return ((0,) * (2 * group), (0,) * group + (1,) * group)


def _window(candidates: int, boards: int = 4, nights: int = 14) -> tuple[tuple[int, ...], ...]:
    return ((0,) * boards,) * nights + ((1,) * boards,) * candidates


DESIGNS: dict[str, Design] = {
    "in turn, groups swapped, 6 nights, 2 + 2 boards": Design(_swapped(6), rounds=10, promises=True),
    "in turn, groups swapped, 4 nights, 4 + 4 boards": Design(_swapped(4, 4), rounds=10),
    "in turn after a calibration night, 4 + 4 boards": Design(_calibrated(4), rounds=10),
    "14 + 3 nights, 4 boards, 3 control boards": Design(_window(3), controls=3, promises=True),
    "14 + 3 nights, 4 boards, 2 control boards": Design(_window(3), controls=2),
    "14 + 1 nights, 4 boards, 3 control boards": Design(_window(1), controls=3),
    "14 + 3 nights, 4 boards": Design(_window(3)),
}


def observed(design: Design, kind: str, shift: float, random: numpy.random.Generator) -> tuple[list[Observation], ...]:
    """Return a lab's observations: baseline, candidate, control boards."""
    count, boards = len(design.nights), len(design.nights[0]) + design.controls
    shape = (count, boards)
    firmware = numpy.asarray([(*night, *(0,) * design.controls) for night in design.nights])
    nights = Nights(
        numpy.zeros((*shape, design.rounds, MEASUREMENTS)) + random.normal(0, BOARDS, (boards, 1, MEASUREMENTS)),
        numpy.full(shape, "first", dtype="<U6"),
        numpy.full(shape, float(SAMPLES)),
        numpy.full(shape, fill_value=True),
        firmware,
        controls=design.controls,
        random=random,
    )
    KINDS[kind](nights)
    nights.levels[..., SLOWED] += numpy.log1p(shift) * firmware[:, :, None]
    sides: tuple[list[Observation], ...] = ([], [], [])
    values, step = _measure(nights, design.rounds)
    for night, board in zip(*numpy.nonzero(nights.present), strict=True):
        control = board >= len(design.nights[0])
        date = f"2026-{1 + night // 28:02}-{1 + night % 28:02}"
        samples = int(nights.samples[night, board]) // design.rounds
        for number in range(design.rounds):
            for key, value in zip(KEYS, values[night, board, number], strict=True):
                if nights.lost and random.random() < nights.lost:
                    continue
                sides[2 if control else firmware[night, board]].append(
                    Observation(
                        key, date, date, f"b{board}", str(nights.cells[night, board]), "", number + 1,
                        {"typical": float(value)}, samples, 0, "20", step,
                    )
                )  # fmt: skip
    return sides


def _measure(nights: Nights, rounds: int) -> tuple[Floats, float]:
    """Return the typical values, and the step that their samples show."""
    middle = nights.value * numpy.exp(nights.levels)
    each = (nights.samples / rounds)[:, :, None, None]
    if not nights.step:
        return middle * numpy.exp(nights.random.normal(0, 1, middle.shape) * 1.06 * VARIATION / numpy.sqrt(each)), 0.0
    shape = 1 / VARIATION**2
    samples = nights.random.gamma(shape, 1 / shape, (*middle.shape, SAMPLES // rounds)) * middle[..., None]
    samples = numpy.round(samples / nights.step) * nights.step
    ordered = numpy.sort(samples, axis=-1)
    cut = ordered.shape[-1] // 10
    middle = ordered[..., cut:-cut].mean(axis=-1)
    assert numpy.isclose(middle.flat[0], typical(samples.reshape(-1, samples.shape[-1])[0]) or 0.0)
    return middle, step_of(samples[0, 0, 0, 0])


def labs(design: str, kind: str, count: int, shift: float, seed: int) -> Iterator[Comparison]:
    """Comparisons of so many labs."""
    for number in range(count):
        random = numpy.random.default_rng((seed, number, int(shift * 1000), *map(ord, design + kind)))
        baseline, candidate, control = observed(DESIGNS[design], kind, shift, random)
        yield compare(baseline, candidate, beside=control)


@dataclass(frozen=True)
class Cell:
    """What a design does in a kind of nights.

    Attributes:
        alarms: false regressions.
        comparisons: of a firmware with itself.
        unknown: of these, how many ended in exit code 5.
        found: how often the slowed measurement, and no other, was named.
        hunts: of how many.
    """

    design: str
    kind: str
    alarms: int
    comparisons: int
    unknown: int
    found: int
    hunts: int

    @property
    def text(self) -> str:
        """The cell as the table prints it."""
        unknown = self.unknown == self.comparisons and not self.found
        return f"{self.alarms}/{self.comparisons} {'-' if unknown else f'{self.found}/{self.hunts}'}"


def cell(design: str, kind: str, comparisons: int, hunts: int, seed: int) -> Cell:
    """Count false alarms and hits."""
    alarms = unknown = found = 0
    for one in labs(design, kind, comparisons, 0.0, seed):
        alarms += bool(one.select(ComparisonVerdict.REGRESSION))
        unknown += one.exit_code is ExitCode.INCOMPLETE
    for one in labs(design, kind, hunts, 0.1, seed + 1):
        found += [judgement.key for judgement in one.select(ComparisonVerdict.REGRESSION)] == [KEYS[SLOWED]]
    return Cell(design, kind, alarms, comparisons, unknown, found, hunts)


def summary(found: list[Cell]) -> Iterator[str]:
    """Yield a Markdown table with a row a design, as docs/verdicts.md has it."""
    yield "| how the firmwares ran | false regressions, all kinds | in the worst kind | 10 % found, network varies |"
    yield "| --- | --- | --- | --- |"
    for design in dict.fromkeys(one.design for one in found):
        cells = [one for one in found if one.design == design]
        alarms, comparisons = (sum(getattr(one, name) for one in cells) for name in ("alarms", "comparisons"))
        worst = max(one.alarms / one.comparisons for one in cells)
        steady = [one.found / one.hunts for one in cells if one.kind in STEADY and one.hunts]
        hits = f"{min(steady):.0%} to {max(steady):.0%}" if any(steady) else "never: not enough evidence"
        yield f"| {design} | {alarms} of {comparisons} | {worst:.1%} | {hits} |"


def main() -> None:
    """Prints a table with a row a kind and a column a design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=300)
    parser.add_argument("--hunts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="*")
    parser.add_argument("--design", default="*")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    kinds = [kind for kind in KINDS if fnmatchcase(kind, asked.kind)]
    designs = [design for design in DESIGNS if fnmatchcase(design, asked.design)]
    print("\n".join(f"{chr(65 + number)}  {design}" for number, design in enumerate(designs)))
    print(f"\n{'':<50}" + "".join(f"{chr(65 + number):>14}" for number in range(len(designs))))
    found: list[Cell] = []
    with ProcessPoolExecutor(asked.jobs) as pool:
        rows = [
            (kind, [pool.submit(cell, design, kind, asked.comparisons, asked.hunts, asked.seed) for design in designs])
            for kind in kinds
        ]
        for kind, row in rows:
            cells = [one.result() for one in row]
            found += cells
            print(f"{kind:<50}" + "".join(f"{one.text:>14}" for one in cells), flush=True)
    print()
    for line in summary(found):
        print(line)


if __name__ == "__main__":
    main()
