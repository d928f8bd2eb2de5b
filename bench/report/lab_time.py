"""Times for people of the lab: files hold UTC, pages the time zone of the host that writes them."""

from datetime import datetime


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
