"""The parameters of a command: the lexer of the firmware and its typed getters."""

import re
from collections.abc import Sequence

from bench.simulator.refusal import AtError

Value = int | bytes | None
"""A number, a string, or None for a parameter that is there but empty."""

INT32 = (-0x80000000, 0x7FFFFFFF)
"""The range of a C int, in which most numbers of the firmware are read."""

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


class Parameters:
    """The parameters of one command. A handler does not notice those that it does not ask for."""

    def __init__(self, values: Sequence[Value]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @classmethod
    def parse(cls, text: bytes) -> "Parameters":
        """Return the parameters that ``text``, the part behind the equals sign, holds.

        One space may stand before a parameter, no more. A number has no leading zero. A string needs no quotes when it
        is the last parameter and looks like a word.

        Raises:
            AtError: the text does not follow these rules.
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
        """Return whether the parameter was given; nothing between two commas counts."""
        return index < len(self._values)

    def empty(self, index: int) -> bool:
        """Return whether the parameter is missing or empty."""
        return not self.has(index) or self._values[index] is None

    def number(self, index: int, low: int = 0, high: int = 0xFFFF) -> int:
        """Return a number within the range of its C type; raise AtError if it is not one."""
        value = self._values[index] if self.has(index) else None
        if not isinstance(value, int) or not low <= value <= high:
            raise AtError
        return value

    def optional(self, index: int, default: int, low: int = 0, high: int = 0xFFFF) -> int:
        """Return a number, or the default when it was not given; raise AtError for an empty one."""
        return self.number(index, low, high) if self.has(index) else default

    def string(self, index: int, limit: int | None = None) -> bytes:
        """Return a string of at most ``limit`` bytes; raise AtError if it is not one."""
        value = self._values[index] if self.has(index) else None
        if not isinstance(value, bytes) or (limit is not None and len(value) > limit):
            raise AtError
        return value
