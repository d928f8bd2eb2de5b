"""Numbers in what a device says: any text may stand in their place, of any length."""

_MOST_DIGITS = 18
"""Digits, without leading zeros: more than any field has, and what fits into 64 bits."""


def whole_number(text: str | bytes) -> int | None:
    """Return the number written in decimal digits, white space around them allowed; None for any other text.

    ``int`` takes other alphabets' digits, signs and underscores, and raises for thousands of digits.
    """
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    significant = digits.lstrip("0" if isinstance(digits, str) else b"0")  # type: ignore[arg-type]
    return int(significant or "0") if len(significant) <= _MOST_DIGITS else None


def signed_number(text: str | bytes) -> int | None:
    """Return the whole number of a text, which may have a minus sign; None for any other text."""
    stripped = text.strip()
    minus = stripped[:1] in ("-", b"-")
    number = whole_number(stripped[1:]) if minus else whole_number(stripped)
    return -number if minus and number is not None else number
