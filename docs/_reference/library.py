"""The classes that scenarios and programs use: their calls, with signatures and the first line of each docstring."""

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from _reference.markdown import code, table, text_of

_CLASSES = {
    "What a scenario holds": (
        "bench.boards.Board",
        "bench.modem.Modem",
        "bench.modem.sockets.Socket",
        "bench.modem.sockets.TcpClient",
        "bench.modem.sockets.UdpSocket",
        "bench.modem.sockets.TcpServer",
    ),
    "The other end": ("bench.peers.Peers", "bench.peers.Peer", "bench.peers.Dialer", "bench.peers.DialledConnection"),
    "Measuring": ("bench.session.Measure",),
    "The link alone": ("bench.at.AtLink", "bench.at.Response", "bench.at.Urc"),
    "A run from Python": ("bench.run.RunRequest", "bench.evidence.summary.Summary"),
}
_SECTION = re.compile(r"\n\n(?:Attributes|Args|Raises):")


def python_api() -> str:
    """Return the page of the library's classes."""
    lead = "The calls that tests and programs rely on. [Scenarios](../scenarios.md) shows them at work."
    return "\n".join(["# Python API\n", lead, "", *_sections()])


def _sections() -> Iterator[str]:
    for title, paths in _CLASSES.items():
        yield f"## {title}\n"
        for path in paths:
            module, _, name = path.rpartition(".")
            owner = getattr(importlib.import_module(module), name)
            yield f"### {module}.{name}\n"
            yield (
                text_of((inspect.getdoc(owner) or "").partition("\n\nAttributes:")[0].partition("\n\nArgs:")[0]) + "\n"
            )
            rows = [(code(call), text_of(meaning).partition("\n\n")[0]) for call, meaning in _members(owner)]
            if rows:
                yield table(("call or attribute", "what it does"), rows)


def _members(owner: type) -> Iterator[tuple[str, str]]:
    for name, found in vars(owner).items():
        meaning = inspect.getdoc(found)
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(found, property):
            yield name, meaning or ""
        elif inspect.isfunction(found) or isinstance(found, classmethod):
            yield _call(name, getattr(owner, name)), meaning or ""


def _call(name: str, function: Any) -> str:  # noqa: ANN401 - any callable
    signature = inspect.signature(function)
    words = [
        _parameter(one)
        for one in signature.parameters.values()
        if one.name != "self" and one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    return f"{'' if name == '__call__' else name}({', '.join(words)})"


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    value = parameter.default
    return f"{parameter.name}={getattr(value, 'name', None) or repr(value)}"
