"""Lines that begin with a handle, in answers and URCs of Serial Modem."""

from bench.at import MalformedAnswer, Urc
from bench.at.numbers import signed_number
from bench.modem.answers import Answers, fields_of


def of_handle(answers: Answers, prefix: str, handle: int, fields: int) -> tuple[str, ...]:
    """Return the fields behind the handle of the only line with a prefix; at least ``fields`` of them.

    Raises:
        MalformedAnswer: there is no such line, or it names another handle.
    """
    found = answers.one(prefix, fields=fields + 1)
    if answers.number(found[0], "the handle") != handle:
        answers.refuse(f"{prefix} of the handle {handle}")
    return found[1:]


def numbered_rows(answers: Answers, prefix: str, fields: int) -> list[list[int]]:
    """Return the first ``fields`` numbers of every line with a prefix.

    Raises:
        MalformedAnswer: a line has fewer fields, or one that is not a number.
    """
    found = answers.lines(prefix)
    if any(len(line) < fields for line in found):
        answers.refuse(f"lines {prefix} with {fields} fields")
    return [[answers.number(field, "a field") for field in line[:fields]] for line in found]


def numbers_of(urc: Urc, fields: int) -> list[int]:
    """Return the first ``fields`` numbers of a URC.

    Raises:
        MalformedAnswer: it has fewer fields, or one that is not a number.
    """
    numbers = [number for number in map(signed_number, fields_of(urc.line)[:fields]) if number is not None]
    if len(numbers) < fields:
        raise MalformedAnswer(f"{urc.line} came, expected {fields} numbers behind {urc.line.partition(':')[0]}")
    return numbers
