"""A TOML file as a model, validated whole; an error names key, line and cure."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import UsageError

M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """A part of a file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConfigError(UsageError):
    """A configuration file says something that cannot be."""


def read_toml(path: Path, model: type[M]) -> M:
    """A TOML file as a model, validated whole.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return model.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path} cannot be used:\n{_problems_of(text, error)}") from None


def _problems_of(text: str, error: ValidationError) -> str:
    """What is wrong with a file, a line a problem."""
    return "\n".join(f"    {_problem(text, dict(problem))}" for problem in error.errors(include_url=False))


def _problem(text: str, problem: dict[str, Any]) -> str:
    location: tuple[str | int, ...] = problem["loc"]
    key = _key(location)
    line = line_of(text, location)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "no such key; check its spelling, or remove it"
    elif problem["type"] == "missing":
        message = "is missing"
    else:
        message = _in_tomls_words(message)
        message += f" (it is {problem['input']!r})" if not isinstance(problem["input"], dict | tuple | list) else ""
    return f"{f'line {line}, ' if line else ''}{key or 'file'}: {message}"


def _key(location: tuple[str | int, ...]) -> str:
    """``boards #2.port`` for the port of the second table of ``[[boards]]``."""
    parts = [part for part in location if not str(part).startswith("function-")]
    return "".join(f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _in_tomls_words(message: str) -> str:
    """Pydantic speaks of Python's types."""
    for python, toml in (("a valid tuple", "a list, in square brackets"), ("a valid string", "a text, in quotes")):
        message = message.replace(python, toml)
    message = message.replace("a valid boolean", "true or false").replace("a valid integer", "a whole number")
    return message.replace("pattern '^[0-9A-Fa-f]{4}$'", "four hexadecimal digits, such as 1366")


def line_of(text: str, location: tuple[str | int, ...]) -> int | None:
    """The line on which a key stands, or its table when it is missing; None when neither is found."""
    table: list[str] = []
    counts: dict[str, int] = {}
    wanted = [str(part) for part in location]
    best: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        header = re.match(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]", line)
        if header:
            table = header[2].split(".")
            if header[1] == "[[":
                index = counts[header[2]] = counts.get(header[2], -1) + 1
                table = [*table, str(index)]
            if wanted[: len(table)] == table:
                best = number
            continue
        assignment = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if assignment:
            path = [*table, assignment[1]]
            if wanted[: len(path)] == path:
                return number
    return best
