"""Numbers as texts for a person: with their nouns, as percentages, as changes."""

import math

_LARGE = 1.0  # changes above 100 % are told as such: their digits mean nothing


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 board``, ``2 boards``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 0) -> str:
    """Return a share or a size as a text: ``0.3 %``; above 100 %: ``over 100 %``."""
    return f"{share:.{digits}%}".replace("%", " %") if share <= _LARGE else "over 100 %"


def percent_change(change: float) -> str:
    """Return a relative change as a text: ``+9.4 %``, ``0.0 %``; above 100 %: ``over +100 %``."""
    if not math.isfinite(change) or change > _LARGE:
        return "over +100 %"
    text = f"{change:+.1%}".replace("%", " %")
    return "0.0 %" if text in ("+0.0 %", "-0.0 %") else text
