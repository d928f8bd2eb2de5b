"""Axes of plots: round values to mark, labelled in one unit that fits them all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Unit of a measurement -> (size of a displayed unit, its name), the largest first.
_SCALES: dict[str, Sequence[tuple[float, str]]] = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")),
    "B/s": ((1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")),
    "fraction": ((0.01, "%"),),
}
_STEPS = (1.0, 2.0, 5.0, 10.0)
_MOST_DECIMALS = 6


@dataclass(frozen=True)
class Axis:
    """A range, and the values in it that are marked.

    Attributes:
        low, high: the range; its ends are marked values.
        marks: (value, label), ascending.
    """

    low: float
    high: float
    marks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)


def axis(low: float, high: float, unit: str, *, most: int = 5) -> Axis:
    """Return an axis that holds both values and marks about ``most`` round ones."""
    low, high = float(low), float(high)
    if high <= low:
        low, high = (0.0, high) if high > 0 else (low, low + (abs(low) or 1.0))
    step = _round_up((high - low) / most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    size, name = _scale(max(abs(first), abs(last)) * step, unit)
    decimals = min(_MOST_DECIMALS, max(0, -math.floor(math.log10(step / size) + 1e-9)))
    marks = [
        (number * step, f"{number * step / size:.{decimals}f} {name}".rstrip()) for number in range(first, last + 1)
    ]
    return Axis(first * step, last * step, marks)


def counts(most: int) -> Axis:
    """Return an axis of whole numbers from 0."""
    step = max(1, math.ceil(_round_up(most / 4)))
    last = math.ceil(most / step) * step
    return Axis(0.0, float(last), [(float(number), str(number)) for number in range(0, last + 1, step)])


def _scale(largest: float, unit: str) -> tuple[float, str]:
    scales = _SCALES.get(unit, ((1.0, unit),))
    return next((scale for scale in scales if largest >= scale[0] * (1 - 1e-9)), scales[-1])


def _round_up(step: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 ... that is not smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in _STEPS if power * factor >= step * (1 - 1e-9))
