"""``nrf91-bench history page``: where it writes, what it links, and what it says of a history that is broken."""

import os
import sqlite3
from pathlib import Path

import pytest

from bench.history import Store
from bench.history.store import MIGRATIONS
from tests.support.inline import command_line
from tests.support.lab_history import fill_history
from tests.support.records import run_record
from tests.support.run_folders import run_folder


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        fill_history(store, nights=4, measurements=2, tests=4)
    return path


@pytest.fixture
def not_root() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read and write everything")


def make_page(folder: Path, history: Path, *arguments: str) -> str:
    finished = command_line("history", "page", "--history", str(history), *arguments, folder=folder)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


class TestWhere:
    def test_it_says_what_it_shows_and_where(self, history: Path, tmp_path: Path) -> None:
        said = make_page(tmp_path, history).splitlines()
        assert said == [
            "history   4 nights, 7 runs, 8 tests, 6 measurements",
            "page      reports/history-page/index.html",
        ]
        assert (tmp_path / "reports" / "history-page" / "index.html").stat().st_mode & 0o777 == 0o644

    def test_a_former_page_is_replaced_in_one_step(self, history: Path, tmp_path: Path) -> None:
        make_page(tmp_path, history, "--out", "site", "--nights", "2")
        page = tmp_path / "site" / "index.html"
        with page.open() as reader:
            make_page(tmp_path, history, "--out", "site")
            former = reader.read()
        assert former.rstrip().endswith("</html>"), "whoever reads it has all of it"
        assert "the last of 4" in former
        assert "the last of 4" not in page.read_text()
        assert [path.name for path in page.parent.iterdir()] == ["index.html"]

    def test_an_empty_folder_will_do(self, history: Path, tmp_path: Path) -> None:
        (tmp_path / "site").mkdir()
        make_page(tmp_path, history, "--output-dir", "site")
        assert (tmp_path / "site" / "index.html").is_file()

    @pytest.mark.parametrize("name", ["index.html", "letter.txt"])
    def test_what_is_not_a_former_page_is_left_alone(self, history: Path, tmp_path: Path, name: str) -> None:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / name).write_text("<h1>my aunt</h1>")
        finished = command_line("history", "page", "--history", str(history), "--out", "site", folder=tmp_path)
        assert finished.returncode == 2
        assert "site holds something else than a page of nrf91-bench history page: name a new folder" in finished.stderr
        assert [path.read_text() for path in (tmp_path / "site").iterdir()] == ["<h1>my aunt</h1>"]

    def test_a_file_in_its_place(self, history: Path, tmp_path: Path) -> None:
        (tmp_path / "site").write_text("a file")
        finished = command_line("history", "page", "--history", str(history), "--out", "site", folder=tmp_path)
        assert (finished.returncode, "site is not a folder" in finished.stderr) == (2, True)

    def test_a_folder_that_cannot_be_made(self, history: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        finished = command_line("history", "page", "--history", str(history), "--out", "file/site", folder=tmp_path)
        assert (finished.returncode, "cannot write the page into file/site" in finished.stderr) == (2, True)

    def test_a_planted_link_is_replaced_and_not_followed(self, history: Path, tmp_path: Path) -> None:
        make_page(tmp_path, history, "--out", "site")
        page, elsewhere = tmp_path / "site" / "index.html", tmp_path / "elsewhere.html"
        page.rename(elsewhere)
        before = elsewhere.read_bytes()
        page.symlink_to(elsewhere)
        make_page(tmp_path, history, "--out", "site", "--nights", "1")
        assert not page.is_symlink()
        assert elsewhere.read_bytes() == before


class TestNights:
    def test_they_end_where_the_lab_says(self, tmp_path: Path) -> None:
        history = tmp_path / "history.sqlite"
        with Store(history) as store:
            store.add(run_record(2))
        for ends, said in (("12:00", "2026-11-02/03"), ("23:30", "2026-11-01/02"), ("00:00", "2026-11-02")):
            (tmp_path / "bench.toml").write_text(f'night_ends = "{ends}"\n')
            make_page(tmp_path, history, "--out", "site")
            page = (tmp_path / "site" / "index.html").read_text()
            assert f'data-head="night">{said}</td>' in page, "the run began at 22:00"
            assert (f"a run that starts before {ends} belongs" in page) is (ends != "00:00")


class TestRuns:
    def test_a_run_links_its_verdict_from_wherever_the_page_is(self, tmp_path: Path) -> None:
        folder = run_folder(tmp_path / "reports" / "runs" / "a night#1", "passed", "failed")
        history = tmp_path / "history.sqlite"
        command_line("history", "import", str(folder), "--history", str(history))
        make_page(tmp_path, history)
        page = (tmp_path / "reports" / "history-page" / "index.html").read_text()
        assert 'href="../runs/a%20night%231/verdict.html">FAILED</a>' in page
        assert "1 passed, 1 failed" in page
        assert ">4 min</td>" in page
        make_page(tmp_path, history, "--out", "deep/er/site", "--runs", str(tmp_path / "reports" / "runs"))
        page = (tmp_path / "deep" / "er" / "site" / "index.html").read_text()
        assert 'href="../../../reports/runs/a%20night%231/verdict.html"' in page

    def test_a_folder_that_is_gone_is_not_linked(self, history: Path, tmp_path: Path) -> None:
        make_page(tmp_path, history, "--out", "site")
        assert "verdict.html" not in (tmp_path / "site" / "index.html").read_text()

    def test_a_run_that_only_its_folder_knows(self, tmp_path: Path) -> None:
        history = tmp_path / "history.sqlite"
        with Store(history) as store:
            store.add(run_record(1))
        run_folder(tmp_path / "reports" / "runs" / "later", "passed", started="2026-11-02T22:00:00Z", simulated=True)
        run_folder(tmp_path / "reports" / "runs" / "before", "passed", started="2026-10-01T22:00:00Z")
        assert "1 night, 2 runs" in make_page(tmp_path, history, "--out", "site")
        page = (tmp_path / "site" / "index.html").read_text()
        assert "runs/later/verdict.html" in page
        assert "runs/before/" not in page, "before the first night of the page"
        assert page.count(">SIMULATED<") >= 1

    @pytest.mark.parametrize("content", ["{", "[]", '{"run": 5}', '{"boards": ["x"]}', "", "\udcff"])
    def test_a_summary_that_cannot_be_read(self, history: Path, tmp_path: Path, content: str) -> None:
        folder = run_folder(tmp_path / "runs" / "damaged", "passed")
        (folder / "summary.json").write_bytes(content.encode(errors="surrogateescape"))
        said = make_page(tmp_path, history, "--out", "site", "--runs", "runs")
        assert "warning   runs that cannot be read: damaged (" in said
        assert "runs that cannot be read: damaged (" in (tmp_path / "site" / "index.html").read_text()

    @pytest.mark.usefixtures("not_root")
    def test_a_folder_of_somebody_else(self, history: Path, tmp_path: Path) -> None:
        folder = run_folder(tmp_path / "runs" / "theirs", "passed")
        (folder / "results.jsonl").chmod(0)
        assert "runs that cannot be read: theirs (Permission denied)" in make_page(
            tmp_path, history, "--runs", "runs", "--out", "site"
        )

    def test_what_is_no_run_is_passed_over(self, history: Path, tmp_path: Path) -> None:
        (tmp_path / "runs" / "empty").mkdir(parents=True)
        (tmp_path / "runs" / "file").write_text("")
        (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs" / "loop")
        assert "warning" not in make_page(tmp_path, history, "--runs", "runs", "--out", "site")

    def test_runs_that_are_nowhere(self, history: Path, tmp_path: Path) -> None:
        finished = command_line("history", "page", "--history", str(history), "--runs", "nowhere", folder=tmp_path)
        assert (finished.returncode, "--runs: nowhere is not a folder" in finished.stderr) == (2, True)
        assert not (tmp_path / "reports").exists()


class TestBrokenHistory:
    def refused(self, tmp_path: Path, history: Path) -> tuple[int, str]:
        finished = command_line("history", "page", "--history", str(history), "--out", "site", folder=tmp_path)
        assert not (tmp_path / "site").exists()
        return finished.returncode, finished.stderr

    def test_none(self, tmp_path: Path) -> None:
        code, said = self.refused(tmp_path, tmp_path / "none.sqlite")
        assert (code, "there is no history" in said) == (2, True)
        assert not (tmp_path / "none.sqlite").exists()

    def test_a_newer_schema(self, tmp_path: Path, history: Path) -> None:
        connection = sqlite3.connect(history)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.close()
        code, said = self.refused(tmp_path, history)
        assert (code, "update it" in said) == (3, True)

    def test_an_older_schema(self, tmp_path: Path) -> None:
        history = tmp_path / "old.sqlite"
        connection = sqlite3.connect(history)
        connection.executescript(MIGRATIONS[0] + "; PRAGMA user_version = 1;")
        connection.close()
        assert "0 nights" in make_page(tmp_path, history, "--out", "site")

    @pytest.mark.parametrize("content", [b"a letter to my aunt " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
    def test_another_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "letter.sqlite"
        path.write_bytes(content)
        code, said = self.refused(tmp_path, path)
        assert (code, "is not a usable history" in said) == (3, True)

    def test_a_table_that_is_damaged(self, tmp_path: Path, history: Path) -> None:
        connection = sqlite3.connect(history)
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DROP TABLE results")
        connection.close()
        code, said = self.refused(tmp_path, history)
        assert (code, "is not a usable history: no such table: results" in said) == (3, True)

    def test_one_that_another_program_has_locked(
        self, tmp_path: Path, history: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.history.store._PATIENCE", {False: 0.1, True: 0.1})
        connection = sqlite3.connect(history, isolation_level=None)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        code, said = self.refused(tmp_path, history)
        connection.close()
        assert (code, "is locked by another program: try again when that has ended" in said) == (3, True)

    def test_one_that_is_being_written_shows_what_was_there(self, tmp_path: Path, history: Path) -> None:
        connection = sqlite3.connect(history, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM runs")
        assert "7 runs" in make_page(tmp_path, history, "--out", "site")
        connection.close()
