"""Numbers by name, as options of the command line give them (``delay=10,jitter=2``), and their ranges."""

from collections.abc import Collection

from bench.errors import UsageError

LONGEST_MS = 3.6e6
"""An hour: what takes longer in a simulated network is a mistake."""


def check_range(record: object, names: Collection[str], what: str, low: float, high: float) -> None:
    """Refuses a field that is outside its range, or no number at all; ``what`` says what it is.

    Raises:
        UsageError: names the field, its value and the range.
    """
    for name in names:
        value = getattr(record, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value:g}; it is {what} from {low:g} to {high:g}")


def parse_numbers(text: str, names: Collection[str], whole: Collection[str] = ()) -> dict[str, float]:
    """The numbers of ``NAME=NUMBER,NAME=NUMBER``; those called ``whole`` are integers.

    Raises:
        UsageError: an unknown name, or a value that is no number.
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
            raise UsageError(f"{part!r}: {value!r} is no {'whole ' if name in whole else ''}number") from None
    return values
