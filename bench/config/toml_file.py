"""A TOML file as a model, validated whole; an error names key, line and cure."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from bench.errors import UsageError, in_words
from bench.suggestion import did_you_mean
from bench.visible import visible

M = TypeVar("M", bound=BaseModel)
Location = tuple[str | int, ...]
"""The keys and numbers that lead to a value of a file."""
_LONG_NUMBER = re.compile(r"[0-9_]{1000}")


class Section(BaseModel):
    """A part of a file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConfigError(UsageError):
    """A configuration file says something that cannot be."""


def read_toml(path: Path, model: type[M]) -> M:
    """Return a TOML file as a model, validated whole.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    text = read_text(path)
    try:
        content = tomllib.loads(text)
        _refuse_controls(content)
        return model.model_validate(content)
    except _ControlCharacter as error:
        line = line_of(text, error.location)
        where = f"{f'line {line}, ' if line else ''}{key_of(error.location) or 'file'}"
        raise ConfigError(f"{path} cannot be used:\n    {where}: holds a control character; remove it") from None
    except ValidationError as error:
        raise ConfigError(f"{path} cannot be used:\n{_problems_of(text, error, model)}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except ValueError as error:  # of Python's, for a number of thousands of digits
        line = next((number for number, row in enumerate(text.split("\n"), 1) if _LONG_NUMBER.search(row)), 0)
        raise ConfigError(f"{path} cannot be used:\n    line {line}: a number has too many digits") from error


def read_text(path: Path) -> str:
    """Return the text of a file of a lab, without the byte order mark that some editors write.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {in_words(error)}") from error


class _ControlCharacter(Exception):
    def __init__(self, location: Location) -> None:
        super().__init__()
        self.location = location


def _refuse_controls(value: object, location: Location = ()) -> None:
    """Raise for a text that no terminal and no page must see: names and reasons are shown as they are written."""
    if isinstance(value, dict):
        for key, part in value.items():
            _refuse_controls(key, location)
            _refuse_controls(part, (*location, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            _refuse_controls(part, (*location, number))
    elif isinstance(value, str) and visible(value) != value:
        raise _ControlCharacter(location)


def _problems_of(text: str, error: ValidationError, model: type[BaseModel]) -> str:
    """Return the problems of a file, a line each."""
    return "\n".join(f"    {_problem(text, dict(problem), model)}" for problem in error.errors(include_url=False))


def _problem(text: str, problem: dict[str, Any], model: type[BaseModel]) -> str:
    location: Location = problem["loc"]
    line, message = line_of(text, location), _message(problem)
    if problem["type"] == "extra_forbidden":
        message += (
            did_you_mean(str(location[-1]), _keys_at(model, location[:-1])) or "; check its spelling, or remove it"
        )
    hidden = problem["type"] in ("missing", "extra_forbidden") or not _SECRETS.isdisjoint(location)
    value = "" if hidden or isinstance(problem["input"], dict | tuple | list) else f" (it is {problem['input']!r})"
    return f"{f'line {line}, ' if line else ''}{key_of(location) or 'file'}: {message}{value}"


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that a table of a file may have; none where it is not known."""
    found: list[Any] = [model]
    for part in location:
        if isinstance(part, str):
            fields = [one.model_fields[part].annotation for one in found if part in one.model_fields]
            found = [one for field in fields for one in _models_in(field)]
    return [key for one in found for key in one.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type, or what stands for several
    """Return the models of an annotation such as ``tuple[BoardEntry, ...]`` or ``Meter | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in get_args(annotation) for one in _models_in(part)]


def _message(problem: dict[str, Any]) -> str:
    """Return what is wrong in words of TOML: pydantic speaks of Python's types."""
    if problem["type"] == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    form = _MESSAGES.get(problem["type"])
    if form is None:
        return str(problem["msg"]).replace("Input should be", "must be").replace("Value should", "must")
    return form.format(**problem.get("ctx", {}))


_SECRETS = frozenset(("pin", "password", "webhook"))
"""Keys whose value is not shown: it may be a secret that stands in the wrong place."""
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "no such key",
    "string_type": "must be a text, in quotes",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list, in square brackets",
    "list_type": "must be a list, in square brackets",
    "too_short": "must have {min_length} or more entries, not {actual_length}",
    "too_long": "must have {max_length} entries, not {actual_length}",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "date_type": "must be a date, such as 2027-01-31",
    "date_parsing": "must be a date, such as 2027-01-31",
    "date_from_datetime_parsing": "must be a date, such as 2027-01-31",
    "date_from_datetime_inexact": "must be a date without a time, such as 2027-01-31",
    "path_type": "must be a path, in quotes",
    "ip_v4_address": "must be an IPv4 address, such as 192.0.2.1",
    "ip_v6_address": "must be an IPv6 address, such as 2001:db8::1",
    "ip_any_address": "must be an IP address",
}
"""Pydantic's type of error -> message."""


def matching(pattern: str, form: str) -> AfterValidator:
    """Return a validator of a text: it must match a regular expression, which ``form`` says in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {form}")
        return value

    return AfterValidator(check)


def key_of(location: Location) -> str:
    """Return ``boards #2.port`` for the port of the second table of ``[[boards]]``."""
    parts = [part for part in location if not str(part).startswith("function-")]
    return "".join(f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def line_of(text: str, location: Location) -> int | None:
    """Return the line of a key, or of its table when the key is missing; None when neither is found."""
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
            names = table[:-1] if header[1] == "[[" else table
            if wanted[: len(table)] == table or (wanted == names and best is None):
                best = number
            continue
        assignment = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if assignment:
            path = [*table, assignment[1]]
            if wanted[: len(path)] == path:
                return number
    return best
