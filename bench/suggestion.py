"""Names that a user may have meant: what stands behind a message that a name is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches

_LEAST_ALIKE = 0.6
_MOST = 3
_FEWEST = 3


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that look most like a name, at most three, the nearest first; capitals do not matter."""
    by_small = {one.casefold(): one for one in known}
    small = name.casefold()
    found = get_close_matches(small, by_small, _MOST, _LEAST_ALIKE)
    parts = [one for one in by_small if one not in found and (small in one or one in small)]
    found += sorted((one for one in parts if min(len(one), len(small)) >= _FEWEST), key=len)  # few letters in common
    return [by_small[one] for one in found[:_MOST]]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'dns'?``; empty when no known name looks like it."""
    *others, last = [repr(one) for one in near(name, known)] or [""]
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?" if last else ""


def unknown(what: str, name: str, known: Iterable[str], *, none: str = "none") -> str:
    """Return ``unknown suite 'dsn'; did you mean 'dns'? available: data_mode, dns``.

    Args:
        what: the name is one of.
        name: that is unknown.
        known: all names.
        none: what to say where there are none.
    """
    names = list(known)
    return f"unknown {what} {name!r}{did_you_mean(name, names) or ';'} available: {', '.join(names) or none}"
