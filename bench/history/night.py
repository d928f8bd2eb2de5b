"""Nights: the day to which a run belongs, from one border to the next in this host's zone.

A night has the date of the day on which it began. Where it ends, the lab says (``night_ends`` of ``bench.toml``, noon
without it): a run that starts before that time of the day belongs to the day before.
"""

from datetime import date, datetime, time, timedelta

NOON = time(12)
"""Where a night ends when the lab says nothing."""


def night_of(started: str, ends: time = NOON) -> str:
    """Return the date of the night that a moment (UTC, ISO 8601) belongs to.

    A text that is not a moment gives its first ten characters.
    """
    moment = _local(started)
    if moment is None:
        return started[:10]
    return (moment.date() - timedelta(days=moment.time() < ends)).isoformat()


def night_text(night: str, ends: time = NOON) -> str:
    """Return a night for a person: ``2026-11-27/28``, its two days; one day where it ends at midnight."""
    try:
        first = date.fromisoformat(night)
        second = first + timedelta(days=1)
    except (ValueError, OverflowError):
        return night
    if ends == time.min:
        return night
    return f"{night}/{second:%d}" if second.month == first.month else f"{night}/{second:%m-%d}"


def local_day(started: str) -> str:
    """Return the date of a moment (UTC, ISO 8601) in this host's zone."""
    moment = _local(started)
    return started[:10] if moment is None else moment.date().isoformat()


def local_minute(started: str) -> str:
    """Return a moment (UTC, ISO 8601) in this host's zone: ``2026-11-28 10:58``."""
    moment = _local(started)
    return started[:16].replace("T", " ") if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _local(started: str) -> datetime | None:
    try:
        return datetime.fromisoformat(started.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError):
        return None
