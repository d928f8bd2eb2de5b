"""A time as a person writes it, in the zone of the lab."""

import re
from datetime import UTC, datetime, timedelta

from bench.errors import UsageError

_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(text: str) -> timedelta | None:
    """Return the time of ``90s``, ``90m``, ``8h`` or ``2d``; None for another text."""
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None


def end_of_run(text: str) -> datetime | timedelta:
    """Return when a run ends: a span counts from its start, whatever becomes of the host's clock.

    Raises:
        UsageError: it is neither a span nor a moment.
    """
    return span(text) or moment(text)


def moment(text: str, now: datetime | None = None) -> datetime:
    """Return the moment of a text, in UTC.

    It is ``06:30`` (the next one), ``2026-11-24 06:30``, ``2026-11-24``, ``90s``, ``90m``, ``8h`` or ``2d``.

    Raises:
        UsageError: it is none of them.
    """
    now = (now or datetime.now(UTC)).astimezone()
    later = span(text)
    if later is not None:
        return (now + later).astimezone(UTC)
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        # Without a zone, so that each day's own summer time counts: a clock that is changed at night moves the moment.
        today = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0, tzinfo=None)
        days = (today.astimezone(), (today + timedelta(days=1)).astimezone())
        return next(day for day in days if day > now or day is days[-1]).astimezone(UTC)
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).astimezone().astimezone(UTC)
        except (ValueError, OverflowError):  # also a year that only exists on one side of Greenwich
            continue
    raise UsageError(f"{text!r} is not a time: write 06:30, 2026-11-24 06:30, 2026-11-24, 90m, 8h or 2d")
