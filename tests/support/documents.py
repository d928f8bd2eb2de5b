"""The project's documents: their blocks, the commands in them, and what each command's own parser says of it."""

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from typer.main import get_command

from bench.boards.selection import Selector
from bench.cli.application import app
from bench.cli.moment import end_of_run
from bench.errors import UsageError
from bench.run import RunRequest, parse_simulate, suites
from bench.run.listing import list_tests
from bench.run.request import check_arguments
from bench.simulator import FIRMWARES
from bench.simulator.programmer import parser
from benchmarks import __main__ as benchmarks
from nrf91_bench_fixtures.options import pytest_addoption
from tests.support.inline import command_line

ROOT = Path(__file__).parents[2]
_FOLDER = ROOT / "docs"
PAGES = (
    *("README.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md"),
    *(f"docs/{page.name}" for page in sorted(_FOLDER.glob("*.md"))),
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_END = frozenset(("&&", "||", ";", "&", "|", ">", ">>", "<"))
_HERE_DOCUMENT = re.compile(r"<<'?(\w+)'?\n.*?^\1$", re.MULTILINE | re.DOTALL)
FOREIGN = frozenset(
    (
        *("apt-get", "cat", "cd", "cp", "docker", "echo", "git", "journalctl", "ln", "pre-commit", "printf", "rm"),
        *("sbatch", "scontrol", "scp", "srun", "ssh", "systemctl", "tee", "twine", "udevadm", "useradd", "usermod"),
        *("labgrid-client", "labgrid-coordinator", "labgrid-exporter"),
    )
)
"""Programs whose options are not ours to check."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def blocks() -> tuple[Block, ...]:
    """All fenced blocks of all pages."""
    return tuple(
        Block(page, text.count("\n", 0, found.start()) + 1, found[2], re.sub(f"^{found[1]}", "", found[3], flags=re.M))
        for page in PAGES
        for text in (read(page),)
        for found in _FENCE.finditer(text)
    )


def in_language(*languages: str) -> list[Block]:
    """The blocks of some languages."""
    return [block for block in blocks() if block.language in languages]


def spans(page: str) -> Iterator[str]:
    """The code within the lines of a page."""
    text = _COMMENT.sub("", _FENCE.sub("", read(page)))
    for found in _CODE.finditer(text):
        yield " ".join(found[1].split())


def commands_of(text: str) -> Iterator[list[str]]:
    """The commands of a shell's text, each as its words, without what is in front of and around it."""
    text = _HERE_DOCUMENT.sub("", text.replace("\\\n", " "))
    for line in text.splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in (*lexer, ";"):
            if word in _END:
                if command:
                    yield command
                # what stands behind a redirection is a file
                command = ["echo"] if word in (">", ">>", "<") else []
            elif command or not (word == "sudo" or re.fullmatch(r"[A-Z_]+=.*", word)):
                command.append(word)


def check_command(words: list[str]) -> None:
    """Fails for a command that its own parser refuses, or that names what is not there."""
    program, arguments = Path(words[0]).name, words[1:]
    check = _CHECKS.get(program)
    if check is not None:
        check(arguments)
    else:
        assert program in FOREIGN, f"{program}: add a check to tests/support/documents.py"


def _check_bench(arguments: list[str]) -> None:
    if "--install-completion" in arguments:  # would be done as soon as it is parsed
        assert arguments == ["--install-completion"]
        return
    if arguments[0] == "run":
        _check_run(arguments)
    elif arguments[0] == "simulate":
        _check_simulate(arguments)
    else:
        parse(arguments)


def parse(arguments: list[str], *, named: bool = False) -> Any:  # noqa: ANN401 - typer keeps its click to itself
    """Fails for arguments of nrf91-bench that it does not know, or whose values have another form.

    A command that is only ``named`` may stand without arguments. Returns what click made of the arguments, if they ask
    for more than help.
    """
    group: Any = get_command(app)
    path = "nrf91-bench"
    program = group.make_context(path, [], resilient_parsing=True)
    while True:
        if not arguments or arguments[0] in ("--help", "--version"):
            return None
        command = group.get_command(program, arguments[0])
        assert command is not None, f"{path} has no command {arguments[0]!r}"
        path, arguments = f"{path} {arguments[0]}", arguments[1:]
        if not (hasattr(command, "list_commands") and arguments and not arguments[0].startswith("-")):
            break
        group = command
    if "--help" in arguments or (named and not arguments):
        return None
    return command.make_context(path, list(arguments))


def _check_run(arguments: list[str]) -> None:
    """Looks at the request that the options make."""
    context = parse(arguments)
    if context is None:
        return
    asked = context.params
    request = RunRequest(
        simulate=parse_simulate(asked["simulate"]),
        realistic=asked["realistic"],
        firmwares=asked["firmware"] or (),
        suites=[suite for suite in asked["suite"] or () if "suites" not in suite],
        tests=asked["test"] or (),
        plan=asked["plan"],
        until=end_of_run(asked["until"]) if asked["until"] else None,
        repeat=asked["repeat"],
        interleave=asked["interleave"] or (),
        arguments=context.args,
    )
    request.check()
    suites.select(request.suites)
    if request.tests:
        assert list_tests(request)
    for text in asked["board"] or ():
        Selector.parse(text)
    assert set(request.firmwares) <= set(FIRMWARES), request.firmwares
    check_arguments(request.arguments)
    _check_pytest(list(request.arguments))


def _check_simulate(arguments: list[str]) -> None:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    with (
        mock.patch("bench.cli.simulate.run", return_value=0),
        mock.patch("bench.cli.simulate._file_of_tag", return_value=(1, 0, b"")),
        mock.patch("bench.cli.simulate._writable", return_value=None),
    ):
        done = command_line(*arguments)
    assert done.returncode == 0, done.stderr
    if arguments[end + 1 :]:
        check_command(arguments[end + 1 :])


class _Group:
    """Stands for pytest's parser: keeps the names of options."""

    def __init__(self) -> None:
        self.options: dict[str, bool] = {}

    def getgroup(self, _: str) -> "_Group":
        return self

    def addoption(self, name: str, **settings: object) -> None:
        self.options[name] = settings.get("action") != "store_true"


@cache
def pytest_options() -> Mapping[str, bool]:
    """The options of the bench's plugins -> whether they take a value."""
    group = _Group()
    pytest_addoption(group)  # type: ignore[arg-type]
    return group.options


def _check_pytest(arguments: list[str]) -> None:
    """Our options, and the few of pytest's own that the documents use."""
    own = {"-k": True, "-p": True, "-n": True, "-x": False, "-q": False, "--fixtures": False, "--markers": False}
    known = {**pytest_options(), **own}
    following = iter(arguments)
    for argument in following:
        name, equals, _ = argument.partition("=")
        if name.startswith("-"):
            assert name in known, f"pytest has no option {name}"
            if known[name] and not equals:
                assert next(following, None) is not None, f"{name} needs a value"
        elif name.startswith("tests/"):
            assert (ROOT / name).exists(), name


def _check_python(arguments: list[str]) -> None:
    if arguments[:2] == ["-m", "bench.simulator.programmer"]:
        parser().parse_args(arguments[2:])
        return
    if arguments[:2] == ["-m", "benchmarks"]:
        try:
            benchmarks.parser().parse_args(arguments[2:])
        except SystemExit:
            raise AssertionError(f"the benchmarks do not take {arguments[2:]}") from None
        return
    if arguments[0] == "-m" and not arguments[1].startswith("benchmarks."):
        assert arguments[1] in ("venv", "build", "bench.peers", "pip"), arguments
        return
    program, *options = arguments[1:] if arguments[0] == "-m" else arguments
    script = ROOT / (f"{program.replace('.', '/')}.py" if arguments[0] == "-m" else program)
    text = script.read_text(encoding="utf-8")
    for argument in options:
        assert not argument.startswith("-") or f'"{argument}"' in text, f"{script.name} has no option {argument}"


def _check_tox(arguments: list[str]) -> None:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    if arguments[:1] == ["-e"]:
        for name in arguments[1].split(","):
            assert tox.has_section(f"testenv:{name}"), name
        behind = arguments[end + 1 :]
        if arguments[1] == "hil":
            _check_run(["run", *behind])
        else:
            _check_pytest(behind)


def _check_pip(arguments: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for option, value in pairwise(arguments):
        if option == "--group":
            assert value in project["dependency-groups"], value
    for argument in arguments:
        extras = re.search(r"(?:\.|whl|nrf91-bench)\[(.+)\]", argument)
        for extra in extras[1].split(",") if extras else ():
            assert extra in project["project"]["optional-dependencies"], extra


_CHECKS = {
    "nrf91-bench": _check_bench,
    "pytest": _check_pytest,
    "python": _check_python,
    "python3": _check_python,
    "tox": _check_tox,
    "pip": _check_pip,
}


def options_of_all_commands() -> set[str]:
    """Every option of nrf91-bench, of the bench's plugins and of its benchmarks."""

    def walk(group: Any) -> Iterator[str]:  # noqa: ANN401 - typer keeps its click to itself
        for name in group.list_commands(program):
            command = group.get_command(program, name)
            for parameter in command.params:
                yield from (*parameter.opts, *parameter.secondary_opts)
            if hasattr(command, "list_commands"):
                yield from walk(command)

    main: Any = get_command(app)
    program = main.make_context("nrf91-bench", [], resilient_parsing=True)
    of_benchmarks = re.findall(r"--[a-z][a-z-]*", benchmarks.parser().format_help())
    return {*walk(main), *pytest_options(), *of_benchmarks, "--help", "--version"}


def refused(words: list[str]) -> str:
    """Why the bench refuses a command; empty when it does not."""
    try:
        check_command(words)
    except (AssertionError, UsageError, pytest.UsageError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - click's own, which typer keeps to itself
        return f"{type(error).__name__}: {error}"
    return ""
