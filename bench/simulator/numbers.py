"""Numbers by name, as options of the command line give them: ``delay=10,jitter=2``."""

from collections.abc import Collection

from bench.errors import UsageError


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
        try:
            values[name] = int(value) if name in whole else float(value)
        except ValueError:
            raise UsageError(f"{part!r}: {value!r} is no {'whole ' if name in whole else ''}number") from None
    return values
