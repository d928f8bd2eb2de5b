"""The lab now, from values: how far a run is, who uses what, what changed; on a screen and on a page."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.boards.board_state import BoardState, SeenState
from bench.cli.board_screen import lab_screen
from bench.cli.terminal import VisibleConsole
from bench.evidence.outcomes import Outcome
from bench.evidence.progress import BoardProgress, FollowedRun
from bench.report.lab_now import BoardNow, LabNow, changes, plugged
from bench.report.lab_page import lab_page
from tests.support.lab_boards import HOSTILE, KEPT, NOW, RUN, board, kept, mixed, used


def row(kind: str, slot: str = "dk-1", number: int = 1, **fields: object) -> str:
    head = {"schema": 2, "run": "r", "type": kind, "slot": slot, "attempt": 1, "round": number, "t_ns": 1}
    return json.dumps(head | {"utc": "2026-11-29T19:19:48.000000Z"} | fields) + "\n"


def finish(test: str, outcome: str, attempt: int = 1) -> str:
    return row("finish", test=test, outcome=outcome, attempt=attempt)


class TestProgress:
    def test_grows_with_the_stream(self, tmp_path: Path) -> None:
        run = FollowedRun(tmp_path)
        assert run.look() == "No such file or directory"
        stream = tmp_path / "results.jsonl"
        stream.write_text(row("run", slot="", turns=[[1, ["dk-1", "dk-2"]]]) + row("progress", text="waits"))
        assert run.look() == ""
        assert run.of("dk-1") == BoardProgress(doing="waits", since="2026-11-29T19:19:48.000000Z")
        assert run.of("dk-1").text == ""
        with stream.open("a") as file:
            file.write("".join(row("plan", test=f"t.py::t{n}") for n in range(4)) + row("start", test="t.py::t0"))
        run.look()
        assert (run.of("dk-1").text, run.of("dk-1").doing) == ("0/4", "t.py::t0")
        with stream.open("a") as file:
            file.write(finish("t.py::t0", "passed") + finish("t.py::t1", "failed") + finish("t.py::t2", "lab_error"))
            file.write(row("start", test="t.py::t3")[:-9])  # a row that is being written
        run.look()
        assert (run.of("dk-1").text, run.of("dk-1").doing) == ("3/4, 1 failed, 1 lab error", "")
        assert run.of("dk-2") == BoardProgress()

    def test_of_a_test_the_last_attempt_counts(self, tmp_path: Path) -> None:
        (tmp_path / "results.jsonl").write_text(
            row("plan", test="a") + finish("a", "lab_error") + finish("a", "passed", attempt=2)
        )
        run = FollowedRun(tmp_path)
        run.look()
        assert run.of("dk-1") == BoardProgress(1, 1)

    def test_later_rounds_are_planned_before_they_begin(self, tmp_path: Path) -> None:
        turns = [[1, ["dk-1"]], [2, ["dk-1"]], [3, ["dk-1"]]]
        text = row("run", slot="", turns=turns) + row("plan", test="a") + row("plan", test="b")
        (tmp_path / "results.jsonl").write_text(text + row("plan", test="a", number=2) + finish("a", "passed"))
        run = FollowedRun(tmp_path)
        run.look()
        assert run.of("dk-1").text == "1/6"

    def test_rubbish_is_passed_over(self, tmp_path: Path) -> None:
        text = "\x00\xff rubbish\n[1]\n" + row("unheard of") + row("plan", test=HOSTILE) + row("start", test=HOSTILE)
        (tmp_path / "results.jsonl").write_text(text)
        run = FollowedRun(tmp_path)
        assert run.look() == ""
        assert run.of("dk-1").planned == 1
        assert run.of("dk-1").doing.isprintable()

    def test_what_a_stranger_planted_is_not_opened(self, tmp_path: Path) -> None:
        """A pipe without a writer would hang the watch; a link would show a file that only we may read."""
        os.mkfifo(tmp_path / "results.jsonl")
        assert "is not a regular file" in FollowedRun(tmp_path).look()
        other = tmp_path / "other"
        other.mkdir()
        (other / "results.jsonl").symlink_to(tmp_path / "secret")
        assert "is a symbolic link" in FollowedRun(other).look()
        assert FollowedRun(tmp_path / "no\x00where").look() != ""

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_of_somebody_elses_folder_that_is_not_for_us(self, tmp_path: Path) -> None:
        (tmp_path / "results.jsonl").touch(mode=0)
        assert FollowedRun(tmp_path).look() == "Permission denied"


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestTexts:
    def test_in_use(self) -> None:
        one = used("dk-1", BoardProgress(602, 312, {Outcome.FAILED: 3}, "t.py::t", "2026-11-29T19:19:48Z"))
        assert (one.use(NOW), one.purpose) == ("alice since 18:18 (1 h 2 min)", RUN)
        assert (one.doing(NOW), one.kept_beside(NOW)) == ("t: t, 12 s", "")

    def test_in_use_by_a_run_that_is_not_for_us(self) -> None:
        assert used(unread="Permission denied").doing(NOW) == (
            "progress not known, its run cannot be read: Permission denied"
        )

    def test_by_another_program(self) -> None:
        assert board("dk-1", SeenState(BoardState.IN_USE, "by minicom (pid 7)")).use(NOW) == "minicom (pid 7)"

    def test_reserved(self) -> None:
        one = kept()
        assert (one.use(NOW), one.purpose, one.kept_beside(NOW)) == ("root until 30 Nov 06:30", "soak", "")

    def test_reserved_while_it_is_used(self) -> None:
        assert used(reservation=KEPT).kept_beside(NOW) == "reserved by root until 30 Nov 06:30: soak"

    @pytest.mark.parametrize("since", ["unknown", "", "9999-99-99", "0001-01-01T00:00:00+23:59", "\x1b[31m"])
    def test_a_strangers_date(self, since: str) -> None:
        assert used(since=since).use(NOW).startswith("alice since ")
        assert used(since=since).use(NOW).isprintable()

    def test_the_lab_in_a_line(self) -> None:
        boards = [board("a"), used("b"), kept("c"), board("d", SeenState(BoardState.NOT_ATTACHED))]
        assert LabNow(NOW, boards).summary == "4 boards: 1 in use, 1 reserved, 1 free, 1 not attached"
        assert LabNow(NOW).summary == "0 boards"


def told(*boards: BoardNow) -> dict[str, BoardNow]:
    return {one.row.key: one for one in boards}


def lines(before: Sequence[BoardNow], *after: BoardNow) -> list[str]:
    return [change.line(NOW) for change in changes(told(*before), LabNow(NOW, after))]


class TestChanges:
    def test_nothing(self) -> None:
        assert lines([used()], used()) == []

    def test_taken_tested_and_given_back(self) -> None:
        begun = used("dk-1", BoardProgress())
        later = used("dk-1", BoardProgress(10, 3, {Outcome.FAILED: 1}, "t.py::t"))
        assert lines([board()], begun) == [
            f"19:20:00  in use       dk-1           by alice since 18:18 (1 h 2 min)   {RUN}"
        ]
        assert lines([begun], later) == ["19:20:00  progress     dk-1           3/10, 1 failed   t: t"]
        assert lines([later], board()) == ["19:20:00  free         dk-1"]

    def test_another_user_without_a_look_between(self) -> None:
        assert len(lines([used()], used(job="another"))) == 1

    def test_reserved_and_given_back(self) -> None:
        assert lines([board()], kept()) == ["19:20:00  reserved     dk-1           by root until 30 Nov 06:30   soak"]
        assert lines([kept()], board()) == ["19:20:00  free         dk-1"]
        assert lines([used()], used(reservation=KEPT))[0].endswith("reserved by root until 30 Nov 06:30: soak")

    def test_unplugged_while_it_is_used(self) -> None:
        """udev has told that already."""
        gone = board("dk-1", used(state=BoardState.NOT_ATTACHED).row.seen, attached=False)
        assert lines([gone], gone) == []
        assert lines([board()]) == []

    def test_one_whose_port_is_gone_before_udev_tells(self) -> None:
        assert lines([board()], board("dk-1", SeenState(BoardState.NOT_ATTACHED))) == []

    def test_a_board_that_was_only_known_for_its_user(self) -> None:
        seen = used().row.seen
        assert lines([board("dk-1", seen, attached=False, hardware=False)]) == [
            "19:20:00  free         dk-1           SIMULATED"
        ]

    def test_plugs(self) -> None:
        there = plugged(board(), attached=True, moment=NOW)
        assert there.line(NOW).split() == [
            "19:20:00", "attached", "dk-1", "nRF9151", "DK", "10512dk-1", "at", "/dev/ttyACM0", "free",
        ]  # fmt: skip
        assert plugged(board(), attached=False, moment=NOW).word == "unplugged"


def screen(now: LabNow, width: int, height: int = 50, events: Sequence[str] = ()) -> list[str]:
    console = VisibleConsole(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(lab_screen(console, now, events))
    return capture.get().splitlines()


class TestScreen:
    @pytest.mark.parametrize("width", [60, 100, 200])
    @pytest.mark.parametrize("count", [0, 1, 8, 30, 100])
    def test_fits_into_the_window(self, width: int, count: int) -> None:
        for height in (10, 24, 50):
            shown = screen(mixed(count), width, height, ["an event"] * 20)
            assert len(shown) <= height
            assert max(map(len, shown)) <= width

    @pytest.mark.parametrize("width", [60, 100, 200])
    def test_says_all_where_there_is_room(self, width: int) -> None:
        text = " ".join(" ".join(screen(mixed(4), width, 60, ["19:19:00  unplugged  dk-9"])).split())
        for words in ("312/602", "3 failed", "alice since 18:18", "SIMULATED", "Permission denied", "soak", "dk-9"):
            assert words in text

    def test_many_boards_in_a_low_window(self) -> None:
        shown = screen(mixed(100), 100, 20)
        assert "and 84 more: make the window larger" in "\n".join(shown)

    def test_simulated_is_never_left_out(self) -> None:
        assert any("dk-2 " in line and "SIMULATED" in line for line in screen(mixed(8), 60, 14))

    def test_hostile_texts_are_visible(self) -> None:
        now = LabNow(NOW, [used(HOSTILE, job=HOSTILE), used("dk-2", BoardProgress(1, 0, {}, HOSTILE))])
        text = "\n".join(screen(now, 200, 30))
        assert "\x1b" not in text
        assert "\\x1b" in text
        assert "\u202e" not in text

    def test_boards_that_cannot_be_listed(self) -> None:
        now = replace(mixed(1), problem="two boards have one serial number")
        assert "the boards cannot be listed: two boards have one serial number" in screen(now, 100)[1]


class TestPage:
    def test_escapes_what_strangers_wrote(self) -> None:
        page = lab_page(LabNow(NOW, [used(HOSTILE, job=HOSTILE, reservation=replace(KEPT, why=HOSTILE))]), [HOSTILE])
        assert page.count("<script") == 1
        assert "&lt;script&gt;" in page
        assert "\x1b" not in page

    def test_reloads_itself_and_knows_when_it_is_old(self) -> None:
        page = lab_page(mixed(4), every=30)
        assert '<meta http-equiv="refresh" content="10">' in page
        assert f'data-written="{int(NOW.timestamp() * 1000)}" data-old="90000"' in page
        assert "as of 2026-11-29 19:20:00 UTC" in page
        assert 'data-old="300000"' in lab_page(mixed(4))

    def test_needs_nothing_from_anywhere(self) -> None:
        page = lab_page(mixed(30))
        assert "http://" not in page
        assert "https://" not in page
        assert "src=" not in page

    def test_shows_what_the_screen_shows(self) -> None:
        page = lab_page(mixed(4), ["19:19:00  unplugged    dk-9"])
        for words in ("3 failed", "312/602", "alice since 18:18 (1 h 2 min)", "SIMULATED", "reserved by root", "dk-9"):
            assert words in page
        assert lab_page(LabNow(NOW + timedelta(days=1))).count("No board is attached") == 1
