"""What is done to a run while it goes on: its evidence, its console, its terminal, its simulator, its processes."""

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from tests.support.lab import COMMAND, Lab, processes_of, words_of
from tests.support.programs import simulator

LONG = """
import time

import pytest

@pytest.mark.parametrize("number", range(60))
def test_talks(modem, number):
    time.sleep(0.1)
    assert modem.link.command("AT").ok
"""
SHORT = "def test_one(modem):\n    pass\n\n\ndef test_two(modem):\n    pass\n"


def begin(lab: Lab, suite: str = LONG) -> "subprocess.Popen[str]":
    run = lab.start(suite)
    lab.until("finish", "test_talks[2]")
    return run


def exchange(folder: Path) -> None:
    copy = folder / "copy"
    copy.write_bytes((folder / "results.jsonl").read_bytes() * 2)
    copy.replace(folder / "results.jsonl")


def forge(folder: Path) -> None:
    with (folder / "results.jsonl").open("r+b") as file:
        forged = file.read().replace(b'"passed"', b'"failed"')
        file.seek(0)
        file.write(forged)


def remove(folder: Path) -> None:
    """In one step, as an unmounted disk goes."""
    gone = folder.with_name("gone")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


class TestEvidence:
    @pytest.mark.parametrize(
        ("harm", "told"),
        [
            (lambda folder: (folder / "results.jsonl").unlink(), "results.jsonl"),
            (lambda folder: os.truncate(folder / "results.jsonl", 0), "was cut short"),
            (exchange, "was replaced by another file"),
            (forge, "was changed by somebody else"),
            (remove, "results.jsonl"),
        ],
        ids=["deleted", "emptied", "replaced", "changed", "the whole folder"],
    )
    def test_that_is_lost_ends_the_run_with_4(self, lab: Lab, harm: Callable[[Path], object], told: str) -> None:
        run = begin(lab)
        harm(lab.out)
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 4, output
        assert "Traceback" not in output
        assert "SIMULATED" in output
        assert told in output
        verdict = output[output.index("verdict ") :]
        assert "PASSED" not in verdict
        for path in [word for word in verdict.split() if word.endswith("verdict.html")]:
            assert (lab.folder / path).exists() or "is not there" in verdict
        assert not (lab.folder / "reports" / "history.sqlite").exists() or "history   not added" in output


class TestConsole:
    def run(self, lab: Lab, shell: str) -> dict[str, object]:
        """Runs a shell's command line, in which $RUN is the run; returns its summary."""
        words = " ".join(f"'{word}'" for word in lab.command(SHORT, ("--simulate", "1")))
        subprocess.run(
            ["bash", "-c", shell.replace("$RUN", words)], cwd=lab.folder, env=lab.environment, timeout=60, check=True
        )
        assert (lab.out / "verdict.html").exists()
        summary: dict[str, object] = json.loads((lab.out / "summary.json").read_text())
        return summary

    @pytest.mark.parametrize(
        "shell",
        [
            "{ $RUN; echo $? > rc; } | head -1",
            "$RUN > /dev/full; echo $? > rc",
            "$RUN > /dev/full 2>&1; echo $? > rc",
            "$RUN >&- 2>&-; echo $? > rc",
            "$RUN <&- >&- ; echo $? > rc",
            "{ $RUN; echo $? > rc; } | true",
        ],
    )
    def test_that_nobody_takes(self, lab: Lab, shell: str) -> None:
        assert self.run(lab, shell)["verdict"] == "PASSED"
        assert (lab.folder / "rc").read_text() == "0\n"

    def test_that_nobody_reads(self, lab: Lab) -> None:
        """A pipe that is full from the beginning, as of a pager that was put aside."""
        reader, writer = os.pipe()
        try:
            os.set_blocking(writer, False)
            while True:
                try:
                    os.write(writer, b"x" * 4096)
                except BlockingIOError:
                    break
            os.set_blocking(writer, True)
            done = subprocess.run(
                lab.command(SHORT, ("--simulate", "1")),
                cwd=lab.folder, env=lab.environment, stdout=writer, stderr=writer, timeout=60, check=False,
            )  # fmt: skip
        finally:
            os.close(reader)
            os.close(writer)
        assert done.returncode == 0
        assert (lab.out / "verdict.html").exists()

    @pytest.mark.parametrize("arguments", [("history", "list"), ("--help",), ("matrix",), ("boards", "--json")])
    def test_of_other_commands(self, lab: Lab, arguments: Sequence[str]) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*COMMAND, *arguments], cwd=lab.folder, env=lab.environment, stdout=full, stderr=subprocess.PIPE,
                text=True, timeout=60, check=False,
            )  # fmt: skip
        assert done.returncode in (0, 2)
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


class TestTerminal:
    def test_that_hangs_up_ends_the_run_in_order(self, lab: Lab) -> None:
        child, master = pty.fork()
        if child == 0:
            os.chdir(lab.folder)
            command = lab.command(LONG, ("--simulate", "1"))
            os.execvpe(command[0], command, lab.environment)
        lab.until("finish", "test_talks[2]")
        os.close(master)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 5
        summary = json.loads((lab.out / "summary.json").read_text())
        assert summary["verdict"] == "INCOMPLETE"
        assert "the run was interrupted" in summary["reason"]
        assert (lab.out / "verdict.html").exists()

    def test_a_run_that_is_to_outlive_its_terminal_does(self, lab: Lab) -> None:
        run = subprocess.Popen(
            ["nohup", *lab.command(LONG.replace("range(60)", "range(10)"), ("--simulate", "1"))],
            cwd=lab.folder, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        lab.until("finish", "test_talks[2]")
        run.send_signal(signal.SIGHUP)
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 0, output


class TestSimulator:
    def test_of_the_run_that_dies_is_told_and_ends_it(self, lab: Lab) -> None:
        run = begin(lab)
        (own,) = [child for child in psutil.Process(run.pid).children() if "simulate" in words_of(child)]
        own.kill()
        output, _ = run.communicate(timeout=20)
        assert run.returncode in (3, 5), output
        assert "the simulator of simulated-1 has ended" in output
        assert "a pseudo-terminal never comes back" in output

    @pytest.mark.parametrize("linked", [False, True])
    def test_of_somebody_else_that_dies_as_well(self, lab: Lab, linked: bool) -> None:
        link = lab.folder / "dk"
        with simulator(*(("--link", str(link)) if linked else ())) as boards:
            port = str(link) if linked else boards[0]["port"]
            run = subprocess.Popen(
                lab.command(LONG, ("--port", port)),
                cwd=lab.folder, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            lab.until("finish", "test_talks[2]")
        output, _ = run.communicate(timeout=20)
        assert run.returncode in (3, 5), output
        assert "the simulator of board-1 has ended" in output


class TestKill:
    def test_leaves_nothing_after_two_seconds(self, lab: Lab) -> None:
        """No process, no folder. How soon is shown by a benchmark: a loaded machine takes its time."""
        temporary = lab.folder / "tmp"
        temporary.mkdir()
        environment = {**lab.environment, "TMPDIR": str(temporary)}
        suite = LONG.replace("(modem, number)", "(modem, tcp_echo, number)")
        run = subprocess.Popen(
            lab.command(suite, ("--simulate", "2")),
            cwd=lab.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        lab.until("finish", "test_talks[2]")
        family = psutil.Process(run.pid).children(recursive=True)
        assert len(family) >= 5, "simulator, two boards, their peers"
        run.kill()
        run.wait()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []
        assert list(temporary.iterdir()) == []
        assert processes_of(lab.out) == []

    def test_of_each_process_of_a_run_is_never_green(self, lab: Lab) -> None:
        run = begin(lab, LONG.replace("(modem, number)", "(modem, tcp_echo, number)"))
        (worker,) = [child for child in psutil.Process(run.pid).children(recursive=True) if "pytest" in words_of(child)]
        worker.kill()
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 5, output
        assert "the process of simulated-1 was ended by SIGKILL" in output

    def test_of_the_fork_server_blames_no_board(self, lab: Lab) -> None:
        run = begin(lab, LONG)
        (server,) = [child for child in psutil.Process(run.pid).children() if "bench.fork_server" in words_of(child)]
        server.kill()
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 5, output
        assert "how the process of simulated-1 ended is not known" in output
        assert "SIGKILL" not in output


def test_a_forked_process_that_goes_on_is_ended_and_told(lab: Lab) -> None:
    suite = """
import os

def test_forks(modem):
    child = os.fork()
    if child == 0:
        assert modem is None, "what the child found"
    os.waitpid(child, 0)

def test_next(modem):
    assert modem.link.command("AT").ok
"""
    run = lab.run(suite)
    assert run.code == 1, run.output
    assert "what the child found" in run.output
    assert "test_lab.py::test_forks forked a process that went on with the test run; it was ended" in run.output
    assert [row["test"] for row in run.rows if row["type"] == "start"].count("test_lab.py::test_next") == 1


def test_a_mistake_of_the_bench_keeps_its_evidence(lab: Lab) -> None:
    """A run whose own code fails: its own exit code, one line, the details in a file, what was measured still there."""
    (lab.folder / "sitecustomize.py").write_text(
        """
import sys

if any(word.endswith("bench/cli/__main__.py") or word == "-m" for word in sys.orig_argv) and "run" in sys.orig_argv:
    from bench.run import ending

    def fail(self, workers):
        raise KeyError("a mistake of ours")

    ending.Ending._look_back = lambda self: fail(self, ())
"""
    )
    (lab.folder / "test_lab.py").write_text(SHORT)
    done = subprocess.run(
        lab.command(SHORT, ("--simulate", "1")),
        cwd=lab.folder, env={**lab.environment, "PYTHONPATH": str(lab.folder)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 70, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "internal error of the bench: KeyError: 'a mistake of ours'; it says nothing about any board" in line
    details = Path(line.rpartition("details in ")[2])
    assert "a mistake of ours" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0
    report = subprocess.run([*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False)
    assert report.returncode == 70
    assert "2 of 2 passed" in report.stdout


@pytest.mark.parametrize(("name", "value"), [("PYTHONOPTIMIZE", "2"), ("PYTEST_ADDOPTS", "--assert=plain")])
def test_no_variable_takes_asserts_away(lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    run = lab.run("def test_a(modem):\n    came = 1\n    assert came == 2\n")
    assert run.code == 1, run.output
    assert "assert 1 == 2" in run.output


def test_folders_of_others_beside_the_runs_are_no_reason(lab: Lab) -> None:
    """For a user who may not look into them; root may."""
    runs = lab.folder / "reports" / "runs"
    closed = runs / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0)
    try:
        command = [*COMMAND, "run", "--simulate", "1", "--suite", "test_lab.py"]
        (lab.folder / "test_lab.py").write_text(SHORT)
        for arguments in (command, [*COMMAND, "prune", "--dry-run"]):
            done = subprocess.run(
                arguments, cwd=lab.folder, env=lab.environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
        unreadable = subprocess.run(
            [*COMMAND, "report", str(closed)], cwd=lab.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert unreadable.returncode == 2
    finally:
        closed.chmod(0o700)
