"""The commands of a lab: words in braces that stand for a board's facts."""

import re
from collections.abc import Sequence

BOARD_WORDS = ("serial", "port", "place", "name")


def known_words(value: tuple[str, ...] | None, available: Sequence[str] = BOARD_WORDS) -> tuple[str, ...] | None:
    """Return a command whose words in braces are all known.

    Raises:
        ValueError: it is empty, or one of them is not.
    """
    if value is not None and not value:
        raise ValueError("is empty; name the program that does it, or leave the key out")
    for word in value or ():
        unknown = set(re.findall(r"\{(\w*)\}", word)) - set(available)
        if unknown:
            there = ", ".join(f"{{{name}}}" for name in available)
            raise ValueError(f"{{{unknown.pop()}}} stands for nothing; there are {there}")
    return value
