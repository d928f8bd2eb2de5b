"""Nights: boards that somebody keeps, an end in time, old runs, and who is told."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bench.boards import BoardSpec, release, reservation_of, reserve
from bench.boards.lease import lock_folder
from bench.cli.moment import end_of_run, moment
from bench.config.lab import Notify
from bench.errors import LabError, UsageError
from bench.evidence import Outcome, Summary, TestResult
from bench.evidence.rows import BoardRow
from bench.history import BoardRecord, ResultRecord, RunRecord, Store
from bench.report.notification import Message, change_since, notify
from bench.run.request import RunRequest
from bench.run.selection import named_slots
from bench.shared_files import user_name
from tests.support.lab import COMMAND

NOON = datetime(2026, 11, 23, 12, 0).astimezone()


def bench(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=folder)


class TestMoment:
    @pytest.mark.parametrize(
        ("text", "then"),
        [
            ("12:30", NOON + timedelta(minutes=30)),
            ("06:30", NOON + timedelta(hours=18, minutes=30)),
            ("12:00", NOON + timedelta(days=1)),
            ("90m", NOON + timedelta(minutes=90)),
            ("8h", NOON + timedelta(hours=8)),
            ("2d", NOON + timedelta(days=2)),
            ("2026-11-24 06:30", NOON.replace(day=24, hour=6, minute=30)),
            ("2026-11-25", NOON.replace(day=25, hour=0)),
        ],
    )
    def test_as_a_person_writes_it(self, text: str, then: datetime) -> None:
        assert moment(text, NOON) == then

    @pytest.mark.parametrize(
        ("now", "then"),
        [
            (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 30, tzinfo=UTC)),
            (datetime(2027, 3, 27, 20, 0, tzinfo=UTC), datetime(2027, 3, 28, 4, 30, tzinfo=UTC)),
        ],
        ids=["winter begins", "summer begins"],
    )
    def test_a_night_in_which_the_clock_is_changed(
        self, now: datetime, then: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        try:
            assert moment("06:30", now) == then
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_a_span_of_a_run_does_not_follow_the_clock(self) -> None:
        assert end_of_run("8h") == timedelta(hours=8)
        assert isinstance(end_of_run("06:30"), datetime)

    @pytest.mark.parametrize("zone", ["UTC", "UTC+12", "UTC-14"])
    @pytest.mark.parametrize("text", ["9999-12-31 23:59", "0001-01-01", "9999-12-31"])
    def test_the_ends_of_the_calendar(self, text: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            with contextlib.suppress(UsageError):  # where it is not on the calendar of the other zone
                assert moment(text).year in (1, 9999)
        finally:
            monkeypatch.undo()
            time.tzset()

    @pytest.mark.parametrize("text", ["", "25:00", "12:60", "tomorrow", "8", "-1h", "2026-13-01", "999999d"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a time: write 06:30"):
            moment(text, NOON)


class TestReservation:
    @pytest.fixture(autouse=True)
    def locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path))

    def test_it_ends_by_itself(self) -> None:
        made = reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "debugging")
        assert reservation_of("serial-1") == made
        self.write(until="2026-01-01T00:00:00+00:00", why="x")
        assert reservation_of("serial-1") is None
        assert list(lock_folder().glob("*.reserved")) == []
        with pytest.raises(UsageError, match="has passed"):
            reserve("serial-1", datetime.now(UTC) - timedelta(hours=1), "late")

    def write(self, *, name: str = "", **content: str) -> None:
        (lock_folder() / (name or f"serial-1.{os.geteuid()}.reserved")).write_text(json.dumps(content))

    def be_somebody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From here on this process has another uid, as far as it can see."""
        lock_folder()
        other = os.geteuid() + 1
        monkeypatch.setattr("os.geteuid", lambda: other)

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"until": 1}', '{"until": "never", "why": ""}', "\x1b[2J", "[" * 100_000]
    )
    def test_a_file_that_cannot_be_read_reserves_nothing(self, text: str) -> None:
        (lock_folder() / f"serial-1.{os.geteuid()}.reserved").write_text(text)
        assert reservation_of("serial-1") is None

    def test_nobody_takes_or_gives_back_another_users(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "mine")
        owner = user_name(os.geteuid())
        self.be_somebody_else(monkeypatch)
        found = reservation_of("serial-1")
        assert found is not None
        assert not found.mine
        for act in (lambda: reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "want it"), self.give_back):
            with pytest.raises(UsageError, match=f"reserved by {owner} until .*: mine"):
                act()

    def give_back(self) -> None:
        release("serial-1")

    def test_a_name_in_the_environment_makes_nobody_the_owner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "mine")
        monkeypatch.setenv("LOGNAME", "anna")
        monkeypatch.setenv("USER", "anna")
        found = reservation_of("serial-1")
        assert found is not None
        assert found.mine
        assert user_name(os.geteuid()) in found.text

    def test_who_writes_in_another_users_name_reserves_nothing(self) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        self.write(name=f"serial-1.{os.geteuid() + 1}.reserved", until=until, why="forged")
        assert reservation_of("serial-1") is None

    def test_ones_own_moves(self) -> None:
        kept = reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "first")
        assert reservation_of("serial-1") == kept
        assert reserve("serial-1", datetime.now(UTC) + timedelta(hours=2), "longer").why == "longer"

    @pytest.mark.parametrize("kind", ["link", "pipe"])
    def test_what_is_planted_is_not_followed(self, tmp_path: Path, kind: str) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        path = lock_folder() / f"serial-1.{os.geteuid()}.reserved"
        target = tmp_path / "target"
        target.write_text(json.dumps({"until": until.isoformat(), "why": "planted"}))
        if kind == "link":
            path.symlink_to(target)
        else:
            os.mkfifo(path)
        assert reservation_of("serial-1") is None
        made = reserve("serial-1", until, "mine")
        assert reservation_of("serial-1") == made
        assert "planted" in target.read_text()

    def test_its_reason_is_one_line_of_text(self) -> None:
        made = reserve("serial-1", datetime.now(UTC) + timedelta(hours=1), "x\n\x1b[2Jverdict   PASSED")
        assert made.text.endswith(": x\\n\\x1b[2Jverdict   PASSED")


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["dk-1"], True),
        (["name=dk-1"], True),
        (["1051202135"], True),
        (["serial=1051202135"], True),
        (["place=1-1.4"], True),
        (["/dev/ttyACM0"], True),
        (["all"], False),
        (["nrf9151dk", "label=roof", "roof"], False),
        (["firmware=3.1"], False),
        (["name=dk-*"], False),
        (["name=dk-1,firmware=3.1"], True),
    ],
)
def test_which_board_was_named(names: list[str], named: bool) -> None:
    spec = BoardSpec("dk-1", "/dev/ttyACM0", "nrf9151dk", "001051202135", "1-1.4", labels=("roof",))
    ports = [name for name in names if name.startswith("/")]
    request = RunRequest(boards=[name for name in names if name not in ports], ports=ports)
    assert named_slots([spec], request) == (["dk-1"] if named else [])


def record(number: int, outcome: str, verdict: str = "PASSED", slot: str = "dk-1") -> RunRecord:
    results = (ResultRecord("t::a", slot, 1, outcome),)
    started = f"2026-11-{number:02}T22:00:00Z"
    return RunRecord(f"u{number}", f"r{number}", started, verdict, 0, False, "", (BoardRecord(slot, slot),), results)


class TestNotification:
    def test_on_change_only(self, tmp_path: Path) -> None:
        with Store(tmp_path / "h.sqlite") as store:
            first = record(1, "passed")
            assert change_since(store, first).worth_telling
            store.add(first)
            store.add(record(2, "failed", "FAILED", slot="dk-2"))
            assert not change_since(store, record(3, "passed")).worth_telling
            worse = change_since(store, record(3, "failed", "FAILED"))
            assert (worse.before, worse.now, worse.failing) == ("PASSED", "FAILED", ["t::a on dk-1"])
            store.add(record(3, "failed", "FAILED"))
            assert not change_since(store, record(4, "failed", "FAILED")).worth_telling
            assert change_since(store, record(4, "passed")).cured == ["t::a on dk-1"]

    def test_another_suite_is_no_last_run(self, tmp_path: Path) -> None:
        with Store(tmp_path / "h.sqlite") as store:
            store.add(record(1, "passed"))
            other = replace(record(2, "failed", "FAILED"), results=(ResultRecord("test_b.py::b", "dk-1", 1, "failed"),))
            assert change_since(store, other).before == "never run"
            store.add(other)
            assert not change_since(store, record(3, "passed")).worth_telling

    def test_a_message_names_boards_firmware_cause_and_report(self, tmp_path: Path) -> None:
        before = replace(record(1, "passed"), boards=(BoardRecord("dk-1", "dk-1", "", "mfw_1", "slm", "3.0.0"),))
        now = replace(record(2, "failed", "FAILED"), boards=(BoardRecord("dk-1", "dk-1", "", "mfw_2", "slm", "3.0.0"),))
        bad = [
            TestResult(f"t::a[{n}]", "dk-1", Outcome.FAILED, message=f"ERROR after {n} s\ndetails", place="t.py:7: x()")
            for n in (1, 2)
        ]
        summary = Summary("run-2", bad, folder=tmp_path / "run-2")
        summary.boards = [BoardRow(slot="dk-1", model="nrf9151dk", firmware="mfw_2, SLM 3.0.0")]
        summary.earlier = {"t::a[1]": "new: passed in the night of 2026-11-01/02"}
        summary.command = ["--board", "dk-1"]
        with Store(tmp_path / "h.sqlite") as store:
            store.add(before)
            change = change_since(store, now)
        message = change.message(summary, "https://lab.example/runs/")
        assert message.subject == "nrf91-bench: FAILED, was PASSED in the night of 2026-11-01/02: dk-1"
        assert message.text.splitlines() == [
            message.subject,
            "",
            "verdict       FAILED: 0 of 2 passed on 1 board, 2 failed, 0 lab errors, 0 skipped",
            "board         dk-1   nrf9151dk   mfw_2, SLM 3.0.0",
            "changed       dk-1: mfw_1, SLM 3.0.0 before, now mfw_2, SLM 3.0.0",
            "fails now     t::a on dk-1",
            "",
            "failed        dk-1 (2)   t::a[1] and 1 more test",
            "              ERROR after 1 s",
            "              at t.py:7: x()",
            "              new: passed in the night of 2026-11-01/02",
            "again         nrf91-bench run --board dk-1 --test 't::a[1]' --test 't::a[2]'",
            "",
            "report        https://lab.example/runs/run-2/verdict.html",
        ]
        assert f"{tmp_path}/run-2/verdict.html on " in change.message(summary).text

    def test_names_of_strangers_make_no_line_of_a_mail(self, tmp_path: Path) -> None:
        summary = Summary("r", [TestResult("t::a\nBcc: x", "dk\n1", Outcome.FAILED, message="x\x1b[2J")])
        with Store(tmp_path / "h.sqlite") as store:
            message = change_since(store, record(1, "failed", "FAILED")).message(summary)
        assert "\n" not in message.subject
        assert not [line for line in message.text.splitlines() if line.startswith(("Bcc", "1"))]
        assert "\x1b" not in message.text

    def test_a_command_and_a_webhook_are_told(self, tmp_path: Path) -> None:
        got: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            mail = tmp_path / "mail"
            command = (
                sys.executable,
                "-c",
                "import sys; open(sys.argv[1], 'w').write(sys.argv[2] + sys.stdin.read())",
                str(mail),
                "{subject}",
            )
            notify(
                Notify(command=command, webhook=f"http://127.0.0.1:{server.server_port}/hook"),
                Message("A B", "FAILED\n"),
            )
            thread.join()
        assert mail.read_text() == "A BFAILED\n"
        assert json.loads(got[0]) == {"text": "FAILED\n"}

    @pytest.mark.parametrize(
        "section", [Notify(command=("false",)), Notify(command=("/no/such",)), Notify(webhook="http://127.0.0.1:9/")]
    )
    def test_what_cannot_be_told(self, section: Notify) -> None:
        with pytest.raises(LabError, match=r"\[notify\] the (command|webhook) failed: [a-zA-Z]") as failed:
            notify(section, Message("x", "x"))
        assert "Errno" not in str(failed.value)
