"""Titles in words: of a scenario, what must hold; of a suite, what it is about. From docstrings, else from names."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from bench.at import printable

_SENTENCE = re.compile(r".*?\.(?=\s+[A-Z#`]|$)|.+", re.DOTALL)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_LETTERS = 40
_PLAIN = (str, int, float, bool, type(None))


def first_sentence(docstring: str | None) -> str:
    """Return the first sentence of a docstring on one line, without its full stop; empty when there is none."""
    paragraph = " ".join((docstring or "").strip().partition("\n\n")[0].split())
    found = _SENTENCE.match(paragraph)
    return found[0].strip().removesuffix(".") if found else ""


def scenario_title(docstring: str | None, function: str, classes: Sequence[str], parameters: Mapping[str, str]) -> str:
    """Return what must hold, with the parameters by name: ``Connect: by address [size 256]``.

    Args:
        docstring: of the test; without one, the names say it.
        function: name of the test function.
        classes: names of the classes around it, from the outside in.
        parameters: as texts.
    """
    names = [_words(name.removeprefix("Test")) for name in classes] + [_words(function.removeprefix("test_"))]
    title = first_sentence(docstring) or _capitalize(": ".join(names))
    values = ", ".join(f"{name} {_shorten(value)}" for name, value in parameters.items())
    return f"{title} [{values}]" if values else title


def suite_title(docstring: str | None, file: str) -> str:
    """Return what a suite is about, in words; ``file`` is its name without ``.py``."""
    return first_sentence(docstring) or _capitalize(_words(file.removeprefix("test_")))


def value_text(value: object) -> str:
    """Return a parameter's value as a person writes it: no quotes, bytes spelt out, a member of an enum by its name."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return printable(value)
    return str(value) if isinstance(value, _PLAIN) else repr(value)


def _words(name: str) -> str:
    """Return a name of Python as words: ``TestPeerEnds`` as ``peer ends``; capitals of an abbreviation are kept."""
    parts = [part for one in name.split("_") for part in _HUMP.split(one) if part]
    return " ".join(part if part.isupper() and len(part) > 1 else part.lower() for part in parts)


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 4]} ..."
