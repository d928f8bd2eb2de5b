"""A time line as static SVG: events on lanes, and durations of states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from bench.report.axes import axis

_WIDTH, _LANE, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 34, 110, 30, 30, 26
# The page's own colours (page.css), for dark and light; without such a page the light ones.
_BAND, _MARK, _FAINT, _SOFT, _TEXT = (
    "var(--band, #9ec1f7)",
    "var(--ink, #1f6feb)",
    "var(--line, #d8dee4)",
    "var(--soft, #57606a)",
    "var(--text, #1f2328)",
)
_CHARACTER = 6.8  # width of a letter, so that labels do not overlap
_TICKS = 8
_ONE_MARK = 8.0  # marks that are so near to each other look like one: the label of the first stands for both


@dataclass
class TimeLine:
    """A picture of events over time. Moments are in ns of one clock.

    Attributes:
        title: the title of the picture.
        lanes: names of the lanes, from the top.
        marks: (lane, moment, label).
        bands: (lane, from, to, label).
        curves: (lane, steps (from, to, value), label of the greatest value).
        span_ns: the time that the width stands for; 0 is the time of the events. Pictures of one span can be compared.
    """

    title: str
    lanes: Sequence[str]
    marks: list[tuple[str, int, str]] = field(default_factory=list)
    bands: list[tuple[str, int, int, str]] = field(default_factory=list)
    curves: list[tuple[str, Sequence[tuple[int, int, float]], str]] = field(default_factory=list)
    span_ns: int = 0

    @property
    def extent_ns(self) -> int:
        """The time from the first moment to the last."""
        moments = self._moments()
        return max(moments) - min(moments) if moments else 0

    def _moments(self) -> list[int]:
        return [t for _, t, _ in self.marks] + [t for _, a, b, _ in self.bands for t in (a, b)]

    def svg(self) -> str:
        """Return the picture; empty without events."""
        moments = self._moments()
        if not moments:
            return ""
        start = min(moments)
        across = axis(0, max(self.span_ns, self.extent_ns, 1), "ns", most=_TICKS)
        height = _TOP + _LANE * len(self.lanes) + _BOTTOM

        def x(moment: int) -> float:
            return _LEFT + across.share(moment - start) * (_WIDTH - _LEFT - _RIGHT)

        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
            f' height="{height}" font-family="sans-serif" font-size="12" fill="{_SOFT}" role="img"'
            f' aria-label="{escape(self.title)}">',
            f'<text x="0" y="16" font-weight="600" fill="{_TEXT}">{escape(self.title)}</text>',
        ]
        for passed, text in across.marks:
            tick = x(start + round(passed))
            parts.append(
                f'<line x1="{tick:.1f}" y1="{_TOP}" x2="{tick:.1f}" y2="{height - _BOTTOM}"'
                f' stroke="{_FAINT}"/><text x="{tick:.1f}" y="{height - 8}" text-anchor="middle">{text}</text>'
            )
        for row, lane in enumerate(self.lanes):
            parts += self._lane(lane, _TOP + _LANE * row, x)
        for lane, steps, label in self.curves:
            parts += _curve(steps, label, _TOP + _LANE * self.lanes.index(lane), x)
        return "".join(parts) + "</svg>"

    def _lane(self, lane: str, top: int, x: Callable[[int], float]) -> list[str]:
        middle = top + _LANE / 2
        parts = [
            f'<text x="0" y="{middle + 4}">{escape(lane)}</text>',
            f'<line x1="{_LEFT}" y1="{middle}" x2="{_WIDTH - _RIGHT}" y2="{middle}" stroke="{_FAINT}"/>',
        ]
        for _, begin, end, label in (band for band in self.bands if band[0] == lane):
            width = max(2.0, x(end) - x(begin))
            parts.append(f'<rect x="{x(begin):.1f}" y="{top + 8}" width="{width:.1f}" height="18" fill="{_BAND}"/>')
            if width > _CHARACTER * len(label):
                parts.append(f'<text x="{x(begin) + 4:.1f}" y="{middle + 4}" fill="{_TEXT}">{escape(label)}</text>')
        marks = sorted((mark for mark in self.marks if mark[0] == lane), key=lambda mark: mark[1])
        places = [x(moment) for _, moment, _ in marks]
        parts += [f'<rect x="{place - 1:.1f}" y="{top + 6}" width="2" height="22" fill="{_MARK}"/>' for place in places]
        free = float(_LEFT)
        for place, (_, _, label) in zip(places, marks, strict=True):
            width = _CHARACTER * len(label)
            room = min((other for other in places if other > place + _ONE_MARK), default=_WIDTH) - 4
            if place >= free and place + 4 + width <= room:
                parts.append(f'<text x="{place + 4:.1f}" y="{middle + 4}">{escape(label)}</text>')
                free = place + 8 + width
            elif place - 4 - width >= free:
                parts.append(f'<text x="{place - 4:.1f}" y="{middle + 4}" text-anchor="end">{escape(label)}</text>')
                free = place + 8
        return parts


def _curve(steps: Sequence[tuple[int, int, float]], label: str, top: int, x: Callable[[int], float]) -> list[str]:
    """Return a curve of a value that changes in steps; the greatest value is as high as the lane."""
    most = max((value for _, _, value in steps), default=0.0)
    if most <= 0:
        return []
    bottom, full = top + _LANE - 4, _LANE - 10
    points = [
        f"{x(moment):.1f},{bottom - full * max(0.0, value) / most:.1f}"
        for begin, end, value in steps
        for moment in (begin, end)
    ]
    beside = x(steps[-1][1]) + 4
    room = _WIDTH - _CHARACTER * len(label)
    place, height = (beside, top + 14) if beside <= room else (room - _RIGHT - 8, bottom - 3)  # below the curve
    return [
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{_MARK}" stroke-width="1.5"/>',
        f'<text x="{place:.1f}" y="{height}">{escape(label)}</text>',
    ]
