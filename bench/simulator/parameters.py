"""How the firmware reads the parameters of a command: the lexer's rules and its typed getters."""

import re
from collections.abc import Sequence

Value = int | bytes | None
"""A number, a string, or None for a parameter that is there but empty."""

_TOKEN = re.compile(
    rb"""\ ?(?:
        (?P<number>[+-]?(?:0|[1-9][0-9]*))
      | "(?P<quoted>[^"\x00]*)"
      | (?P<array>\([^()"]*\))
      | (?P<bare>(?:[A-Za-z]|[0-9]+[A-Za-z_\- ])[A-Za-z0-9_\-+.\ ]*)(?=\r?$)
      | (?P<empty>)
    )(?:,|\r?$)""",
    re.VERBOSE,
)


class AtError(Exception):
    """The command answers ERROR. ``lines`` stand before it."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


class CmeError(AtError):
    """The command answers +CME ERROR with a number, where AT+CMEE=1 asks for it (3GPP TS 27.007 section 9.2)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Parameters:
    """The parameters of one command. Extra ones are ignored by whoever does not ask for them."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @classmethod
    def parse(cls, text: bytes) -> "Parameters":
        """The parameters after the equals sign.

        A space may stand before a parameter, one only. A number has no leading zero. A string needs no quotes when it
        is the last parameter and looks like a word.

        Raises:
            AtError: anything else.
        """
        values: list[Value] = []
        position = 0
        while True:
            match = _TOKEN.match(text, position)
            if match is None:
                raise AtError
            kind = match.lastgroup
            if kind == "number":
                values.append(int(match["number"]))
            elif kind == "empty":
                values.append(None)
            else:
                values.append(match[kind or "bare"])
            position = match.end()
            if not match.group().endswith(b","):
                return cls(values)

    def has(self, index: int) -> bool:
        """Whether the parameter was given, if only as nothing between commas."""
        return index < len(self._values)

    def empty(self, index: int) -> bool:
        """Whether the parameter is missing or empty."""
        return not self.has(index) or self._values[index] is None

    def number(self, index: int, low: int = 0, high: int = 0xFFFF) -> int:
        """A number within the range of its C type; raises AtError otherwise."""
        value = self._values[index] if self.has(index) else None
        if not isinstance(value, int) or not low <= value <= high:
            raise AtError
        return value

    def optional(self, index: int, default: int, low: int = 0, high: int = 0xFFFF) -> int:
        """The same with a default when it was not given; empty is an error, not a default."""
        return self.number(index, low, high) if self.has(index) else default

    def string(self, index: int, limit: int | None = None) -> bytes:
        """A string of at most ``limit`` bytes; raises AtError otherwise."""
        value = self._values[index] if self.has(index) else None
        if not isinstance(value, bytes) or (limit is not None and len(value) > limit):
            raise AtError
        return value
