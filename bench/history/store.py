"""The store ``history.sqlite``: a row for each test result and for each measurement with its samples, run by run.

A run is imported from its folder after the run, in one transaction, so that no crash can damage the store; a run that
is already there is left alone. Pages have 16 kB, for with smaller ones a compressed blob would save nothing on disk.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import numpy

from bench.config.firmware import firmware_text
from bench.errors import LabError, UsageError, in_words
from bench.history.night import NOON, night_of, night_text
from bench.history.record import BoardRecord, MeasurementRecord, ResultRecord, RunRecord
from bench.history.resolution import step_of
from bench.history.samples import Floats, decode, encode

DEFAULT = Path("reports") / "history.sqlite"
_OF_A_RUN = ("uid", "name", "started", "ended", "verdict", "exit_code", "bench", "rows")
_FIGURES = ("min", "typical", "p50", "p90", "p95", "p99", "max", "mean", "value")
_PATIENCE = {False: 60.0, True: 10.0}
"""Seconds to wait for another program that has locked the file, by whether nothing is to be added."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, started TEXT NOT NULL,
        night TEXT NOT NULL, verdict TEXT NOT NULL, exit_code INTEGER NOT NULL, simulated INTEGER NOT NULL
    );
    CREATE TABLE boards (
        id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, slot TEXT NOT NULL,
        identity TEXT NOT NULL, model TEXT NOT NULL, modem_firmware TEXT NOT NULL, slm TEXT NOT NULL,
        access TEXT NOT NULL, operator TEXT NOT NULL, cell TEXT NOT NULL, simulated INTEGER NOT NULL,
        UNIQUE (run_id, slot)
    );
    CREATE TABLE results (
        board_id INTEGER NOT NULL REFERENCES boards ON DELETE CASCADE, test TEXT NOT NULL, round INTEGER NOT NULL,
        outcome TEXT NOT NULL, known_issue INTEGER NOT NULL, attempts INTEGER NOT NULL, duration_ns INTEGER NOT NULL,
        message TEXT NOT NULL, PRIMARY KEY (test, board_id, round)
    ) WITHOUT ROWID;
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, test TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, UNIQUE (name, test, unit)
    );
    CREATE TABLE measurements (
        id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series,
        board_id INTEGER NOT NULL REFERENCES boards ON DELETE CASCADE, round INTEGER NOT NULL, turn INTEGER NOT NULL,
        t_ns INTEGER NOT NULL, n INTEGER NOT NULL, min REAL, typical REAL, p50 REAL, p90 REAL, p95 REAL, p99 REAL,
        max REAL, mean REAL, value REAL, verdict TEXT NOT NULL, encoding TEXT NOT NULL, samples BLOB NOT NULL,
        UNIQUE (series_id, board_id, round, turn)
    );
    CREATE INDEX boards_of_firmware ON boards (modem_firmware, slm);
    CREATE INDEX measurements_of_board ON measurements (board_id);
    """,
    """
    ALTER TABLE boards ADD COLUMN side TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN bench TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE runs ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE boards RENAME COLUMN slm TO application_version;
    ALTER TABLE boards ADD COLUMN application TEXT NOT NULL DEFAULT '';
    UPDATE boards SET application = 'slm' WHERE application_version <> '';
    """,
    """
    ALTER TABLE boards ADD COLUMN band TEXT NOT NULL DEFAULT '';
    ALTER TABLE boards ADD COLUMN control INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE measurements ADD COLUMN step REAL NOT NULL DEFAULT 0;
    UPDATE measurements SET step = step_of(encoding, samples) WHERE encoding <> '';
    """,
    """
    ALTER TABLE runs ADD COLUMN ended TEXT NOT NULL DEFAULT '';
    """,
)
"""The schema, step by step; ``user_version`` of a file says how many steps it has."""


class Store:
    """A history file, open while the store is entered; ``:memory:`` for one that is not kept.

    Args:
        path: of the file.
        only_read: nothing is to be added, so that a file that cannot be written will do.
        night_ends: where the lab's nights end. A file that was kept by another border is dated anew, where it can be
            written; None leaves it as it is.

    Raises:
        LabError: The file cannot be opened, or was written by a newer version.
    """

    def __init__(self, path: Path | str, *, only_read: bool = False, night_ends: time | None = None) -> None:
        self._path = str(path)
        self._only_read = only_read
        self._night_ends = night_ends
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            if self._only_read and not self._can_be_written():
                self._open_as_it_is()
            else:
                self._open()
        except (sqlite3.Error, OSError, ValueError) as error:
            self.__exit__()
            raise self._unusable(error) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def _unusable(self, error: Exception) -> LabError:
        code = getattr(error, "sqlite_errorcode", None)  # the last byte is the kind
        if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LabError(f"the history {self._path} is locked by another program: try again when that has ended")
        return LabError(f"{self._path} is not a usable history: {in_words(error)}")

    def _can_be_written(self) -> bool:
        """Return whether SQLite can keep its journal beside the file, which it needs even to read."""
        folder = Path(self._path).absolute().parent
        return all(os.access(path, os.W_OK) for path in (folder, self._path))

    def _open_as_it_is(self) -> None:
        """Open a file that this user cannot write to: on a read-only file system, or another user's.

        What its owner writes in the meantime is not seen. A journal that is not empty holds rows that cannot be read.
        """
        path = Path(self._path).absolute()
        journal = path.with_name(f"{path.name}-wal")
        if journal.exists() and journal.stat().st_size:
            raise LabError(f"{path} is being written by somebody else: try again when that run is over")
        uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        if self._version() < len(MIGRATIONS):
            raise LabError(f"{self._path} is of an older version and cannot be written: copy it to where it can be")

    def _open(self) -> None:
        if self._path != ":memory:":
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        connection = self._connection = sqlite3.connect(
            self._path, timeout=_PATIENCE[self._only_read], isolation_level=None
        )
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("step_of", 2, _step_of_blob, deterministic=True)
        for number in range(self._version(), len(MIGRATIONS)):
            steps = f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;"
            connection.executescript(steps)
        if self._night_ends is not None:
            self._date_anew(self._night_ends)

    def _date_anew(self, ends: time) -> None:
        """Give each run its night by the lab's border; a file that has it so already is not written to."""
        runs = self.connection.execute("SELECT night, started, id FROM runs").fetchall()
        wrong = [(right, number) for night, started, number in runs if (right := night_of(started, ends)) != night]
        if wrong:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany("UPDATE runs SET night = ? WHERE id = ?", wrong)
            self.connection.execute("COMMIT")

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The database, while entered."""
        assert self._connection is not None, "the history is not open"
        return self._connection

    @property
    def night_ends(self) -> time:
        """Where a night ends."""
        return NOON if self._night_ends is None else self._night_ends

    def _version(self) -> int:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise LabError(
                f"{self._path} has schema {version}, this version of nrf91-bench knows {len(MIGRATIONS)}: update it"
            )
        return int(version)

    def add(self, run: RunRecord) -> bool:
        """Add a complete run, or nothing; return False when it was there. A run that was added too early is replaced.

        Raises:
            LabError: The file cannot be written.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                known = self.connection.execute("SELECT rows FROM runs WHERE uid = ?", (run.uid,)).fetchone()
                if known is not None and known[0] >= run.rows:
                    self.connection.execute("ROLLBACK")
                    return False
                self.connection.execute("DELETE FROM runs WHERE uid = ?", (run.uid,))
                self._insert(run)
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:  # OverflowError: a number of more than 64 bits
            raise LabError(f"cannot write {self._path}: {error}") from error
        return True

    def _insert(self, run: RunRecord) -> None:
        run_id = self._insert_row(
            "runs",
            {
                **{name: getattr(run, name) for name in _OF_A_RUN},
                "night": night_of(run.started, self.night_ends),
                "simulated": int(run.simulated),
            },
        )
        boards = {}
        for board in run.boards:
            row = {name: getattr(board, name) for name in BoardRecord.__slots__}
            boards[board.slot] = self._insert_row("boards", {**row, "run_id": run_id})
        for result in run.results:
            row = {name: getattr(result, name) for name in ResultRecord.__slots__ if name != "slot"}
            self._insert_row("results", {**row, "board_id": boards[result.slot]})
        for measurement in run.measurements:
            self._insert_measurement(measurement, boards[measurement.slot])

    def _insert_measurement(self, measurement: MeasurementRecord, board_id: int) -> None:
        kind, data = encode(measurement.samples) if len(measurement.samples) else ("", b"")
        self._insert_row(
            "measurements",
            {
                "series_id": self._series(measurement.test, measurement.name, measurement.unit),
                "board_id": board_id,
                **{name: getattr(measurement, name) for name in ("round", "turn", "t_ns", "verdict")},
                "n": measurement.count,
                **{name: measurement.figures.get(name) for name in _FIGURES},
                "encoding": kind,
                "samples": data,
                "step": measurement.step,
            },
        )

    def _series(self, test: str, name: str, unit: str) -> int:
        key = (name, test, unit)
        found = self.connection.execute("SELECT id FROM series WHERE (name, test, unit) = (?, ?, ?)", key).fetchone()
        return int(found[0]) if found else self._insert_row("series", {"name": name, "test": test, "unit": unit})

    def _insert_row(self, table: str, row: Mapping[str, Any]) -> int:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        cursor = self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        return int(cursor.lastrowid or 0)

    def merge(self, other: Path) -> int:
        """Copy the runs of another history that are not here; return their number.

        Raises:
            UsageError: There is no such file.
        """
        if not other.is_file():
            raise UsageError(f"{other} is not a file")
        with Store(other, only_read=True) as source:
            uids = [uid for (uid,) in source.rows("SELECT uid FROM runs ORDER BY started")]
            try:
                return sum(self.add(source.run(uid)) for uid in uids)
            except (sqlite3.Error, ValueError) as error:
                raise LabError(f"{other} is damaged: {error}") from error

    def run(self, uid: str) -> RunRecord:
        """Return a run as it was added."""
        query = "SELECT id, name, started, verdict, exit_code, simulated, bench, rows, ended FROM runs WHERE uid = ?"
        run_id, name, started, verdict, code, simulated, *rest = self.connection.execute(query, (uid,)).fetchone()
        columns = ", ".join(BoardRecord.__slots__)
        rows = self.connection.execute(f"SELECT id, {columns} FROM boards WHERE run_id = ?", (run_id,)).fetchall()
        slots = {row[0]: row[1] for row in rows}
        boards = tuple(BoardRecord(**dict(zip(BoardRecord.__slots__, row[1:], strict=True))) for row in rows)
        results: list[ResultRecord] = []
        measurements: list[MeasurementRecord] = []
        for board_id, slot in slots.items():
            results += self._results(board_id, slot)
            measurements += self._measurements(board_id, slot)
        bench, count, ended = rest
        seen = (boards, tuple(results), tuple(measurements))
        return RunRecord(uid, name, started, verdict, code, bool(simulated), bench, *seen, count, ended)

    def _results(self, board_id: int, slot: str) -> list[ResultRecord]:
        query = (
            "SELECT test, round, outcome, known_issue, attempts, duration_ns, message FROM results WHERE board_id = ?"
        )
        return [
            ResultRecord(test, slot, number, outcome, bool(known), attempts, duration, message)
            for test, number, outcome, known, attempts, duration, message in self.connection.execute(query, (board_id,))
        ]

    def _measurements(self, board_id: int, slot: str) -> list[MeasurementRecord]:
        query = (
            f"SELECT test, name, unit, round, turn, t_ns, n, verdict, encoding, samples, {', '.join(_FIGURES)}"
            " FROM measurements JOIN series ON series.id = series_id WHERE board_id = ? ORDER BY measurements.id"
        )
        found = []
        for row in self.connection.execute(query, (board_id,)):
            test, name, unit, number, turn, t_ns, count, verdict, kind, data, *values = row
            figures = {name: value for name, value in zip(_FIGURES, values, strict=True) if value is not None}
            samples = tuple(decode(kind, data)) if kind else ()
            found.append(
                MeasurementRecord(test, slot, number, turn, name, unit, t_ns, count, figures, verdict, samples)
            )
        return found

    def values_by_firmware(self, name: str) -> list[tuple[str, str, str, Floats]]:
        """Return test, firmware, unit and all values of a measurement, over all runs and boards.

        The values are the samples of a series, or single values; tests that measure by one name are kept apart.
        """
        query = (
            "SELECT test, modem_firmware, application, application_version, unit, encoding, samples, value FROM series"
            " JOIN measurements ON series_id = series.id JOIN boards ON boards.id = board_id WHERE name = ?"
            " ORDER BY test, measurements.id"
        )
        found: dict[tuple[str, str, str], list[Floats]] = {}
        for test, modem, application, version, unit, kind, data, value in self.rows(query, (name,)):
            if kind or value is not None:
                firmware = firmware_text(modem, application, version)
                values = decode(kind, data) if kind else numpy.asarray([value])
                found.setdefault((test, firmware, unit), []).append(values)
        return [(*key, numpy.concatenate(parts)) for key, parts in found.items()]

    def last_alike(self, run: RunRecord) -> RunRecord | None:
        """Return the last run before a run on exactly its boards and with exactly its suites; None without one."""
        boards, suites = sorted(board.identity for board in run.boards), run.suites
        query = (
            "SELECT uid, (SELECT json_group_array(identity) FROM boards WHERE run_id = runs.id) FROM runs"
            " WHERE simulated = ? AND uid <> ? ORDER BY started DESC LIMIT 200"
        )
        for uid, found in self.rows(query, (int(run.simulated), run.uid)):
            if sorted(json.loads(found)) == boards and self._suites_of(uid) == suites:
                return self.run(uid)
        return None

    def last_application(self, slot: str, *, simulated: bool) -> tuple[str, str] | None:
        """Return application and version that a board of a name had in its last run; None where it never answered."""
        query = (
            "SELECT application, application_version FROM boards JOIN runs ON runs.id = run_id"
            " WHERE slot = ? AND boards.simulated = ? AND application <> '' ORDER BY started DESC LIMIT 1"
        )
        found = self.rows(query, (slot, int(simulated)))
        return (str(found[0][0]), str(found[0][1])) if found else None

    def _suites_of(self, uid: str) -> set[str]:
        query = (
            "SELECT DISTINCT substr(test, 1, instr(test, '::') - 1) FROM results JOIN boards ON boards.id = board_id"
            " JOIN runs ON runs.id = run_id WHERE uid = ?"
        )
        return {suite for (suite,) in self.rows(query, (uid,))}

    def earlier(self, test: str, boards: Sequence[str], *, simulated: bool) -> str:
        """Return how a test ended in earlier nights on the boards where it fails now; empty when it never ran there.

        Args:
            test: its id.
            boards: their identities.
            simulated: whether they are simulated.
        """
        places = ", ".join("?" for _ in boards)
        query = (
            "SELECT night, max(outcome = 'failed'), max(known_issue) FROM results JOIN boards ON boards.id = board_id"
            f" JOIN runs ON runs.id = run_id WHERE test = ? AND boards.simulated = ? AND identity IN ({places})"
            " AND outcome IN ('passed', 'failed')"
            " GROUP BY runs.id ORDER BY started DESC LIMIT 100"
        )
        failing = ""
        for date, failed, known in self.rows(query, (test, int(simulated), *boards)):
            night = night_text(date, self.night_ends)
            if not failed:
                before = "a known issue" if known else "passed"
                return f"failing since the night of {failing}" if failing else f"new: {before} in the night of {night}"
            failing = night
        return f"failing since the night of {failing}, or longer" if failing else ""

    def rows(self, query: str, values: Iterable[object] = ()) -> Sequence[tuple[Any, ...]]:
        """Return the rows that an SQL query gives.

        Raises:
            LabError: The file is damaged, or is not a history.
        """
        try:
            return self.connection.execute(query, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """See the history as it is now for as long as this is entered, whatever others add to it.

        Raises:
            LabError: as :meth:`rows`.
        """
        self.rows("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):  # where the file is damaged, that is being told already
                self.connection.execute("ROLLBACK")

    def each(self, query: str, values: Iterable[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that an SQL query gives, of which there may be more than fit into memory.

        Raises:
            LabError: as :meth:`rows`.
        """
        try:
            yield from self.connection.execute(query, tuple(values))
        except sqlite3.Error as error:
            raise self._unusable(error) from error


def _step_of_blob(kind: str, data: bytes) -> float:
    """Return the resolution of stored samples; 0 for damaged ones, which are reported where they are read."""
    try:
        return step_of(decode(kind, data))
    except ValueError:
        return 0.0
