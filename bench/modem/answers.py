"""Information lines taken apart: ``#XSOCKET: 0,"closed"`` -> prefix and fields."""

import re
from enum import IntEnum
from typing import NoReturn, TypeVar

from bench.at import AtLink, MalformedAnswer, Response
from bench.at.numbers import signed_number

E = TypeVar("E", bound=IntEnum)

# Possessive: a line of blanks before a stray quote would otherwise take a time that grows with its square.
_FIELD = re.compile(r'\s*+(?:"([^"]*+)"|([^,"]*+))\s*+(?:,|$)')


def fields_of(line: str) -> tuple[str, ...]:
    """Return the comma-separated fields behind the colon, quotes removed."""
    return fields_in(line.partition(":")[2])


def fields_in(text: str) -> tuple[str, ...]:
    """Return the comma-separated fields of a text, quotes removed."""
    rest = text.strip()
    fields: list[str] = []
    position = 0
    while position <= len(rest):
        match = _FIELD.match(rest, position)
        if match is None:
            return (*fields, rest[position:])
        fields.append(match[1] if match[1] is not None else match[2].strip())
        if match.end() == len(rest) and not match.group().endswith(","):
            break
        position = match.end()
    return tuple(fields)


class Answers:
    """The information lines of one response, read by their documented form.

    Every reader raises MalformedAnswer for a line that is missing or differs from the documentation.
    """

    def __init__(self, link: AtLink, response: Response) -> None:
        self._link = link
        self._response = response

    def lines(self, *prefixes: str) -> list[tuple[str, ...]]:
        """Return the fields of every line with one of the prefixes."""
        return [fields_of(line) for line in self._response.lines if line.partition(":")[0] in prefixes]

    def one(self, *prefixes: str, fields: int = 1) -> tuple[str, ...]:
        """Return the fields of the only line with one of the prefixes, at least ``fields`` of them."""
        found = self.lines(*prefixes)
        if len(found) != 1 or len(found[0]) < fields:
            self.refuse(f"one line {' or '.join(prefixes)} with {fields} fields")
        return found[0]

    def number(self, text: str, what: str, base: int = 10) -> int:
        """Return a field as a number."""
        try:
            number = signed_number(text) if base == 10 else int(text, base)
        except ValueError:
            number = None
        if number is None:
            self.refuse(f"a number as {what}, not {text!r}")
        return number

    def member(self, number: int, choices: type[E]) -> E:
        """Return a number as a member of an enumeration."""
        try:
            return choices(number)
        except ValueError:
            self.refuse(f"a {choices.__name__} ({', '.join(str(choice.value) for choice in choices)}), not {number}")

    def refuse(self, expected: str) -> NoReturn:
        """Raise MalformedAnswer with the expected and the received lines."""
        came = " / ".join(self._response.lines) or "no information line"
        raise MalformedAnswer(
            f"{self._response.command} was answered by {came}, expected {expected}",
            evidence=self._link.port.pointer,
        )
