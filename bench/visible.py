r"""Text of strangers made visible: of boards, networks, suites, files and other users.

A terminal obeys control characters, and a page or a file cannot hold all of them. So whatever leaves the bench for a
terminal, a page, a file of a report or a table goes through :func:`visible`: ``\x1b`` is shown for an escape,
``\udce9`` for a byte that is not UTF-8. Text that is visible already stays as it is.
"""

import re
from typing import Any

# Controls but tab and line feed; line separators; what turns the direction of writing; what has no width (but joiners,
# of which scripts and emoji are made); surrogates; what XML has not.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile("[\t\n]")
_FORMULA = ("=", "+", "-", "@")
_NAMES = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Return a text with its control characters and broken characters spelt out; lines and tabs stay."""
    return _HIDDEN.sub(_spell, text)


def with_visible_texts(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value of JSON with all of its texts visible, the names in objects too."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else visible(value)
    if isinstance(value, dict):
        return {with_visible_texts(name): with_visible_texts(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [with_visible_texts(part) for part in value]
    return value


def visible_line(text: str) -> str:
    r"""Return a text as one line, line feeds spelt out too: nobody else's words may look like a line of ours."""
    return _BREAKS.sub(_spell, visible(text))


def is_text(text: str) -> bool:
    """Return whether a text can be written as UTF-8; a file's name need not be one."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def cell(value: object) -> object:
    """Return a value for a cell of a CSV file: a text that a spreadsheet would compute begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _spell(match: re.Match[str]) -> str:
    letter = match.group()
    code = ord(letter)
    return _NAMES.get(letter) or (f"\\x{code:02x}" if code < 0x100 else f"\\{'u' if code < 0x10000 else 'U'}{code:04x}")
