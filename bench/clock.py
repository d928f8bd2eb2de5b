"""One clock: CLOCK_MONOTONIC in nanoseconds, its anchor in wall-clock time, and another host's clock against it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

now_ns = time.monotonic_ns


def seconds(ns: int) -> float:
    """Return nanoseconds as seconds."""
    return ns / NS_PER_S


def duration_text(ns: float) -> str:
    """Return a duration for a person, in the unit that fits: 913 µs, 45 ms, 2 s."""
    for size, name in ((NS_PER_S, "s"), (NS_PER_MS, "ms"), (1000, "µs")):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {name}"
    return f"{ns:g} ns"


def span_text(span_s: float) -> str:
    """Return a time to wait for a person: 45 s, 5 min, 1 h 30 min."""
    whole = round(span_s)
    if whole < 60:
        return f"{span_s:g} s" if span_s < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def seconds_between(began: str, ended: str) -> float | None:
    """Return how long it took from one moment (UTC, ISO 8601) to another; None where they do not tell.

    A clock on the wall may have been set meanwhile: a time below 0 tells nothing.
    """
    try:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds >= 0 else None


@dataclass(frozen=True, slots=True)
class Anchor:
    """Ties the monotonic clock to UTC at one moment, so that stamps can be printed as dates.

    The wall clock may step during a night; the anchor does not follow it, so that differences stay true.
    """

    monotonic_ns: int = field(default_factory=now_ns)
    wall: datetime = field(default_factory=lambda: datetime.now(UTC))

    def utc(self, stamp_ns: int) -> datetime:
        """Return the UTC date of a monotonic stamp."""
        return self.wall + timedelta(microseconds=(stamp_ns - self.monotonic_ns) / 1000)

    def text(self, stamp_ns: int) -> str:
        """Return the UTC date of a stamp as ISO 8601 with microseconds and Z."""
        return self.utc(stamp_ns).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Offset:
    """Another host's clock: ``theirs - ours`` in ns, and how far from the truth that may be."""

    offset_ns: int = 0
    uncertainty_ns: int = 0

    def ours(self, their_stamp_ns: int) -> int:
        """Return their stamp on our clock."""
        return their_stamp_ns - self.offset_ns


def estimate_offset(samples: Iterable[tuple[int, int, int]]) -> Offset:
    """Return the offset from samples of (sent by us, stamped by them, received by us), all in ns.

    The round trip with the smallest duration bounds the error to half of that duration, whatever the asymmetry.

    Raises:
        ValueError: no sample, or one that ends before it begins.
    """
    sent, theirs, received = min(samples, key=lambda sample: sample[2] - sample[0])
    if received < sent:
        raise ValueError(f"a round trip cannot end ({received}) before it begins ({sent})")
    half = (received - sent) // 2
    return Offset(theirs - (sent + half), half + 1)
