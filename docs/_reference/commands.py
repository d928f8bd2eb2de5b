"""The command line: every command with its arguments and options, and the options behind ``--``."""

import argparse
import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from _reference.docstrings import attribute_texts
from _reference.markdown import code, table, text_of
from bench.cli.application import app
from bench.exit_code import ExitCode
from nrf91_bench_fixtures.options import pytest_addoption


def commands() -> str:
    """Return the page of all commands."""
    lead = (
        "`nrf91-bench COMMAND --help` prints the same. An option with `...` may be given more than once. "
        "What stands behind `--` of `run` goes to pytest: [its options](pytest-options.md)."
    )
    program: Any = get_command(app)
    context = program.make_context("nrf91-bench", [], resilient_parsing=True)
    return "\n".join(["# Commands\n", lead, "", *_of_group(program, "nrf91-bench", context)])


def _of_group(group: Any, path: str, context: Any) -> Iterator[str]:  # noqa: ANN401 - typer keeps its click to itself
    for name in group.list_commands(context):
        command, line = group.get_command(context, name), f"{path} {name}"
        yield f"## {line}\n"
        yield text_of(command.help or (command.callback and inspect.getdoc(command.callback))) + "\n"
        yield from _parameters(command, line)
        if hasattr(command, "list_commands"):
            yield from _of_group(command, line, context)


def _parameters(command: Any, line: str) -> Iterator[str]:  # noqa: ANN401
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    words = " ".join(one.metavar or one.name.upper() for one in arguments)
    yield f"```text\n{line}{' [OPTIONS]' if options else ''}{' ' + words if words else ''}\n```\n"
    rows = [(code(one.metavar or one.name.upper()), text_of(one.help), "") for one in arguments]
    rows += [(_spelling(one), text_of(one.help), _default(one)) for one in options]
    if rows:
        yield table(("argument or option", "meaning", "default"), rows)


def _spelling(option: Any) -> str:  # noqa: ANN401
    names = ", ".join((*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return code(names + value) + (" ..." if option.multiple else "")


def _default(option: Any) -> str:  # noqa: ANN401
    value = option.default
    if option.required:
        return "required"
    return "" if value in (None, "", (), []) or isinstance(value, bool) else code(str(getattr(value, "value", value)))


def pytest_options() -> str:
    """Return the page of the options that the bench's plugins add to pytest."""
    group = _Options()
    pytest_addoption(group)  # type: ignore[arg-type]
    rows = [
        (code(" ".join(filter(None, (name, settings.get("metavar"))))), text_of(settings["help"]))
        for name, settings in group.rows
    ]
    lead = (
        "Give these behind `--` of `nrf91-bench run`, or to pytest itself. `run` sets those that begin with `--bench-` "
        "and refuses them behind `--`. [When plain pytest is of use](../scenarios.md#with-plain-pytest)."
    )
    return f"# Options of pytest\n\n{lead}\n\n{table(('option', 'meaning'), rows)}"


class _Options:
    """Stands for pytest's parser: keeps what is added to it."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def getgroup(self, _: str) -> "_Options":
        return self

    def addoption(self, name: str, **settings: Any) -> None:  # noqa: ANN401
        if settings.get("help") != argparse.SUPPRESS:
            self.rows.append((name, settings))


def exit_codes() -> str:
    """Return the page of exit codes."""
    texts = attribute_texts(ExitCode)
    rows = [(str(int(one)), code(one.name), texts[one.name]) for one in ExitCode]
    order = sorted(ExitCode, key=lambda one: [ExitCode.worst((one, other)) is other for other in ExitCode].count(True))
    lead = "All commands use the same exit codes. If several apply, the worst one counts; from the worst: "
    worst = ", ".join(str(int(one)) for one in order)
    return f"# Exit codes\n\n{lead}{worst}.\n\n{table(('code', 'name', 'meaning'), rows)}"
