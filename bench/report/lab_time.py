"""Moments as people of the lab read them: files are in UTC, pages in the zone of the host that writes them."""

from datetime import datetime


def lab_time(utc: str) -> str:
    """``2026-11-23 03:12:45 CET`` for the stream's ``2026-11-23T02:12:45.123456Z``; what is no moment is left alone."""
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        return utc
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}" if moment.tzinfo is not None else utc


def lab_clock(utc: str) -> str:
    """``03:12:45``, likewise."""
    told = lab_time(utc)
    return told.split()[1] if told != utc else utc
