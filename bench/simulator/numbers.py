"""Numbers by name, as options of the command line give them (``delay=10,jitter=2``), and their ranges."""

from collections.abc import Collection

from bench.errors import UsageError

LONGEST_MS = 3.6e6
"""An hour. A longer time in a simulated network is a mistake."""


def check_range(record: object, names: Collection[str], what: str, low: float, high: float) -> None:
    """Refuse a field that is outside its range or not a number; ``what`` names its kind in the message.

    Raises:
        UsageError: a field is refused; the message names it, its value and the range.
    """
    for name in names:
        value = getattr(record, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value:g}; it must be {what} from {low:g} to {high:g}")


def parse_numbers(text: str, names: Collection[str], whole: Collection[str] = ()) -> dict[str, float]:
    """Return the numbers of ``NAME=NUMBER,NAME=NUMBER``; the names in ``whole`` have integers.

    Raises:
        UsageError: an unknown name, or a value that is not a number.
    """
    values: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name not in names or not equals:
            raise UsageError(f"{part!r}: write NAME=NUMBER, the name one of {', '.join(names)}")
        if name in values:
            raise UsageError(f"{name} is given twice")
        try:
            values[name] = int(value) if name in whole else float(value)
        except ValueError:
            raise UsageError(f"{part!r}: {value!r} is not a {'whole ' if name in whole else ''}number") from None
    return values
