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
    """An event as the page shows it."""

    seconds: str
    who: str
    text: str


def timeline_page(events: Sequence[Event], end: WrongEnd, origin: Origin, links: Sequence[tuple[str, str]]) -> str:
    """Return the page: self-contained, without scripts.

    Args:
        events: in order of time, at least one.
        end: how the test went wrong.
        origin: of the events.
        links: (name, path from the page) of other files of the run.
    """
    shown = events[-_MOST_ROWS:]
    own = [number for number, event in enumerate(shown) if end.holds(event)]
    first, after = (own[0], own[-1] + 1) if own else (0, 0)
    views = [_view(event, events[0].t_ns) for event in shown]
    return render_html(
        "timeline.html",
        origin=origin,
        end=end,
        links=links,
        picture=Markup(_picture(events, end)),
        before=views[:first],
        events=views[first:after],
        after=views[after:],
        left_out=len(events) - len(shown),
        headline=headline(end.message),
    )


def _view(event: Event, start_ns: int) -> EventView:
    return EventView(f"{(event.t_ns - start_ns) / NS_PER_S:.6f}", event.who, event.text)


def _picture(events: Sequence[Event], end: WrongEnd) -> str:
    """Return the last events of the test itself on a lane for each side."""
    own = [event for event in events if end.holds(event)][-_MOST_MARKS:]
    line = TimeLine("seconds since the first event shown", list(dict.fromkeys(event.who for event in own)))
    line.marks += [(event.who, event.t_ns, _label(event)) for event in own]
    return line.svg()


def _label(event: Event) -> str:
    return event.text.replace("\\r\\n", " ").strip()[:_MOST_LETTERS]
