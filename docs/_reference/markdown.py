"""Markdown of the reference pages: tables and texts whose words come from the code."""

import re
from collections.abc import Iterable, Sequence

_ROLE = re.compile(r":(?:class|func|mod|meth|data):`~?([^`]+)`")
_OPTION = re.compile(r"(?<![\w/-])(--[a-z][a-z-]*[a-z])")


def text_of(docstring: str | None) -> str:
    """Return a docstring, or a help text, as Markdown: one line a paragraph."""
    text = _ROLE.sub(r"`\1`", docstring or "").replace("``", "`")
    plain_and_code = text.split("`")
    plain_and_code[::2] = [_OPTION.sub(r"`\1`", plain) for plain in plain_and_code[::2]]
    text = "`".join(plain_and_code)
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def code(text: str) -> str:
    """Return a text as code, whatever is in it."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a cell's line breaks become blanks, its bars are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
