"""Kinds of nights: what a simulated lab's network, boards and clocks do, for benchmarks/false_alarms.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float64]

MEASUREMENTS = 20


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
