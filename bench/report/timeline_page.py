"""The time line of a test that went wrong: what board and peers did on one clock, as a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.clock import NS_PER_S
from bench.errors import headline
from bench.report.evidence import Event
from bench.report.origin import Origin
from bench.report.rendering import render_html
from bench.report.timeline import TimeLine

# Of a long test the end, which tells why it failed; the transcript has the rest.
_MOST_ROWS, _MOST_MARKS, _MOST_LETTERS = 1000, 80, 24


@dataclass(frozen=True)
class WrongEnd:
    """How a test went wrong.

    Attributes:
        word: the outcome.
        message: why.
        place: the line of the scenario.
        since_ns, until_ns: between them the test's own events are; what is outside the bench did. 0 is no limit.
    """

    word: str
    message: str
    place: str = ""
    since_ns: int = 0
    until_ns: int = 0

    def holds(self, event: Event) -> bool:
        """Return whether an event belongs to the test itself."""
        return self.since_ns <= event.t_ns <= (self.until_ns or event.t_ns)


@dataclass(frozen=True)
class EventView:
    """An event as the page shows it; ``own`` is one of the test itself."""

    seconds: str
    who: str
    text: str
    own: bool


def timeline_page(events: Sequence[Event], end: WrongEnd, origin: Origin, links: Sequence[tuple[str, str]]) -> str:
    """Return the page: self-contained, without scripts.

    Args:
        events: in order of time, at least one.
        end: how the test went wrong.
        origin: of the events.
        links: (name, path from the page) of other files of the run.
    """
    start = events[0].t_ns
    shown = events[-_MOST_ROWS:]
    return render_html(
        "timeline.html",
        origin=origin,
        end=end,
        links=links,
        picture=Markup(_picture(events, end)),
        events=[
            EventView(f"{(event.t_ns - start) / NS_PER_S:.6f}", event.who, event.text, end.holds(event))
            for event in shown
        ],
        left_out=len(events) - len(shown),
        headline=headline(end.message),
    )


def _picture(events: Sequence[Event], end: WrongEnd) -> str:
    """Return the last events of the test itself on a lane for each side."""
    own = [event for event in events if end.holds(event)][-_MOST_MARKS:]
    line = TimeLine("seconds since the first event shown", list(dict.fromkeys(event.who for event in own)))
    line.marks += [(event.who, event.t_ns, event.text[:_MOST_LETTERS]) for event in own]
    return line.svg()
