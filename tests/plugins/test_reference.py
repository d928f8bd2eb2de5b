"""The reference of the manual says what everything means: no key, option, fixture or marker is without a word."""

import re
from collections.abc import Callable

import pytest

from _reference import commands, files, library, scenarios
from bench.config.lab import Config
from bench.config.plan import Plan
from bench.exit_code import ExitCode
from bench.packages import bundled_suites

PAGES = (
    *(files.bench_toml, files.plan, files.known_issues, commands.commands, commands.pytest_options),
    *(commands.exit_codes, scenarios.suites, scenarios.fixtures, scenarios.markers, scenarios.features),
    *(scenarios.profiles, library.python_api),
)


def rows_of(text: str) -> list[list[str]]:
    """The rows of the tables of a page, without heads."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    heads = {number - 1 for number, line in enumerate(rows) if line.startswith("| --- ")}
    plain = [line for number, line in enumerate(rows) if number not in heads and not line.startswith("| --- ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in plain]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_everything_has_a_meaning(page: Callable[[], str]) -> None:
    text = page()
    rows = rows_of(text)
    assert rows
    assert [row[0] for row in rows if not row[1]] == []
    assert text.startswith("# ")


def test_every_section_of_the_files_is_there() -> None:
    told, planned = files.bench_toml(), files.plan()
    for name in Config.model_fields:
        assert any(mark in told for mark in (f"## [{name}]", f"## [[{name}]]", f"| `{name}` |")), name
    for name in Plan.model_fields:
        assert any(mark in planned for mark in (f"## [{name}]", f"## [[{name}]]", f"| `{name}` |")), name


def test_values_are_told_in_words_of_toml() -> None:
    told = {row[0]: row[2:] for row in rows_of(files.bench_toml())}
    assert told["`history`"] == ["path", '`"reports/history.sqlite"`']
    assert told["`survey_ports`"] == ["list: whole number, 1 to 65,535", "none"]
    assert told["`confidence`"] == ["number, 0.5 or more, less than 1", "`0.997`"]
    assert told["`type`"] == ['`"IP"` or `"IPV6"` or `"IPV4V6"`', '`"IPV4V6"`']
    assert told["`vendor`"] == ["text: four hexadecimal digits, such as 1366", "required"]
    assert told["`bind`"] == ["IPv4 address", '`"127.0.0.1"`']


def test_every_command_and_code_is_there() -> None:
    told = commands.commands()
    assert {"## nrf91-bench run\n", "## nrf91-bench boards reserve\n", "## nrf91-bench history page\n"} <= {
        f"{line}\n" for line in told.splitlines()
    }
    assert "| `--suite NAME` ... |" in told
    assert [row[0] for row in rows_of(commands.exit_codes())] == [str(int(code)) for code in ExitCode]
    assert "from the worst: 70, 2, 4, 1, 6, 3, 5, 0." in commands.exit_codes()


def test_every_suite_is_there() -> None:
    assert [row[0].strip("`") for row in rows_of(scenarios.suites())] == sorted(bundled_suites())
