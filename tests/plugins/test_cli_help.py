"""``--help`` and mistakes on the command line: what a person reads who does not know the program yet."""

import re

import pytest

from bench.packages import bundled_suites
from tests.support.inline import command_line

COMMANDS = (
    "", "boards", "boards reserve", "boards console", "run", "report", "matrix", "prune", "compare", "history",
    "history list", "history show", "history changes", "history import", "recording", "recording make", "simulate",
    "peers", "doctor",
)  # fmt: skip


def help_of(command: str, columns: str = "200") -> str:
    done = command_line(*command.split(), "--help", environment={"COLUMNS": columns, "TERMINAL_WIDTH": columns})
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_has_a_type_of_python(command: str) -> None:
    shown = help_of(command)
    assert not re.search(r"--\S+.*<(bool|int|str|float|Path|list)", shown), shown
    assert ("--install-completion" in shown) is (command == "")


def test_help_of_run() -> None:
    shown = " ".join(re.sub("[│─╭╮╰╯]", " ", help_of("run")).split())
    assert f"Suites: {', '.join(bundled_suites())}." in shown
    assert "Exit codes: 0 every planned test ran and none failed; 1 a test failed; 2 wrong usage" in shown
    for panel in ("Boards", "Tests", "Time and rounds", "Lab and results"):
        assert f" {panel} " in shown
    assert "--out,--output-dir DIR" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("rnu", "no such command 'rnu'; did you mean 'run'?"),
        ("history lst", "Did you mean 'list'?"),
        ("run --siute x", "--suite"),
        ("run --simulate 1 --suite dsn", "unknown suite 'dsn'; did you mean 'dns'? available: accepted_connections,"),
        ("run --simulate 1 --firmware slm31", "unknown --firmware 'slm31'; did you mean 'slm-3.1'? available: slm-3.1"),
        ("simulate --model nrf9151", "unknown --model 'nrf9151'; did you mean 'nrf9151dk'"),
        ("boards reserve dk-9 --until 8h --reason soldering", "no board is dk-9; known boards: none"),
    ],
)
def test_did_you_mean(arguments: str, says: str) -> None:
    done = command_line(*arguments.split())
    assert done.returncode == 2
    assert says in " ".join(re.sub("[│─╭╮╰╯]", " ", done.stderr).split())
