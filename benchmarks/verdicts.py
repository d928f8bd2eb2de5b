"""How often a comparison names a false regression, and how often it finds a true one: simulated labs, seeded.

    python benchmarks/verdicts.py [--comparisons 300] [--hunts 100] [--seed 1] [--kind PATTERN] [--jobs 2]

Every lab has 20 measurements of 1,000 samples a board and night (coefficient of variation 1/3), and boards that differ
by 5 %. A kind says what else its nights are like. A design says which boards ran which firmware, and when. A/A compares
a firmware with itself; A/B slows one measurement down by a tenth. A cell of the table: false regressions of all A/A
comparisons, then how often just the slowed measurement was named, of 100; "-" where every comparison ended in "not
enough evidence".
"""

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.exit_code import ExitCode
from bench.history import Comparison, ComparisonVerdict, Observation, compare
from bench.history.observations import Key
from bench.history.resolution import step_of
from bench.measure import typical

Floats = NDArray[numpy.float64]

MEASUREMENTS, SAMPLES, BOARDS = 20, 1000, 0.05
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


@dataclass
class Nights:
    """What the nights of a lab are like.

    Attributes:
        levels: logarithm of the true value, by night, board, round and measurement.
        cells: by night and board.
        samples: of a board and night.
        present: whether a board ran in a night.
        firmware: by night and board: 0 or 1.
        step: of the clock; 0 for a fine one.
        value: typical value, in ns.
        controls: how many of the boards are control boards.
        lost: share of single values that are missing.
    """

    levels: Floats
    cells: NDArray[numpy.str_]
    samples: Floats
    present: NDArray[numpy.bool_]
    firmware: NDArray[numpy.int_]
    step: float = 0.0
    value: float = 100e6
    controls: int = 0
    lost: float = 0.0
    random: numpy.random.Generator = field(default_factory=numpy.random.default_rng)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nights, boards, rounds."""
        nights, boards, rounds, _ = self.levels.shape
        return nights, boards, rounds

    def normal(self, spread: float, *shape: int) -> Floats:
        """Random numbers of that standard deviation."""
        return self.random.normal(0, spread, shape)

    def add(self, by_night: NDArray[numpy.floating[Any]]) -> None:
        """Add what all boards share in a night: by night, or by night and measurement."""
        table = by_night[:, None] if by_night.ndim == 1 else by_night
        self.levels += table[:, None, None, :]

    def add_to_turns(self, by_turn: Floats) -> None:
        """Add what the boards of one firmware have in their turn of a round: by night, round and firmware.

        Where a night has one firmware, all its boards run at the same time.
        """
        if self.shape[2] == 1:
            self.add(by_turn[:, 0, 0])
        else:
            night = numpy.arange(self.shape[0])[:, None]
            self.levels += by_turn[night, :, self.firmware][..., None]

    def add_to_boards(self, by_board: Floats) -> None:
        """Add what a board has in a night, in all measurements: by night and board."""
        self.levels += by_board[:, :, None, None]


def _correlated(nights: Nights, spread: float, rho: float, *shape: int) -> Floats:
    """A series over nights, each of which resembles the one before."""
    found = nights.normal(spread, nights.shape[0], *shape)
    for night in range(1, nights.shape[0]):
        found[night] = rho * found[night - 1] + numpy.sqrt(1 - rho**2) * found[night]
    return found


def _independent(nights: Nights, spread: float = 0.05) -> None:
    nights.add(nights.normal(spread, nights.shape[0], MEASUREMENTS))


def _autocorrelated(nights: Nights, rho: float) -> None:
    nights.add(_correlated(nights, 0.05, rho, MEASUREMENTS))


def _weather(nights: Nights) -> None:
    nights.add(_correlated(nights, 0.05, 0.8))


def _trend(nights: Nights) -> None:
    _independent(nights, 0.02)
    nights.add(numpy.log1p(0.005) * numpy.arange(nights.shape[0]))


def _cell_changes(nights: Nights, *, seen: bool) -> None:
    _independent(nights, 0.02)
    after = numpy.arange(nights.shape[0]) >= nights.random.integers(0, nights.shape[0])
    nights.add(numpy.log(1.1) * after)
    if seen:
        nights.cells[after] = "second"


def _coincidence(nights: Nights) -> None:
    _independent(nights, 0.02)
    nights.add(numpy.log(1.1) * (numpy.arange(nights.shape[0]) >= min(14, nights.shape[0] // 2)))


def _heavy_tails(nights: Nights) -> None:
    nights.add(0.05 * nights.random.standard_t(2, (nights.shape[0], MEASUREMENTS)))


def _slow_nights(nights: Nights) -> None:
    _independent(nights)
    nights.add(numpy.log(1.4) * (nights.random.random(nights.shape[0]) < 0.05))


def _slow_boards(nights: Nights) -> None:
    _independent(nights)
    nights.add_to_boards(numpy.log(1.4) * (nights.random.random(nights.shape[:2]) < 0.05))


def _two_levels(nights: Nights) -> None:
    _independent(nights, 0.01)
    nights.add(numpy.log(1.3) * (nights.random.random(nights.shape[0]) < 0.5))


def _two_cells(nights: Nights) -> None:
    _independent(nights)
    second = nights.random.random(nights.shape[:2]) < 0.5
    nights.add_to_boards(numpy.log(1.2) * second)
    nights.cells[second] = "second"


def _home_cells(nights: Nights) -> None:
    _independent(nights)
    second = nights.random.random(nights.shape[1]) < 0.5
    nights.add_to_boards(_correlated(nights, 0.1, 0.8)[:, None] * second)
    nights.cells[:, second] = "second"


def _wander(nights: Nights, spread: float) -> None:
    _independent(nights)
    nights.add_to_boards(nights.normal(spread, *nights.shape[:2]))


def _slow_wander(nights: Nights) -> None:
    _independent(nights)
    nights.add_to_boards(_correlated(nights, 0.03, 0.9, nights.shape[1]))


def _own_trends(nights: Nights) -> None:
    _independent(nights)
    nights.add_to_boards(numpy.arange(nights.shape[0])[:, None] * nights.normal(0.005, 1, nights.shape[1]))


def _board_moves(nights: Nights) -> None:
    """One board's antenna is moved once."""
    _independent(nights)
    jump = numpy.zeros(nights.shape[:2])
    jump[nights.random.integers(0, nights.shape[0]) :, nights.random.integers(0, nights.shape[1])] = numpy.log(1.4)
    nights.add_to_boards(jump)


def _sensitive(nights: Nights) -> None:
    """Boards suffer from bad nights to different degrees."""
    shared = _correlated(nights, 0.08, 0.7)
    nights.add_to_boards(shared[:, None] * nights.random.uniform(0.5, 1.5, nights.shape[1]))


def _steps(nights: Nights, step: float, value: float) -> None:
    _independent(nights)
    nights.step, nights.value = step, value


def _missing(nights: Nights) -> None:
    _independent(nights)
    nights.present = nights.random.random(nights.shape[:2]) > 1 / 3
    nights.samples = nights.random.choice([100.0, 300.0, 1000.0], nights.shape[:2])


def _weekends(nights: Nights) -> None:
    _independent(nights, 0.02)
    nights.add(-0.08 * ((numpy.arange(nights.shape[0]) + nights.random.integers(7)) % 7 < 2))


def _hours(nights: Nights) -> None:
    """The network becomes slower through the night, and wanders meanwhile, from turn to turn: A B, B A."""
    _independent(nights)
    count, _, rounds = nights.shape
    walk = numpy.cumsum(nights.normal(0.02, count, 2 * rounds), axis=1) + 0.01 * numpy.arange(2 * rounds)
    pairs = walk.reshape(count, rounds, 2)
    pairs[:, 1::2] = pairs[:, 1::2, ::-1]
    nights.add_to_turns(pairs)


def _turns(nights: Nights) -> None:
    """Each turn of a group meets another network."""
    _independent(nights)
    count, _, rounds = nights.shape
    nights.add_to_turns(nights.normal(0.10, count, rounds, 2))


def _shelves(nights: Nights) -> None:
    """Boards of one half, and control boards, share a shelf each, which differs from night to night."""
    _independent(nights)
    under_test = nights.shape[1] - nights.controls
    shelf = numpy.asarray(
        [2 if board >= under_test else int(2 * board >= under_test) for board in range(nights.shape[1])]
    )
    nights.add_to_boards(_correlated(nights, 0.03, 0.7, 3)[:, shelf])


def _counts(nights: Nights) -> None:
    """Single values are missing, and all boards under test wander together, which control boards do not."""
    _independent(nights)
    shared = numpy.zeros((nights.shape[0], nights.shape[1], MEASUREMENTS))
    shared[:, : nights.shape[1] - nights.controls] = _correlated(nights, 0.05, 0.9, MEASUREMENTS)[:, None]
    if nights.shape[2] == 1:
        nights.levels += shared[:, :, None, :]
    nights.lost = 0.02


def _unequal(nights: Nights) -> None:
    """Some measurements are far noisier than others."""
    _independent(nights, 0.02)
    spreads = numpy.exp(nights.random.uniform(numpy.log(0.005), numpy.log(0.1), MEASUREMENTS))
    nights.levels += (nights.normal(1.0, *nights.shape[:2], MEASUREMENTS) * spreads)[:, :, None, :]


def _heavy_boards(nights: Nights) -> None:
    """A board's nights have heavy tails, in each measurement by itself."""
    _independent(nights, 0.02)
    nights.levels += 0.01 * nights.random.standard_t(2, (*nights.shape[:2], 1, MEASUREMENTS))


STEADY: dict[str, Callable[[Nights], None]] = {
    "nights independent, 5 %": _independent,
    "nights autocorrelated, rho 0.7": lambda nights: _autocorrelated(nights, 0.7),
    "nights autocorrelated, rho 0.9": lambda nights: _autocorrelated(nights, 0.9),
    "all measurements share autocorrelated nights": _weather,
    "trend of 0.5 % a night": _trend,
    "the cell changes once, 10 %, unseen": lambda nights: _cell_changes(nights, seen=False),
    "the network slows by 10 % as the candidate comes": _coincidence,
    "weekends are 8 % faster": _weekends,
    "one night in 20 is 40 % slower": _slow_nights,
    "two levels of nights, 30 % apart": _two_levels,
    "drift within the night": _hours,
    "heavy tails of nights (t, 2 degrees)": _heavy_tails,
}
"""Kinds in which only the network varies, and boards stay as they are: there the promise of a design holds."""
OTHERS: dict[str, Callable[[Nights], None]] = {
    "the cell changes once, 10 %, seen": lambda nights: _cell_changes(nights, seen=True),
    "heavy tails of a board's nights": _heavy_boards,
    "one board's night in 20 is 40 % slower": _slow_boards,
    "boards change between cells 20 % apart": _two_cells,
    "boards in two cells that wander apart": _home_cells,
    "board by night 3 %, all measurements": lambda nights: _wander(nights, 0.03),
    "board by night 10 %, all measurements": lambda nights: _wander(nights, 0.10),
    "boards wander slowly, 3 %, rho 0.9": _slow_wander,
    "each board has a trend of its own": _own_trends,
    "one board's antenna is moved, 40 %": _board_moves,
    "each turn of a group meets another network, 10 %": _turns,
    "boards of a group share a shelf, 3 % by night": _shelves,
    "single values are missing, boards wander together": _counts,
    "boards suffer differently from bad nights": _sensitive,
    "measurements differ in noise, 0.5 to 10 %": _unequal,
    "steps of 10 ms at 30 ms": lambda nights: _steps(nights, 10e6, 30e6),
    "steps of 1 ms at 3 ms": lambda nights: _steps(nights, 1e6, 3e6),
    "a third of the nights missing, unequal samples": _missing,
}
"""Kinds in which boards vary by themselves, or their cells do, or clocks are coarse."""
KINDS = {**STEADY, **OTHERS}


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
    """Yield a Markdown table with a row a design, as the README has it."""
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
