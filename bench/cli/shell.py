"""The completion of words in a shell: typer asks and answers, and here the words become what the shell takes.

Nothing of it may show on the screen where somebody types: no message, no traceback.
"""

import contextlib
import io
import os
import re
import shlex
from collections.abc import Callable, MutableMapping

_ASKS = "_NRF91_BENCH_COMPLETE"
"""The variable by which typer's completion scripts ask, with ``complete_bash`` and the like."""
_WORDS, _NUMBER = "COMP_WORDS", "COMP_CWORD"
_SPLITS = "=:"
"""Letters at which bash splits words (``COMP_WORDBREAKS``); what stands behind the last one is what it replaces."""
_SPECIAL = re.compile(r"[\s\"'\\$`!*?\[\](){}<>|&;#~=:^]")
_IN_DOUBLE_QUOTES = re.compile(r'["$`\\]')


def is_asked() -> bool:
    """Return whether a shell asks for words."""
    return os.environ.get(_ASKS, "").startswith("complete_")


def answer(program: Callable[[], object]) -> str:
    """Return the words that a program offers to the shell that asks, as the shell takes them; none when it fails."""
    asks = os.environ[_ASKS].removeprefix("complete_")
    if asks == "bash":
        typed = _join_words(os.environ)
        return "\n".join(_for_bash(word, typed) for word in _ask(program).split("\n") if word)
    offered = _ask(program)
    if asks != "zsh" or '":"' in offered:  # with explanations: options and commands, which need no quotes
        return offered
    return _for_zsh(program)


def _ask(program: Callable[[], object]) -> str:
    """Return what typer answers; nothing of it, or of what goes wrong, is printed."""
    offered = io.StringIO()
    try:
        with contextlib.redirect_stdout(offered), contextlib.redirect_stderr(io.StringIO()):
            program()
    except SystemExit:
        pass
    except Exception:  # noqa: BLE001 - whatever it is, it does not belong on the line that somebody types
        return ""
    return offered.getvalue().removesuffix("\n")


def _for_zsh(program: Callable[[], object]) -> str:
    """Return a command of zsh that adds the words as they are: typer's would lose quotes in them.

    The words are asked for as bash asks, which gets them without a syntax around them.
    """
    line = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)
    if line.endswith(" ") or not words:
        words.append("")
    os.environ.update({_ASKS: "complete_bash", _WORDS: shlex.join(words), _NUMBER: str(len(words) - 1)})
    option, equals, _ = words[-1].partition("=")
    before = f"{option}=" if equals and option.startswith("--") else ""
    found = [shlex.quote(f"{before}{word}") for word in _ask(program).split("\n") if word]
    return f"compadd -- {' '.join(found)}" if found else "_files"


def _split(line: str) -> list[str]:
    """Return the words of a line whose last quotes may be open."""
    for end in ("", "'", '"'):
        with contextlib.suppress(ValueError):
            return shlex.split(f"{line}{end}")
    return line.split()


def _join_words(environment: MutableMapping[str, str]) -> str:
    """Put together in the environment what bash has split at ``=`` and ``:``; return the word that is completed."""
    words = environment.get(_WORDS, "").split("\n")
    number = int(environment.get(_NUMBER, "0"))
    joined: list[str] = []
    place = 0
    for rank, word in enumerate(words):
        splits = bool(word) and not word.strip(_SPLITS)
        if joined and rank > 1 and (splits or (words[rank - 1] and not words[rank - 1].strip(_SPLITS))):
            joined[-1] += word
        else:
            joined.append(word)
        if rank == number:
            place = len(joined) - 1
    environment.update({_WORDS: "\n".join(joined), _NUMBER: str(place)})
    return joined[place] if joined else ""


def _for_bash(word: str, typed: str) -> str:
    """Return a word as bash inserts it in the place of what was typed.

    Inside quotes that are open, bash closes them itself. Elsewhere each letter that means something gets a backslash.
    """
    if typed[:1] == "'":
        return word.replace("'", "'\\''")
    if typed[:1] == '"':
        return _IN_DOUBLE_QUOTES.sub(r"\\\g<0>", word)
    if typed.startswith("--"):
        typed = typed.partition("=")[2]
    kept = max(typed.rfind(letter) for letter in _SPLITS) + 1
    return _SPECIAL.sub(r"\\\g<0>", word[kept:])
