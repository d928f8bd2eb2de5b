"""Times for people of the lab: files hold UTC, pages the time zone of the host that writes them."""

from datetime import UTC, datetime

from bench.clock import seconds_between, span_text


def lab_time(utc: str) -> str:
    """Return ``2026-11-23 03:12:45 CET`` for ``2026-11-23T02:12:45.123456Z``; leave other texts alone."""
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        return utc
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}" if moment.tzinfo is not None else utc


def lab_clock(utc: str) -> str:
    """Return the time of day: ``03:12:45``."""
    local = lab_time(utc)
    return local.split()[1] if local != utc else utc


def both_times(utc: str) -> str:
    """Return ``2026-11-23 03:12:45 CET (02:12:45 UTC)``, or UTC alone where the lab has no other time."""
    local = lab_time(utc)
    if local == utc:
        return utc
    universal = f"{datetime.fromisoformat(utc).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    day, _, clock = universal.partition(" ")
    if local.startswith(universal):
        return f"{universal} UTC"
    return f"{local} ({clock if local.startswith(day) else universal} UTC)"


def time_between(started: str, ended: str) -> str:
    """Return how long it took from one moment to another: ``3 min 33 s``; empty where one is not known."""
    seconds = seconds_between(started, ended)
    return "" if seconds is None else span_text(round(seconds))
