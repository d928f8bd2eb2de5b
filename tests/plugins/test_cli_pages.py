"""``nrf91-bench report``, ``matrix`` and ``compare``: what is made of runs that are over."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.cli.console import RunConsole
from bench.evidence import RowReader
from bench.history import MeasurementRecord, Store
from tests.support.inline import command_line
from tests.support.records import night_record
from tests.support.run_folders import run_of


def row(kind: str, **fields: object) -> str:
    return json.dumps({"schema": 1, "run": "r", "type": kind, "slot": "dk-1", "t_ns": 1, "utc": "", **fields})


class TestReport:
    @pytest.mark.parametrize(
        ("outcomes", "ended", "code", "words"),
        [
            (("passed", "passed"), True, 0, "PASSED"),
            (("passed", "failed"), True, 1, "why 1"),
            (("passed", "lab_error"), True, 3, "why 1"),
            (("passed", "passed"), False, 5, "the run did not come to its end"),
            (("skipped",), True, 5, "INCOMPLETE"),
        ],
    )
    def test_it_exits_as_the_run_would_have(
        self, tmp_path: Path, outcomes: tuple[str, ...], ended: bool, code: int, words: str
    ) -> None:
        folder = run_of(tmp_path / "run", *outcomes, ended=ended)
        finished = command_line("report", str(folder))
        assert (finished.returncode, words in finished.stdout) == (code, True), finished.stdout
        assert json.loads((folder / "summary.json").read_text())["exit_code"] == code
        assert all((folder / page).is_file() for page in ("verdict.html", "matrix.md", "junit.xml"))

    def test_results_that_are_missing_in_allure(self, tmp_path: Path) -> None:
        folder = run_of(tmp_path / "run", "passed", "passed")
        (folder / "allure-results" / "0-result.json").unlink()
        finished = command_line("report", str(folder))
        assert finished.returncode == 4
        assert "Allure holds 1 results of 2 planned tests" in finished.stdout

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        folder = run_of(tmp_path / "run", "passed")
        (folder / "verdict.html").mkdir()
        finished = command_line("report", str(folder))
        assert finished.returncode == 3
        assert "cannot write the report" in finished.stderr

    def test_what_is_no_run(self, tmp_path: Path) -> None:
        finished = command_line("report", str(tmp_path))
        assert (finished.returncode, "results.jsonl" in finished.stderr) == (2, True)


class TestMatrix:
    @staticmethod
    def row(page: str) -> str:
        (line,) = (line for line in page.splitlines() if line.startswith("| XSOCKET.read |"))
        return line

    def test_the_later_run_wins(self, tmp_path: Path) -> None:
        first = run_of(tmp_path / "first", "passed")
        later = run_of(tmp_path / "later", "failed")
        finished = command_line("matrix", str(first), str(later))
        assert finished.returncode == 1, "most statements have no scenario in these"
        assert self.row(finished.stdout).endswith("| 1 failed |")
        assert self.row(command_line("matrix", str(first)).stdout).endswith("| 1 passed |")
        assert "no scenario: " in finished.stderr
        assert "no scenario: XSOCKET.read" not in finished.stderr.splitlines()

    def test_what_is_no_run(self, tmp_path: Path) -> None:
        finished = command_line("matrix", str(tmp_path))
        assert (finished.returncode, "is not the folder of a run" in finished.stderr) == (2, True)


class TestCompare:
    @pytest.fixture
    def history(self, tmp_path: Path) -> str:
        """Ten nights on one firmware, three each on one that is slower, as fast, and faster; one on a fifth.

        Three control boards ran beside them; the network became 30 % slower with the second firmware.
        """
        path = tmp_path / "history.sqlite"
        with Store(path) as store:
            for number in range(1, 11):
                store.add(night_record(number, "mfw_1", 1e6, controls=3))
            for first, firmware, level in ((11, "mfw_2", 1.2e6), (14, "mfw_3", 1e6), (17, "mfw_4", 0.8e6)):
                for number in range(first, first + 3):
                    store.add(night_record(number, firmware, level, controls=3, network=1.3))
            store.add(night_record(24, "mfw_5", 1e6, controls=3))
        return str(path)

    @pytest.fixture
    def alone(self, tmp_path: Path) -> str:
        """The same without control boards."""
        path = tmp_path / "alone.sqlite"
        with Store(path) as store:
            for number in range(1, 11):
                store.add(night_record(number, "mfw_1", 1e6))
            for number in range(11, 14):
                store.add(night_record(number, "mfw_2", 1e6, network=1.3))
        return str(path)

    @pytest.mark.parametrize(
        ("candidate", "code", "verdict"),
        [("mfw_2", 1, "REGRESSION"), ("mfw_3", 0, "NO REGRESSION"), ("mfw_4", 0, "NO REGRESSION")],
    )
    def test_two_firmwares(self, history: str, candidate: str, code: int, verdict: str) -> None:
        finished = command_line("compare", "modem=mfw_1", f"modem={candidate}", "--history", history)
        assert finished.returncode == code, finished.stdout + finished.stderr
        assert finished.stdout.startswith(f"verdict   {verdict}   ")
        words = " ".join(finished.stdout.split())
        assert (
            "8 stretches of 3 nights of the baseline were compared with its other nights, and 0 called changed" in words
        )
        assert "beside control boards whose firmware stayed the same" in words
        assert "candidate: " in words
        assert "all on nrf9151dk LTE-M 24201" in words
        assert "(network +30." in words
        asked = ("compare", "modem=mfw_1", f"modem={candidate}", "--history", history, "--json")
        told = json.loads(command_line(*asked).stdout)
        assert (told["verdict"], len(told["measurements"]), told["evidence"]) == (verdict, 1, "controlled")

    def test_nights_alone_say_that_something_changed_and_what_would_settle_it(self, alone: str) -> None:
        finished = command_line("compare", "modem=mfw_1", "modem=mfw_2", "--history", alone)
        assert finished.returncode == 5
        assert finished.stdout.startswith(
            "verdict   CHANGED SINCE 2026-11-11   0 regressions, 1 changed (1 worse, 0 better)"
        )
        assert "changed, worse" in finished.stdout
        (command,) = (line.strip() for line in finished.stdout.splitlines() if "--interleave" in line)
        assert command == (
            "nrf91-bench run --board dk-1 --board dk-2 --board dk-3 --board dk-4 --interleave firmware=mfw_1"
            " --interleave firmware=mfw_2 --suite t"
        )

    def test_one_night_is_a_hint_at_most(self, history: str) -> None:
        finished = command_line("compare", "modem=mfw_1", "modem=mfw_5", "--history", history)
        assert (finished.returncode, "NOT ENOUGH EVIDENCE" in finished.stdout) == (5, True), finished.stdout
        assert "unproved  1 x the candidate has 1 night, which is a hint at most; it takes 3" in finished.stdout
        assert "This says neither yes nor no." in finished.stdout

    def test_groups_in_turn(self, tmp_path: Path) -> None:
        history = tmp_path / "history.sqlite"
        groups = [
            {"dk-1": "mfw_2", "dk-2": "mfw_2", "dk-3": "mfw_1", "dk-4": "mfw_1"},
            {"dk-1": "mfw_1", "dk-2": "mfw_1", "dk-3": "mfw_2", "dk-4": "mfw_2"},
        ]
        with Store(history) as store:
            for number in range(1, 7):
                store.add(night_record(number, "mfw_2", 1.1e6, boards=groups[number % 2], rounds=5))
        finished = command_line("compare", "modem=mfw_1", "modem=mfw_2", "--history", str(history))
        assert finished.returncode == 1, finished.stdout
        assert "interleaved: both firmwares ran in turn in the same nights" in finished.stdout
        assert "30 rounds of 4 boards in 6 nights" not in finished.stdout, "the page says that"

    def test_a_board_that_was_named_by_its_port_is_known_by_its_own_answers(self, tmp_path: Path) -> None:
        history = tmp_path / "history.sqlite"
        with Store(history) as store:
            for number in range(1, 11):
                store.add(night_record(number, "mfw_1", 1e6, controls=3))
            for number in range(11, 14):
                store.add(night_record(number, "mfw_2", 1.2e6, controls=3, model="unknown"))
        finished = command_line("compare", "modem=mfw_1", "modem=mfw_2", "--history", str(history))
        assert finished.returncode == 1, finished.stdout

    def test_the_page(self, alone: str, tmp_path: Path) -> None:
        page = tmp_path / "compare.html"
        asked = ("compare", "modem=mfw_1", "modem=mfw_2", "--history", alone, "--html", str(page))
        assert f"page      {page}" in command_line(*asked).stdout
        text = page.read_text()
        assert "CHANGED SINCE 2026-11-11" in text
        assert "10 and 3 nights of 4 boards, 1 cell" in text
        assert "the mean of the middle 80 %" in text
        assert "baseline: mfw_1, SLM 3.1.0, 10 nights (2026-11-01 to 2026-11-10), dk-1, dk-2, dk-3, dk-4" in text
        assert "swap the halves after each night" in text
        assert "SIMULATED" not in text
        assert "<script" not in text
        refused = command_line(*asked[:-1], str(tmp_path / "no" / "such.html"))
        assert (refused.returncode, "--html: cannot write" in refused.stderr) == (2, True)

    def test_every_measurement_on_request(self, history: str) -> None:
        with Store(history) as store:
            extra = tuple(
                MeasurementRecord("test_t.py::t", f"dk-{1 + n % 4}", 1, 0, f"m{n}", "ns", 7, 9, {"typical": 1e6}, "ok")
                for n in range(30)
            )
            for number, firmware in ((25, "mfw_1"), (26, "mfw_2")):
                record = night_record(number, firmware, 1e6)
                store.add(replace(record, measurements=extra))
        asked = ("compare", "modem=mfw_1", "modem=mfw_2", "--history", history)
        short, full = command_line(*asked).stdout, command_line(*asked, "--all").stdout
        assert "and 20 more without a proved difference (--all shows them)" in short
        assert all(f"m{number} " in full for number in range(30))
        assert "unproved  30 x " in short

    @pytest.mark.parametrize(
        ("choice", "words"),
        [
            ("2026-11-01..2026-11-30", "holds 5 firmwares"),
            ("modem=mfw_9", "has no measurement of 'modem=mfw_9'"),
            ("modem=mfw_golden", "has no measurement of 'modem=mfw_golden'"),
            ("colour=red", "colour=red: unknown kind 'colour'; available: name"),
        ],
    )
    def test_a_choice_that_is_none(self, history: str, choice: str, words: str) -> None:
        finished = command_line("compare", "modem=mfw_1", choice, "--history", history)
        assert (finished.returncode, words in finished.stderr) == (2, True), finished.stderr

    def test_no_history(self, tmp_path: Path) -> None:
        finished = command_line("compare", "mfw_1", "mfw_2", "--history", str(tmp_path / "none.sqlite"))
        assert (finished.returncode, "there is no history" in finished.stderr) == (2, True)

    def test_a_folder_stands_for_its_run(self, history: str, tmp_path: Path) -> None:
        folder = run_of(tmp_path / "run", "passed")
        finished = command_line("compare", "modem=mfw_1", str(folder), "--history", history)
        assert finished.returncode == 5, "it has measured nothing"


class TestChanges:
    @pytest.fixture
    def history(self, tmp_path: Path) -> str:
        path = tmp_path / "history.sqlite"
        with Store(path) as store:
            for number in range(1, 15):
                store.add(night_record(number, "mfw_1" if number < 8 else "mfw_2", 1e6 if number < 8 else 1.1e6))
        return str(path)

    def test_since_when_and_what_changed_with_it(self, history: str) -> None:
        finished = command_line("history", "changes", "--history", history)
        assert finished.returncode == 0
        first, last = finished.stdout.splitlines()
        assert first.startswith("2026-11-08   +1")
        assert first.endswith("with it: firmware mfw_1, SLM 3.1.0 to mfw_2, SLM 3.1.0")
        assert last == "a change was found in 1 of 1 measurement, in 14 nights"

    def test_few_nights(self, history: str) -> None:
        finished = command_line("history", "changes", "2026-11-01..2026-11-05", "--history", history)
        assert "a change was found in 0 of 0 measurements, in 5 nights" in finished.stdout
        assert "1 measurement more with too few nights: it takes 12 that share boards" in finished.stdout


class TestHistory:
    def test_import_list_and_merge(self, tmp_path: Path) -> None:
        folder, own, other = run_of(tmp_path / "run", "passed"), tmp_path / "own.sqlite", tmp_path / "other.sqlite"
        added = command_line("history", "import", str(folder), "--history", str(own)).stdout
        assert "added   1 results, 0 measurements" in added
        assert "was there" in command_line("history", "import", str(folder), "--history", str(own)).stdout
        with Store(other) as store:
            store.add(night_record(1, "mfw_1", 1e6))
        assert "1 run added" in command_line("history", "merge", str(other), "--history", str(own)).stdout
        assert "0 runs added" in command_line("history", "merge", str(other), "--history", str(own)).stdout
        listed = command_line("history", "list", "--history", str(own)).stdout
        assert "4 of 4 passed  run-1" in listed
        assert "dk-1, dk-2, dk-3, dk-4: mfw_1, SLM 3.1.0" in listed
        assert len(listed.splitlines()) == 3
        shown = command_line("history", "show", "nothing", "--history", str(own))
        assert (shown.returncode, "no measurement called 'nothing'. It has:\n    echo" in shown.stderr) == (2, True)

    def test_mistakes(self, tmp_path: Path) -> None:
        none = str(tmp_path / "none.sqlite")
        for arguments, words in (
            (("list", "--history", none), "there is no history"),
            (("show", "echo", "--history", none), "there is no history"),
            (("import", str(tmp_path), "--history", none), "is not the folder of a run"),
        ):
            finished = command_line("history", *arguments)
            assert (finished.returncode, words in finished.stderr) == (2, True)


class TestConsole:
    """What a person sees while a run goes, on a terminal and in a file."""

    ROWS = (
        row("plan", test="test_a.py::test_0"),
        row("plan", test="test_a.py::test_1"),
        row("board", model="nrf9151dk", part="nRF9151-LACA", simulated=False, modem_firmware="mfw_9", ids={}),
        row("peers", where="this host"),
        row("peers", where="this host"),
        row("survey", text=["no IPv6", "MTU 1400"]),
        row("recovery", text="dk-1 does not answer: AT#XRESET"),
        row("start", test="test_a.py::test_0", attempt=1),
        row("finish", test="test_a.py::test_0", attempt=1, outcome="lab_error", message="gone"),
        row("finish", test="test_a.py::test_0", attempt=2, outcome="passed"),
        row("start", test="test_a.py::test_1", attempt=1),
        row("progress", text="waits for its update", done=0.5),
    )
    """The first test was a lab error, and passed when it was tried again: no longer one of them."""

    def shown(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
        (folder / "results.jsonl").write_text("\n".join(self.ROWS) + "\n")
        output = io.StringIO()
        now = [1000.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        console = RunConsole(Console(file=output, force_terminal=terminal, width=100, soft_wrap=True))
        with console:
            for each in RowReader(folder).new_rows():
                console.follow(each)
            now[0] += 31
            console.tick()
        return output.getvalue()

    @pytest.mark.parametrize("terminal", [True, False])
    def test_while_it_goes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
        text = self.shown(tmp_path, monkeypatch, terminal=terminal)
        assert text.count("this host   for dk-1") == 1, "further rounds would only repeat it"
        for words in (
            "mfw_9",
            "no IPv6; MTU 1400",
            "dk-1 does not answer: AT#XRESET",
            "running   1/2",
            "dk-1  test_a.py::test_0",
        ):
            assert words in text
        assert "1 lab error" not in text
        assert "#####.....  50% waits for its update  31 s" in text

    def test_a_bad_result_is_told_when_it_happens_once_a_cause(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [row("plan", test=f"test_a.py::test_{number}") for number in range(5)]
        first = "/dev/ttyACM0 was not registered after 300.0 s: searching"
        for number, (outcome, message) in enumerate(
            (
                ("lab_error", f"{first}\nwhere"),
                ("lab_error", "/dev/ttyACM0 was not registered after 301.5 s: searching"),
                ("lab_error", f"dk-1 was given up after 2 attempts: {first}"),
                ("failed", "assert 1 == 2"),
                ("failed", "assert 3 == 4"),
            )
        ):
            place = "test_a.py:7: assert came == 2" if outcome == "failed" else ""
            facts = {"outcome": outcome, "message": message, "place": place}
            rows.append(row("finish", test=f"test_a.py::test_{number}", attempt=1, **facts))
        monkeypatch.setattr(self, "ROWS", rows)
        text = self.shown(tmp_path, monkeypatch, terminal=False)
        assert text.count("was not registered after") == 1, text
        assert text.count("assert 1 == 2") == 1
        assert "assert 3" not in text
        assert "lab error dk-1  test_a.py::test_0" in text
        assert "3 lab error   2 failed" in text or "2 failed   3 lab error" in text

    def test_a_wait_is_told_when_it_lasts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        waits = row("progress", text="waits for the network, up to 5 min")
        monkeypatch.setattr(self, "ROWS", [waits])
        text = self.shown(tmp_path, monkeypatch, terminal=False)
        assert "waiting   dk-1   waits for the network, up to 5 min; Ctrl-C ends the run" in text

    def test_at_its_end(self, tmp_path: Path) -> None:
        folder = run_of(tmp_path / "run", "passed", "lab_error", "failed")
        with (folder / "results.jsonl").open("a") as stream:
            told = {"baseline": "3.0", "verdict": "same", "reason": "r", "measurements": [], "false_alarms": "none"}
            again = row("finish", test="test_a.py::test_1", attempt=2, outcome="passed")
            finding = row("finding", name="UDP LAST", verdict="shortened", text="by half")
            stream.write("\n".join((finding, row("comparison", **told), again)) + "\n")
        text = command_line("report", str(folder)).stdout
        assert "found     dk-1  UDP LAST   shortened: by half" in text
        assert "compared  with 3.0: same, r" in text
        assert "retried   dk-1  test_a.py::test_1   first lab error: why 1" in text
        assert "failed    dk-1  test_a.py::test_2" in text
