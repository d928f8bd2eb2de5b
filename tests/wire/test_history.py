"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

import sqlite3
import threading
from dataclasses import replace
from datetime import time
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.lab import BoardEntry, Config
from bench.errors import LabError, UsageError
from bench.history import BoardRecord, RunRecord, Store, chosen_runs, observations
from bench.history.night import night_of, night_text
from bench.history.samples import decode, encode
from bench.history.store import MIGRATIONS
from bench.run.folder import find_choice, with_earlier_nights
from tests.support.records import night_record, run_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


class TestStore:
    def test_what_goes_in_comes_out(self, path: Path) -> None:
        with Store(path) as store:
            assert store.add(run_record())
        with Store(path) as store:
            assert store.run("uid-1") == run_record()

    def test_a_run_is_added_once(self, path: Path) -> None:
        with Store(path) as store:
            assert store.add(run_record())
            assert not store.add(run_record())
            assert len(store.rows("SELECT * FROM runs")) == len(store.rows("SELECT * FROM results")) == 1

    def test_a_run_goes_in_whole_or_not_at_all(self, path: Path) -> None:
        broken = run_record()
        broken = RunRecord(**{**vars(broken), "measurements": (*broken.measurements, "no measurement")})
        with Store(path) as store:
            with pytest.raises(AttributeError):
                store.add(broken)
            assert store.rows("SELECT * FROM runs") == []
            assert store.add(run_record())

    def test_histories_of_several_hosts_join(self, path: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.sqlite"
        for file, numbers in ((path, (1, 2)), (other, (2, 3))):
            with Store(file) as store:
                for number in numbers:
                    store.add(run_record(number))
        with Store(path) as store:
            assert store.merge(other) == 1
            assert store.merge(other) == 0
            assert [name for (name,) in store.rows("SELECT name FROM runs ORDER BY started")] == [
                "run-1",
                "run-2",
                "run-3",
            ]
            assert len(store.run("uid-3").measurements[0].samples) == 400
            with pytest.raises(UsageError):
                store.merge(tmp_path / "nothing")

    def test_an_older_file_is_brought_up_to_date(self, path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.executescript(MIGRATIONS[0] + "; PRAGMA user_version = 1;")
        connection.execute("INSERT INTO runs VALUES (1, 'u', 'old', '2026-01-01', '2026-01-01', 'PASSED', 0, 0)")
        connection.execute("INSERT INTO boards VALUES (1, 1, 'dk-1', 'i', 'm', 'f', 's', 'a', 'o', 'c', 0)")
        connection.commit()
        connection.close()
        with Store(path) as store:
            assert store.run("u").boards == (BoardRecord("dk-1", "i", "m", "f", "slm", "s", "a", "o", "c", 0, ""),)
            assert store.add(run_record())

    def test_an_older_file_learns_the_steps_of_its_samples(self, path: Path) -> None:
        coarse, fine = (
            encode([step * value for value in (3, 4, 5, 4, 3, 5, 4, 4, 3, 3)]) for step in (10_000_000.0, 0.0)
        )
        connection = sqlite3.connect(path)
        connection.executescript("; ".join(MIGRATIONS[:4]) + "; PRAGMA user_version = 4;")
        connection.execute("INSERT INTO runs VALUES (1, 'u', 'old', '2026-01-01', '2026-01-01', 'PASSED', 0, 0, '', 1)")
        connection.execute("INSERT INTO boards VALUES (1, 1, 'dk', 'i', 'm', 'f', 's', 'a', 'o', 'c', 0, '', 'slm')")
        connection.execute("INSERT INTO series VALUES (1, 't', 'echo', 'ns')")
        row = "INSERT INTO measurements VALUES (?, 1, 1, 1, ?, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, NULL, 'ok', ?, ?)"
        for number, (kind, data) in enumerate((coarse, fine, ("<u4", b"damaged"), ("", b""))):
            connection.execute(row, (number, number, kind, data))
        connection.commit()
        connection.close()
        with Store(path) as store:
            assert [step for (step,) in store.rows("SELECT step FROM measurements ORDER BY id")] == [1e7, 0, 0, 0]

    def test_a_newer_file_is_left_alone(self, path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with (
            pytest.raises(LabError, match=r"has schema 99, this version .* knows 6: update it"),
            Store(path),
        ):
            pass

    def test_no_history_at_all(self, path: Path) -> None:
        path.write_text("this is a letter to my aunt, and as long as the header of a file must be to be read " * 20)
        with pytest.raises(LabError, match="is not a usable history"), Store(path):
            pass

    def test_two_runs_that_end_at_once(self, path: Path) -> None:
        def add(number: int) -> None:
            with Store(path) as store:
                store.add(run_record(number))

        with Store(path):
            pass
        threads = [threading.Thread(target=add, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Store(path) as store:
            assert len(store.rows("SELECT * FROM runs")) == 8

    def test_a_failure_is_new_or_it_lasts(self, path: Path) -> None:
        with Store(path) as store:

            def earlier(slot: str = "dk-1", *, simulated: bool = False) -> str:
                return store.earlier("test_a.py::test_a", [f"imei-{slot[-1]}"], simulated=simulated)

            assert earlier() == ""
            store.add(run_record(3))
            assert earlier() == "new: passed in the night of 2026-11-03/04"
            store.add(run_record(4, outcome="failed"))
            store.add(run_record(5, outcome="failed"))
            assert earlier() == "failing since the night of 2026-11-04/05"
            assert earlier("dk-2") == "", "another board's nights"
            assert earlier(simulated=True) == ""

    @pytest.mark.parametrize(
        ("ends", "started", "night", "text"),
        [
            (time(12), "2026-11-23T11:59:00.000000Z", "2026-11-22", "2026-11-22/23"),
            (time(12), "2026-11-23T12:00:00.000000Z", "2026-11-23", "2026-11-23/24"),
            (time(0), "2026-11-23T00:00:00.000000Z", "2026-11-23", "2026-11-23"),
            (time(18, 30), "2026-11-30T18:30:00.000000Z", "2026-11-30", "2026-11-30/12-01"),
            (time(18, 30), "2026-11-30T18:29:59.000000Z", "2026-11-29", "2026-11-29/30"),
            (time(12), "2026-12-31T22:00:00.000000Z", "2026-12-31", "2026-12-31/01-01"),
            (time(12), "yesterday evening", "yesterday ", "yesterday "),
        ],
    )
    def test_a_night_ends_where_the_lab_says(self, ends: time, started: str, night: str, text: str) -> None:
        assert night_of(started, ends) == night
        assert night_text(night, ends) == text

    def test_runs_get_new_nights_when_the_lab_moves_the_border(self, path: Path) -> None:
        def nights(ends: time | None, *, only_read: bool = False) -> list[str]:
            with Store(path, night_ends=ends, only_read=only_read) as store:
                return [night for (night,) in store.rows("SELECT night FROM runs ORDER BY started")]

        with Store(path) as store:
            for number, hour in ((1, 10), (2, 15)):
                store.add(run_record(number, started=f"2026-11-03T{hour}:58:00.000000Z"))
        assert nights(None) == ["2026-11-02", "2026-11-03"]
        assert nights(time(10), only_read=True) == ["2026-11-03", "2026-11-03"], "a list is right, too"
        assert nights(None) == ["2026-11-03", "2026-11-03"]
        assert nights(time(16)) == ["2026-11-02", "2026-11-02"]


def test_a_run_is_compared_together_with_earlier_nights_of_its_firmware(tmp_path: Path) -> None:
    """A plan's run is one night, which would be a hint at most."""
    path, own = tmp_path / "history.sqlite", tmp_path / "own.sqlite"
    with Store(path) as store:
        for number, firmware in ((1, "mfw_1"), (2, "mfw_1"), (3, "mfw_2"), (4, "mfw_2"), (5, "mfw_3")):
            store.add(night_record(number, firmware, 1e6, controls=2))
    with Store(own) as store:
        store.add(night_record(6, "mfw_2", 1e6, controls=2))
    run, base = find_choice("run=*", own), find_choice("modem=mfw_1", path)
    found = with_earlier_nights(run, path, base)
    assert {one.night for one in run.side} == {"2026-11-06"}
    assert {one.night for one in found.side} == {"2026-11-03", "2026-11-04", "2026-11-06"}
    assert {one.firmware for one in found.side} == {"mfw_2, SLM 3.1.0"}
    assert {(one.night, one.slot) for one in found.beside} == {
        (f"2026-11-0{number}", slot) for number in (3, 4, 6) for slot in ("golden-1", "golden-2")
    }
    again = with_earlier_nights(run, path, find_choice("2026-11-03", path))
    assert {one.night for one in again.side} == {"2026-11-04", "2026-11-06"}, "what is the baseline's stays there"


class TestSamples:
    @given(
        st.lists(st.integers(0, 2**50).map(float), max_size=50)
        | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=50)
    )
    def test_every_bit_survives(self, values: list[float]) -> None:
        found = decode(*encode(values))
        assert found.tobytes() == numpy.asarray(values, dtype=float).tobytes()

    @given(st.sampled_from(["<u4", "<f8", "zip", ""]), st.binary(max_size=40))
    def test_damage_is_named(self, kind: str, data: bytes) -> None:
        said = ""
        try:
            decode(kind, data)
        except ValueError as error:
            said = str(error)
        assert not said or "samples are" in said

    def test_latencies_take_less_than_three_bytes_each(self) -> None:
        values = numpy.random.default_rng(1).gamma(9, 12e6, 1000).round(-3)
        assert len(encode(values // 1000)[1]) < 3000


class TestChoice:
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("2026-11-02", [2]),
            ("2026-11-01..2026-11-02", [1, 2]),
            ("modem=mfw_nrf91x1_2.0.*", [1, 2, 3]),
            ("modem=*,2026-11-03", [3]),
            ("run-1", [1]),
            ("slm=2.*", []),
            ("serial-modem=*", []),
            ("slm=3.1.*", [1, 2, 3]),
            ("application=slm,version=3.1.0", [1, 2, 3]),
            ("application=serial-modem", []),
            ("board=dk-1,model=nrf9151dk,operator=24201", [1, 2, 3]),
        ],
    )
    def test_what_a_choice_means(self, path: Path, text: str, numbers: list[int]) -> None:
        with Store(path) as store:
            for number in (1, 2, 3):
                store.add(run_record(number))
            assert sorted(chosen_runs(store, text)) == numbers
            found = observations(store, numbers)
        assert len(found) == 2 * len(numbers)
        assert all(one.firmware == "mfw_nrf91x1_2.0.2, SLM 3.1.0" for one in found)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (
                "modell=nrf9151dk",
                r"unknown kind 'modell'; did you mean 'model' or 'modem'\? available: name, model, serial",
            ),
            ("", "a value is missing; write a name, or KIND=VALUE"),
            ("slm=", "slm=: a value is missing"),
            ("2026-11-02,,", "a value is missing"),
            ("label=roof", "label=roof: bench.toml has no board with label=roof, and the history keeps names only"),
        ],
    )
    def test_what_none_is(self, path: Path, text: str, says: str) -> None:
        with Store(path) as store, pytest.raises(UsageError, match=says):
            chosen_runs(store, text)

    def test_the_inventory_knows_what_the_history_does_not(self, path: Path) -> None:
        inventory = (
            BoardEntry(name="dk-1", serial="1051202135", labels=("roof",)),
            BoardEntry(name="dk-2", place="1-1.4"),
        )
        with Store(path) as store:
            store.add(run_record(1))
            for text in ("serial=001051202135", "label=ro*", "name=dk-*", "firmware=2.0,label=roof"):
                assert sorted(chosen_runs(store, text, inventory)) == [1], text
            assert not chosen_runs(store, "place=1-1.4", inventory)
            assert not chosen_runs(store, "firmware=mfw_nrf91x1_2.0.20", inventory)
            assert not chosen_runs(store, "firmware=1.0", inventory), "a part cuts no number in two: SLM 3.1.0"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("modem=mfw_nrf91x1_2.0.1", r"did you mean 'mfw_nrf91x1_2.0.2'\?"),
            ("run=run1", r"did you mean 'run-1'\?"),
            ("slm=3.1.1", r"did you mean '3.1.0'\?"),
            ("model=thingy", "history list shows its runs"),
            ("2026-11-02", "before 23:30 belongs to the night of 2026-11-01/02: write 2026-11-01"),
        ],
    )
    def test_why_it_finds_nothing(self, path: Path, text: str, says: str) -> None:
        """The run began at 23:00 on the second of the month."""
        with Store(path) as store:
            store.add(run_record(1, started="2026-11-02T23:00:00.000000Z"))
        with pytest.raises(UsageError, match=says):
            find_choice(text, path, Config(night_ends=time(23, 30)))

    def test_runs_that_measured_nothing(self, path: Path) -> None:
        with Store(path) as store:
            store.add(replace(run_record(1), measurements=()))
        with pytest.raises(UsageError, match=r"'firmware=2\.0': the runs that it means measured"):
            find_choice("firmware=2.0", path)
