"""Asserts always count, and say what they found: in tests, in a suite's helpers, whatever stands beside them."""

import os
import subprocess
import sys

import pytest

from tests.support.lab import Lab

HELPER = """
def check(answer):
    assert answer == "expected by the helper"
"""


class TestHelpers:
    @pytest.mark.parametrize(
        ("files", "suite"),
        [
            ({"checks.py": HELPER}, "from checks import check"),
            ({"deep/__init__.py": "", "deep/checks.py": HELPER}, "from deep.checks import check"),
            ({"loose/checks.py": HELPER}, "from loose.checks import check"),
            ({"conftest.py": "from checks import check as _", "checks.py": HELPER}, "from checks import check"),
        ],
        ids=["a module", "a package", "a folder", "a module that a conftest imports"],
    )
    def test_say_what_they_found(
        self, lab: Lab, files: dict[str, str], suite: str, request: pytest.FixtureRequest
    ) -> None:
        for name, text in files.items():
            (lab.folder / name).parent.mkdir(exist_ok=True)
            (lab.folder / name).write_text(text)
        run = lab.run(f"{suite}\n\ndef test_a(modem):\n    check('came')\n")
        assert run.code == 1, run.output
        assert "'came' == 'expected by the helper'" in run.output


class TestNever:
    @pytest.mark.parametrize(
        ("option", "told"),
        [
            (("--assert=plain",), "leave out --assert=plain"),
            (("-p", "no:assertion"), "leave out --assert=plain and -p no:assertion"),
        ],
    )
    def test_plain(self, lab: Lab, option: tuple[str, ...], told: str) -> None:
        run = lab.run("def test_a(modem):\n    assert False\n", ("--simulate", "1", "--", *option))
        assert run.code == 2
        assert told in run.output

    def test_by_an_option_of_an_own_suite(self, lab: Lab) -> None:
        (lab.folder / "pytest.ini").write_text("[pytest]\naddopts = --assert=plain\n")
        run = lab.run("def test_a(modem):\n    assert False\n")
        assert run.code == 2

    def test_switched_off(self, lab: Lab) -> None:
        """By hand: a run never starts such a process."""
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    assert False\n")
        command = [sys.executable, "-O", "-m", "pytest", "-p", "nrf91_bench_fixtures", "--simulate", "test_lab.py"]
        done = subprocess.run(
            command, cwd=lab.folder, env=lab.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 4
        assert "asserts are switched off (python -O, or PYTHONOPTIMIZE)" in done.stderr

    def test_two_processes_on_one_board(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        command = [sys.executable, "-m", "pytest", "-p", "nrf91_bench_fixtures", "--simulate", "-n", "2", "test_lab.py"]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            command, cwd=lab.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 4
        assert "one process tests one board: leave out -n" in done.stderr


class TestWarnings:
    PLUGIN = """
import warnings

def pytest_configure(config):
    warnings.warn("an option of mine is deprecated", DeprecationWarning)

def pytest_runtest_setup(item):
    warnings.warn("at each test", UserWarning)
"""

    def test_of_other_plugins_are_theirs(self, lab: Lab) -> None:
        """In a process of its own: this one makes errors of all warnings."""
        (lab.folder / "conftest.py").write_text(self.PLUGIN)
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        command = [sys.executable, "-m", "pytest", "-p", "nrf91_bench_fixtures", "--simulate", "test_lab.py"]
        done = subprocess.run(
            command, cwd=lab.folder, env=lab.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout

    def test_of_the_bench_are_errors(self, lab: Lab) -> None:
        suite = """
import types
import warnings

def test_a(modem):
    code = compile("import warnings; warnings.warn('ours', UserWarning)", "x", "exec")
    exec(code, {"__name__": "bench.at.link"})
"""
        run = lab.run(suite)
        assert run.code == 6, run.output
        assert "UserWarning: ours" in run.output


HIDING = {
    "a wrapper that catches": """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except BaseException:
        return None
""",
    "a wrapper of the function": """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        return (yield)
    except BaseException:
        return True
""",
    "an exception taken away": """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    return (yield)
""",
    "a report of its own": """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    return pytest.TestReport.from_item_and_call(item, call)
""",
    "a skip in its place": """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    if call.when == "call":
        try:
            pytest.skip("no IPv6")
        except BaseException:
            call.excinfo = pytest.ExceptionInfo.from_current()
    return (yield)
""",
    "an expected failure that nobody expects": """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        report.outcome, report.wasxfail = "skipped", "x"
    return report
""",
}
"""Hooks of a suite, or of another plugin, that make something else of a failure."""


class TestFailures:
    """A failure that is not reported as one."""

    @pytest.mark.parametrize("failure", ["assert 1 == 2, 'must fail'", "pytest.fail('must fail')"])
    @pytest.mark.parametrize("hook", HIDING.values(), ids=HIDING.keys())
    def test_no_hook_hides_it(self, lab: Lab, hook: str, failure: str) -> None:
        (lab.folder / "conftest.py").write_text(f"import pytest\n{hook}")
        good = "import pytest\n\ndef test_good(modem):\n    pass\n\n"
        run = lab.run(f"{good}def test_a(modem):\n    {failure}\n")
        assert run.code == 1, run.output
        assert run.summary["failed"] == 1
        assert "must fail" in run.output

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("    import threading\n    t = threading.Thread(target=fail)\n    t.start()\n    t.join()\n", 1),
            ("    return False\n", 6),
        ],
        ids=["in a thread", "as what it returns"],
    )
    def test_what_pytest_only_warns_of(self, lab: Lab, body: str, code: int) -> None:
        suite = f"def fail():\n    assert 1 == 2, 'must fail'\n\ndef test_a(modem):\n{body}"
        run = lab.run(suite)
        assert run.code == code, run.output

    def test_a_coroutine_of_unittest(self, lab: Lab) -> None:
        suite = """
import unittest

import pytest

@pytest.mark.usefixtures("board")
class TestA(unittest.TestCase):
    async def test_a(self):
        assert False
"""
        assert lab.run(suite).code in (1, 6)

    def test_an_exception_that_cannot_say_what_it_is(self, lab: Lab) -> None:
        suite = """
class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def test_a(modem):
    raise Odd

def test_b(modem):
    pass
"""
        run = lab.run(suite)
        assert (run.code, run.summary["passed"], run.summary["died"]) == (6, 1, 0)
        assert "its text cannot be made: RuntimeError" in run.output
