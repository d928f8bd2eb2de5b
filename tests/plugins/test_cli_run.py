"""``nrf91-bench run`` from its command line to its exit code, on simulated boards and on a device that is none."""

from importlib import import_module
from pathlib import Path

import pytest

from bench.cli import main
from bench.exit_code import ExitCode
from tests.support.inline import command_line
from tests.support.lab import Lab


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "--simulate 1"),
            (["--simulate", "many"], "never, auto, or a number"),
            (["--port", "/dev/ttyNOSUCH"], "there is no port /dev/ttyNOSUCH"),
            (["--port", "tcp://127.0.0.1"], "write tcp://HOST:PORT"),
            (["--board", "dk-9"], "no board is dk-9"),
            (["--simulate", "1", "--suite", "smtp"], "unknown suite 'smtp'; available:"),
            (["--simulate", "1", "--config", "/none.toml"], "cannot read /none.toml"),
            (["--simulate", "1", "--out", "/proc/nowhere"], "cannot make the run's folder"),
        ],
    )
    def test_mistakes_end_with_2_and_a_cure(self, tmp_path: Path, arguments: list[str], says: str) -> None:
        finished = command_line("run", *arguments, folder=tmp_path)
        assert finished.returncode == 2
        assert says in finished.stderr

    def test_a_mistake_of_the_bench_is_called_one(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It must not end in 1, which speaks of the device."""
        monkeypatch.setattr("sys.argv", ["nrf91-bench", "report", "."])
        monkeypatch.setattr(import_module("bench.cli.report"), "report", lambda folder: folder.no_such_name)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == ExitCode.INTERNAL
        assert "internal error of the bench: AttributeError" in capsys.readouterr().err

    def test_a_folder_is_used_once(self, lab: Lab) -> None:
        lab.out.mkdir()
        (lab.out / "old").touch()
        finished = command_line("run", "--simulate", "1", "--out", str(lab.out))
        assert finished.returncode == 2
        assert "fresh folder" in finished.stderr

    def test_report_of_what_is_no_run(self, tmp_path: Path) -> None:
        finished = command_line("report", str(tmp_path))
        assert finished.returncode == 2
        assert "is not the folder of a run" in finished.stderr


def test_a_run_says_which_limit_of_the_lab_meant_nothing(lab: Lab) -> None:
    """The command line in this process, and the run's own beside it."""
    limit = '[[measurements]]\nname = "AT, *"\nstatistic = "p50"\nat_most = 10\nunit = "kB"\n'
    (lab.folder / "bench.toml").write_text(limit)
    (lab.folder / "test_lab.py").write_text("def test_a(modem, measure):\n    measure('AT, plain', 5, unit='ns')\n")
    what = ("--simulate", "1", "--suite", "test_lab.py", "--out", "out")
    finished = command_line("run", *what, folder=lab.folder, environment=lab.environment)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "verdict   PASSED   SIMULATED" in finished.stdout
    assert "no measurement of this run matches [[measurements]] 'AT, *' (p50, kB)" in finished.stdout
