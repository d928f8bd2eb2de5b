"""Plots of samples as static SVG, without scripts, which Allure would not run."""

from collections.abc import Sequence
from html import escape

import numpy

from bench.measure import format_value

_WIDTH, _HEIGHT = 560, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 34, 28, 24
_MOST_POINTS = 2000
_INK, _FAINT, _MARK = "#1f6feb", "#d8dee4", "#b42318"


class _Frame:
    """Axes with a few marks."""

    def __init__(self, title: str, across: tuple[float, float], up: tuple[float, float]) -> None:
        self._title = title
        self._across = _widen(*across)
        self._up = _widen(*up)
        self._parts: list[str] = []

    def x(self, value: float) -> float:
        low, high = self._across
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self._up
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def add(self, part: str) -> None:
        self._parts.append(part)

    def line(self, points: Sequence[tuple[float, float]], colour: str = _INK) -> None:
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        self.add(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')

    def marks(self, across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> None:
        for value, text in across:
            self.add(_text(self.x(value), _HEIGHT - _BOTTOM + 15, text, "middle"))
        for value, text in up:
            y = self.y(value)
            self.add(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{_FAINT}"/>')
            self.add(_text(_LEFT - 6, y + 4, text, "end"))

    def svg(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
            f' height="{_HEIGHT}" font-family="sans-serif" font-size="11" fill="#57606a" role="img">'
        )
        title = _text(_LEFT, 14, self._title, "start")
        return f"{head}{title}{''.join(self._parts)}</svg>"


def distribution(values: Sequence[float], unit: str) -> str:
    """Return a histogram."""
    counts, edges = numpy.histogram(values, bins=min(40, max(5, round(len(values) ** 0.5))))
    frame = _Frame("distribution", (edges[0], edges[-1]), (0, counts.max()))
    frame.marks(_round_marks(edges[0], edges[-1], unit), [(0, "0"), (float(counts.max()), str(counts.max()))])
    for count, start, end in zip(counts, edges[:-1], edges[1:], strict=True):
        left, right, top = frame.x(start), frame.x(end), frame.y(count)
        height = frame.y(0) - top
        width = max(1.0, right - left - 0.5)
        frame.add(f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{_INK}"/>')
    return frame.svg()


def time_line(t_ns: Sequence[int], values: Sequence[float], unit: str) -> str:
    """Return a plot of each sample at its time; of very many, the extremes of groups."""
    passed = numpy.asarray(t_ns, dtype=numpy.float64) - t_ns[0]
    picked = _thin(numpy.asarray(values, dtype=numpy.float64))
    frame = _Frame("time line", (0, float(passed[-1])), (0, max(values)))
    frame.marks(_round_marks(0, float(passed[-1]), "ns"), _round_marks(0, max(values), unit))
    for index in picked:
        frame.add(
            f'<circle cx="{frame.x(passed[index]):.1f}" cy="{frame.y(values[index]):.1f}" r="1.5" fill="{_INK}"/>'
        )
    return frame.svg()


def ecdf(values: Sequence[float], unit: str, quantiles: dict[str, float]) -> str:
    """Return a plot of the share of samples up to each value, with marks for the given quantiles."""
    ordered = numpy.sort(numpy.asarray(values, dtype=numpy.float64))
    shares = numpy.arange(1, len(ordered) + 1) / len(ordered)
    step = max(1, len(ordered) // _MOST_POINTS)
    frame = _Frame("share of samples up to a value", (float(ordered[0]), float(ordered[-1])), (0, 1))
    frame.marks(_round_marks(float(ordered[0]), float(ordered[-1]), unit), [(0, "0 %"), (0.5, "50 %"), (1, "100 %")])
    frame.line([*zip(ordered[::step], shares[::step], strict=True), (ordered[-1], 1.0)])
    for name, value in quantiles.items():
        x = frame.x(value)
        frame.add(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="{_MARK}"/>')
        frame.add(_text(x + 3, _TOP + 9, name, "start"))
    return frame.svg()


def _thin(values: "numpy.typing.NDArray[numpy.float64]") -> list[int]:
    if len(values) <= _MOST_POINTS:
        return list(range(len(values)))
    picked: set[int] = set()
    for group in numpy.array_split(numpy.arange(len(values)), _MOST_POINTS // 2):
        picked |= {int(group[values[group].argmin()]), int(group[values[group].argmax()])}
    return sorted(picked)


def _round_marks(low: float, high: float, unit: str) -> list[tuple[float, str]]:
    if high <= low:
        return [(low, format_value(low, unit))]
    return [(float(value), format_value(float(value), unit)) for value in numpy.linspace(low, high, 5)]


def _widen(low: float, high: float) -> tuple[float, float]:
    low, high = float(low), float(high)
    return (low, high) if high > low else (low, low + (abs(low) or 1.0))


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
