"""``run --list``, ``--test`` and ``--last-failed``: which tests there are, and which of them run."""

import subprocess

import pytest

from tests.support.inline import command_line
from tests.support.lab import Lab

SUITE = '''"""What this lab wants to know. And more."""
import pytest

@pytest.mark.parametrize("size", [10, 20])
def test_sizes(size, modem):
    """A size is small.

    Nobody reads this.
    """
    assert size < 15

class TestSocket:
    def test_by_name(self): pass

@pytest.mark.slow
def test_patience(): pass
'''


@pytest.fixture
def suite(lab: Lab) -> Lab:
    (lab.folder / "test_lab.py").write_text(SUITE)
    return lab


def asked(lab: Lab, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return command_line("run", *arguments, folder=lab.folder, environment=lab.environment)


def test_a_list_needs_no_board_and_leaves_nothing(suite: Lab) -> None:
    done = asked(suite, "--list", "--suite", "test_lab.py")
    assert done.returncode == 0, done.stderr
    head, *tests, total = done.stdout.splitlines()
    assert head.startswith("lab   4 tests")
    assert head.endswith("What this lab wants to know")
    assert [line.split()[0].partition("::")[2] for line in tests] == [
        "test_sizes[10]",
        "test_sizes[20]",
        "TestSocket::test_by_name",
        "test_patience",
    ]
    assert "A size is small" in tests[0]
    assert "Nobody" not in done.stdout
    assert "Socket: by name" in tests[2]
    assert "[slow]   only with -- --slow" in tests[3]
    assert total.startswith("3 tests, and 1 that run only on request")
    assert not (suite.folder / "reports").exists()


def test_the_benchs_own_suites_are_listed_by_name(suite: Lab) -> None:
    done = asked(suite, "--list", "--suite", "dns")
    assert done.stdout.startswith("dns   10 tests")
    assert "test_dns.py::test_an_unknown_family[-1]" in done.stdout


@pytest.mark.parametrize("name", ["test_lab.py::test_sizes", "test_lab.py::test_sizes[20]", "test_sizes[20]"])
def test_a_test_is_named_by_its_id_or_by_its_name(suite: Lab, name: str) -> None:
    done = asked(suite, "--list", "--suite", "test_lab.py", "--test", name)
    assert ("test_sizes[10]" in done.stdout) == (not name.endswith("[20]"))
    assert "test_sizes[20]" in done.stdout
    assert "by_name" not in done.stdout


def test_a_test_that_is_not_there_is_refused_with_the_like(suite: Lab) -> None:
    done = asked(suite, "--simulate", "1", "--suite", "test_lab.py", "--test", "test_by_nam")
    assert done.returncode == 2
    assert "did you mean 'test_by_name" in done.stderr
    assert not (suite.folder / "reports").exists()


def test_a_test_on_request_says_how_it_is_asked_for(suite: Lab) -> None:
    done = asked(suite, "--simulate", "1", "--suite", "test_lab.py", "--test", "test_patience")
    assert done.returncode == 2
    assert "add -- --slow" in done.stderr


def test_nothing_can_be_played_again_before_the_first_run(suite: Lab) -> None:
    done = asked(suite, "--simulate", "1", "--last-failed")
    assert done.returncode == 2
    assert "there is no run" in done.stderr


def test_a_plan_says_by_itself_which_tests_run(suite: Lab) -> None:
    (suite.folder / "plan.toml").write_text('name = "x"\nsuites = ["dns"]\n')
    done = asked(suite, "--simulate", "1", "--plan", "plan.toml", "--test", "test_sizes")
    assert done.returncode == 2
    assert "--test with --plan" in done.stderr


def test_what_failed_is_played_again_alone(suite: Lab) -> None:
    first = asked(suite, "--simulate", "1", "--suite", "test_lab.py", "--out", "reports/runs/first")
    assert first.returncode == 1
    again = asked(suite, "--simulate", "1", "--last-failed", "--out", "reports/runs/second")
    assert again.returncode == 1
    assert "0 of 1 passed" in again.stdout
    (suite.folder / "test_lab.py").write_text(SUITE.replace("15", "25"))
    mended = asked(suite, "--simulate", "1", "--last-failed", "--out", "reports/runs/third")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "1 of 1 passed" in mended.stdout
    nothing = asked(suite, "--simulate", "1", "--last-failed")
    assert nothing.returncode == 2
    assert "nothing went wrong in the last run" in nothing.stderr
