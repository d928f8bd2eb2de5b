"""The files of a lab, from the models that check them: ``bench.toml``, plans, ``known_issues.toml``."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, get_args

from pydantic import AfterValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from _reference.docstrings import attribute_texts
from _reference.markdown import code, table, text_of
from bench.config.known_issues import KnownIssue
from bench.config.lab import Config
from bench.config.plan import Plan
from bench.config.toml_file import Section

Schema = Mapping[str, Any]
_FORMATS = {
    "date": "date",
    "time": "time of the day",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "path": "path",
    "": "text",
}


@dataclass(frozen=True)
class _Table:
    """A table of a file: its head as TOML writes it, and the model of its keys."""

    head: str
    model: type[Section]


def bench_toml() -> str:
    """Return the page of bench.toml."""
    lead = (
        "`run`, `boards` and `doctor` read `bench.toml` in the working folder, or the file that `--config` names. "
        "Every key has a default, so an empty file is a valid lab. An unknown key is an error."
    )
    return _page("bench.toml", lead, _Table("", Config))


def plan() -> str:
    """Return the page of a plan."""
    lead = "`nrf91-bench run --plan FILE` judges a run by this file. [How to write one](../qualification.md)."
    return _page("Plan", lead, _Table("", Plan))


def known_issues() -> str:
    """Return the page of known_issues.toml."""
    lead = "The file is a list of `[[issue]]` tables. [Where it is found, and what it does](../known-issues.md)."
    return _page("known_issues.toml", lead, _Table("[[issue]]", KnownIssue))


def _page(title: str, lead: str, top: _Table) -> str:
    return "\n".join([f"# {title}\n", lead, "", *_sections(top)])


def _sections(part: _Table) -> Iterator[str]:
    if part.head:
        yield f"## {part.head}\n"
    if part.head and part.model.__doc__:
        yield text_of(inspect.getdoc(part.model)) + "\n"
    inner = {name: _table_of(part.head, name, field) for name, field in part.model.model_fields.items()}
    keys = [name for name, found in inner.items() if found is None]
    if keys:
        yield _keys(part.model, keys)
    for found in inner.values():
        if found is not None:
            yield from _sections(found)


def _table_of(head: str, name: str, field: FieldInfo) -> _Table | None:
    """Return the table that a key stands for; None for a key with a value."""
    model, several = _section_in(field.annotation)
    if model is None:
        return None
    path = f"{head.strip('[]')}.{name}" if head else name
    return _Table(f"[[{path}]]" if several else f"[{path}]", model)


def _section_in(annotation: object) -> tuple[type[Section] | None, bool]:
    """Return the model that a type holds, and whether there may be several of it."""
    if inspect.isclass(annotation) and issubclass(annotation, Section):
        return annotation, False
    for part in get_args(annotation):
        model, several = _section_in(part)
        if model is not None:
            return model, several or annotation.__class__.__name__ == "GenericAlias"
    return None, False


def _keys(model: type[Section], names: list[str]) -> str:
    schema, texts = model.model_json_schema(), attribute_texts(model)
    rows = []
    for name in names:
        field = model.model_fields[name]
        properties = schema["properties"][name]
        form = _form_of(field) or _kind(properties, schema)
        rows.append((code(name), texts.get(name, ""), form, _default(field)))
    return table(("key", "meaning", "value", "default"), rows)


def _form_of(field: FieldInfo) -> str:
    """Return what :func:`bench.config.toml_file.matching` demands of a text, in its own words."""
    for part in field.metadata:
        if isinstance(part, AfterValidator):
            form = inspect.getclosurevars(part.func).nonlocals.get("form")
            if isinstance(form, str):
                return f"text: {form}"
    return ""


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if field.is_required() or value is PydanticUndefined:
        return "required"
    if value is None or value in ((), ""):
        return "none"
    return code(_toml(value))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, int) else f'"{value}"'


def _kind(part: Schema, whole: Schema) -> str:
    """Return the type of a value in words of TOML."""
    if "$ref" in part:
        return _kind(whole["$defs"][part["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in part:
        kinds = [_kind(one, whole) for one in part["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in part or "const" in part:
        return " or ".join(code(_toml(value)) for value in part.get("enum", [part.get("const")]))
    match part.get("type"):
        case "array":
            inner = part.get("items") or part["prefixItems"][0]
            size = f" of {part['maxItems']}" if part.get("maxItems") and part["maxItems"] == part["minItems"] else ""
            return f"list{size}: {_kind(inner, whole)}"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"whole number{_borders(part)}"
        case "number":
            return f"number{_borders(part)}"
    return _FORMATS.get(part.get("format", ""), "text")


def _borders(part: Schema) -> str:
    least, above = part.get("minimum"), part.get("exclusiveMinimum")
    most, below = part.get("maximum"), part.get("exclusiveMaximum")
    lower = f"{least:g} or more" if least is not None else f"more than {above:g}" if above is not None else ""
    upper = f"{most:,} or less" if most is not None else f"less than {below:g}" if below is not None else ""
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    return "".join(f", {border}" for border in (lower, upper) if border)
