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
            (
                ["--simulate", "1", "dns"],
                "unexpected argument 'dns': put arguments for",
            ),
            (
                ["--simulate", "1", "--firmware", "slm-9"],
                "unknown --firmware 'slm-9'; did you mean 'slm-2.9' or 'slm-3.1'? available: slm-3.1,",
            ),
            (["--simulate", "1", "--firmware", "page", "--firmware", "slm-3.1"], "add --simulate 2"),
            (
                ["--firmware", "serial-modem", "--firmware", "slm-3.1"],
                "--firmware is for simulated boards: add --simul",
            ),
            (["--simulate", "1", "--suite", ""], "unknown suite ''"),
            (["--simulate", "1", "--suite", "\0"], "unknown suite '\\x00'"),
            (["--simulate", "1", "--suite", "bench.toml"], "bench.toml is neither a Python file nor a folder"),
            (["--simulate", "1", "--until", "tomorrow"], "'tomorrow' is not a time: write 06:30"),
            (["--simulate", "1", "--until", ""], "'' is not a time: write 06:30"),
            (["--simulate", "1", "--until", "2020-01-01"], "has passed"),
            (["--simulate", "2", "--interleave", "dk-1"], "--interleave is given twice"),
            (
                ["--simulate", "2", "--interleave", "sml=3.1", "--interleave", "x"],
                "did you mean 'slm'? available: name",
            ),
            (
                ["--simulate", "2", "--interleave", "simulated-1", "--interleave", "dk-9"],
                "no board of this run is meant",
            ),
            (["--simulate", "1", "--plan", "none.toml"], "cannot read none.toml: No such file"),
            (["--simulate", "1", "--history", "."], "history: . is a folder"),
            (["--simulate", "1", "--out", "\udce9"], "its name is not UTF-8"),
            (["--simulate", "1", "--", "--fixtures"], "--fixtures runs no test"),
            (["--simulate", "1", "--", "-q", "--co"], "--co runs no test"),
            (["--simulate", "1", "--", "--bench-round=7"], "--bench-round=7: a run sets that itself"),
            (["--simulate", "1", "--", "-c", "x.ini"], "-c: a run sets that itself"),
            (["--simulate", "1", "--", "-p", "no:nrf91-bench-recorder"], "-p no:nrf91-bench-recorder: a run sets that"),
            (["--simulate", "1", "--suite", "dns", "--", "-m", "nosuch and ("], "pytest could not start"),
            (["--simulate", "1", "--suite", "dns", "--", "--nope"], "unrecognized arguments: --nope"),
        ],
    )
    def test_mistakes_end_with_2_and_a_cure(self, tmp_path: Path, arguments: list[str], says: str) -> None:
        (tmp_path / "bench.toml").touch()
        before = sorted(tmp_path.rglob("*"))
        finished = command_line("run", *arguments, folder=tmp_path)
        assert finished.returncode == 2
        assert says in finished.stderr
        left = [path for path in tmp_path.rglob("*") if path not in before and path.name not in ("reports", "runs")]
        assert left == [], "a command line that is wrong leaves nothing"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("known_issues.toml", '[[known_issues]]\ntest = "x"\n'),
            ("known_issues.toml", '[[issue]]\ntest = "x"\nreason = "y"\n'),
            ("bench.toml", '[notify]\ncommand = ["no-such-mailer"]\n'),
            ("bench.toml", "[limits]\nresets = 9" + "9" * 6000 + "\n"),
            ("bench.toml", '[[boards]]\nname = "dk-1"\nserial = "1"\npin = "file:none"\n'),
        ],
    )
    def test_files_of_the_lab_end_with_2_before_anything_runs(self, tmp_path: Path, name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        finished = command_line("run", "--simulate", "1", "--suite", "dns", folder=tmp_path)
        assert finished.returncode == 2
        assert f"{name} " in finished.stderr
        assert "line " in finished.stderr
        assert not list(tmp_path.rglob("*.jsonl"))

    def test_two_boards_of_one_serial_number(self, tmp_path: Path) -> None:
        entry = '[[boards]]\nname = "dk-{}"\nserial = "1051202135"\n'
        (tmp_path / "bench.toml").write_text(entry.format(1) + entry.format(2))
        finished = command_line("run", "--suite", "dns", folder=tmp_path)
        assert finished.returncode == 2
        assert "bench.toml gives two boards the serial number 1051202135" in finished.stderr

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
