"""Plots of samples as static SVG, without scripts, which Allure would not run.

Colours are those of the page that holds the plot (``page.css``), so that it is readable on dark and light pages. Where
there is no such page, they are the light ones.
"""

from collections.abc import Sequence
from html import escape

import numpy

from bench.measure import OverTime
from bench.report.axes import Axis, axis, counts

_WIDTH, _HEIGHT = 520, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 26, 30, 28
_MOST_POINTS = 2000
_INK, _FAINT, _MARK, _TEXT = (
    "var(--ink, #1f6feb)",
    "var(--line, #d8dee4)",
    "var(--bad, #b42318)",
    "var(--soft, #57606a)",
)


class _Frame:
    """A plot between two axes."""

    def __init__(self, title: str, across: Axis, up: Axis) -> None:
        self._title = title
        self._across = across
        self._up = up
        self._parts: list[str] = []
        for value, text in across.marks:
            self.add(_text(self.x(value), _HEIGHT - _BOTTOM + 18, text, "middle"))
        for value, text in up.marks:
            y = self.y(value)
            self.add(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{_FAINT}"/>')
            self.add(_text(_LEFT - 6, y + 4, text, "end"))

    def x(self, value: float) -> float:
        return _LEFT + self._across.share(value) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - self._up.share(value) * (_HEIGHT - _TOP - _BOTTOM)

    def add(self, part: str) -> None:
        self._parts.append(part)

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        self.add(f'<polyline points="{path}" fill="none" stroke="{_INK}" stroke-width="1.5"/>')

    def dot(self, across: float, up: float, radius: float) -> None:
        self.add(f'<circle cx="{self.x(across):.1f}" cy="{self.y(up):.1f}" r="{radius:g}" fill="{_INK}"/>')

    def mark(self, value: float, text: str, height: int = 0) -> None:
        """Mark a value of the axis across by a line with a text."""
        x = self.x(value)
        near_the_end = x > _WIDTH - _RIGHT - 10 * len(text)
        self.add(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="{_MARK}"/>')
        place, anchor = (x - 3, "end") if near_the_end else (x + 3, "start")
        self.add(_text(place, _TOP + 11 + 14 * height, text, anchor))

    def svg(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
            f' height="{_HEIGHT}" font-family="sans-serif" font-size="13" fill="{_TEXT}" role="img"'
            f' aria-label="{escape(self._title)}">'
        )
        title = _text(_LEFT, 16, self._title, "start")
        return f"{head}{title}{''.join(self._parts)}</svg>"


def distribution(values: Sequence[float], unit: str) -> str:
    """Return a histogram."""
    numbers, edges = numpy.histogram(values, bins=min(40, max(5, round(len(values) ** 0.5))))
    frame = _Frame("distribution: number of samples", _values_axis(values, unit), counts(int(numbers.max())))
    for number, start, end in zip(numbers, edges[:-1], edges[1:], strict=True):
        left, right, top = frame.x(start), frame.x(end), frame.y(number)
        height = frame.y(0) - top
        width = max(1.0, right - left - 0.5)
        if number:
            frame.add(f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{_INK}"/>')
    return frame.svg()


def time_line(t_ns: Sequence[int], values: Sequence[float], unit: str) -> str:
    """Return a plot of each sample at its time since the first; of very many, the extremes of groups."""
    passed = numpy.asarray(t_ns, dtype=numpy.float64) - t_ns[0]
    picked = _thin(numpy.asarray(values, dtype=numpy.float64))
    frame = _Frame("value over time", axis(0, float(passed[-1]), "ns"), axis(min(0, *values), max(values), unit))
    for index in picked:
        frame.dot(passed[index], values[index], 1.8)
    return frame.svg()


def averages(over_time: OverTime, unit: str) -> str:
    """Return a plot of a value that was averaged over consecutive times."""
    passed = [float(stamp - over_time.borders[0]) for stamp in over_time.borders]
    frame = _Frame("value over time", axis(0, passed[-1], "ns"), axis(0, max(over_time.values), unit))
    between = zip(passed[:-1], passed[1:], over_time.values, strict=True)
    frame.line([(moment, value) for begin, end, value in between for moment in (begin, end)])
    return frame.svg()


def ecdf(values: Sequence[float], unit: str, quantiles: dict[str, float]) -> str:
    """Return a plot of the share of samples up to each value, with marks for the given quantiles."""
    ordered = numpy.sort(numpy.asarray(values, dtype=numpy.float64))
    shares = numpy.arange(1, len(ordered) + 1) / len(ordered)
    step = max(1, len(ordered) // _MOST_POINTS)
    frame = _Frame("share of samples up to a value", _values_axis(values, unit), axis(0, 1, "fraction"))
    frame.line([*zip(ordered[::step], shares[::step], strict=True), (ordered[-1], 1.0)])
    for number, (name, value) in enumerate(quantiles.items()):
        frame.mark(value, name, number)
    return frame.svg()


def _values_axis(values: Sequence[float], unit: str) -> Axis:
    """Return the axis of samples: the same in every plot of them."""
    return axis(min(values), max(values), unit)


def _thin(values: "numpy.typing.NDArray[numpy.float64]") -> list[int]:
    if len(values) <= _MOST_POINTS:
        return list(range(len(values)))
    picked: set[int] = set()
    for group in numpy.array_split(numpy.arange(len(values)), _MOST_POINTS // 2):
        picked |= {int(group[values[group].argmin()]), int(group[values[group].argmax()])}
    return sorted(picked)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
