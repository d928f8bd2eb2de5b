"""The ledger: the costs of boards, SIMs and tests so far, in one file a host, kept from run to run."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Self

from bench.errors import LabError, in_words
from bench.shared_files import check_own
from bench.state import state_folder

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    day TEXT, subject TEXT, what TEXT, amount INTEGER NOT NULL, PRIMARY KEY (day, subject, what)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS costs (
    test TEXT, network TEXT, what TEXT, most INTEGER NOT NULL, PRIMARY KEY (test, network, what)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS begun (
    board TEXT PRIMARY KEY, day TEXT NOT NULL, sim TEXT NOT NULL, octets INTEGER, attaches INTEGER,
    credential_writes INTEGER, resets INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    board TEXT, kind TEXT, whole INTEGER NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, says TEXT NOT NULL,
    PRIMARY KEY (board, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sims (board TEXT PRIMARY KEY, sim TEXT NOT NULL) WITHOUT ROWID;
"""
_WAIT_SECONDS = 30.0
_KEPT = "-62 days"  # longer than any budget reaches back


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount that was spent, or may be.

    Attributes:
        octets: bytes of IP packets, both ways.
        attaches: how often the modem was made to attach.
        credential_writes: how often its flash was written.
        resets: how often it was reset.
        milliseconds: of real time.
        flashes: how often it was programmed.
    """

    octets: int = 0
    attaches: int = 0
    credential_writes: int = 0
    resets: int = 0
    milliseconds: int = 0
    flashes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Cost)))


@dataclass(frozen=True, slots=True)
class HeldImage:
    """The image that a board holds, as far as the bench has programmed it.

    Attributes:
        whole: its programming came to its end, and the board has answered since.
        name: of its file.
        sha256: of its file.
        says: what the board said of itself afterwards.
    """

    whole: bool
    name: str
    sha256: str
    says: str


def ledger_path() -> Path:
    """Return the file of this host."""
    return state_folder() / "ledger.sqlite"


class Ledger:
    """The file, for as long as it is entered. Several boards' processes write to it at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or ledger_path()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            LabError: it cannot be kept, and without it no budget.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            check_own(self._path)
            self._connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            with contextlib.suppress(sqlite3.OperationalError):  # others use the file as it is: so can we
                self._connection.execute("PRAGMA journal_mode = WAL")
            # What a killed process has written stays; a host that loses power may forget the last half minute.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
            # By the newest entry, not by this host's clock: one that jumps must not make anybody forget.
            self._connection.execute("DELETE FROM spent WHERE day < (SELECT date(max(day), ?) FROM spent)", (_KEPT,))
        except (OSError, sqlite3.Error) as error:
            self.__exit__()
            raise LabError(
                f"{self._path} cannot be kept, and with it what SIMs may spend: {in_words(error)}"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that is written meanwhile, or nothing of it; other processes wait as long.

        Raises:
            LabError: the ledger cannot be written.
        """
        with self._telling():
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield

    def spend(self, day: date, subject: str, cost: Cost) -> None:
        """Add to the amount that a subject, a board or a SIM, has spent on a day."""
        rows = [(day.isoformat(), subject, what, amount) for what, amount in _parts(cost) if amount]
        self._write(
            "INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount", rows
        )

    def spent(self, subject: str, first: date, last: date) -> Cost:
        """Return the amount that a subject has spent from a day to another, both included."""
        query = "SELECT what, SUM(amount) FROM spent WHERE subject = ? AND day BETWEEN ? AND ? GROUP BY what"
        return self._cost(query, subject, first.isoformat(), last.isoformat())

    def note(self, test: str, network: str, cost: Cost) -> None:
        """Keep the most that a test has cost on a kind of network."""
        rows = [(test, network, what, amount) for what, amount in _parts(cost)]
        self._write(
            "INSERT INTO costs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET most = max(most, excluded.most)", rows
        )

    def expected(self, test: str, network: str) -> Cost | None:
        """Return the most that a test has cost there; None when it never ran there."""
        query = "SELECT what, most FROM costs WHERE test = ? AND network = ?"
        found = self._cost(query, test, network)
        return None if found == Cost() else found

    def remember_sim(self, board: str, sim: str) -> None:
        """Keep which SIM a board has."""
        self._write("INSERT INTO sims VALUES (?, ?) ON CONFLICT DO UPDATE SET sim = excluded.sim", [(board, sim)])

    def begin(self, day: date, board: str, sim: str, cost: Cost) -> None:
        """Keep what a test may spend until it is over: a test that is killed has spent this amount."""
        row = (board, day.isoformat(), sim, cost.octets, cost.attaches, cost.credential_writes, cost.resets)
        self._write("INSERT OR REPLACE INTO begun VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def over(self, board: str) -> None:
        """Note that the board's test is over, and that its cost is known."""
        self._write("DELETE FROM begun WHERE board = ?", [(board,)])

    def left_over(self, board: str) -> tuple[date, str, Cost] | None:
        """Return day, SIM and highest cost of a test of that board whose end nobody saw."""
        with self._telling():
            row = self._db.execute("SELECT * FROM begun WHERE board = ?", (board,)).fetchone()
        if row is None:
            return None
        return date.fromisoformat(row[1]), str(row[2]), Cost(*map(int, row[3:7]))

    def sim_of(self, board: str) -> str:
        """Return the SIM that a board had when it was open last; empty when it never was."""
        with self._telling():
            row = self._db.execute("SELECT sim FROM sims WHERE board = ?", (board,)).fetchone()
        return str(row[0]) if row else ""

    def keep_image(self, board: str, kind: str, image: HeldImage) -> None:
        """Keep what a board holds, before it is programmed (not whole) and when it has answered since."""
        row = (board, kind, int(image.whole), image.name, image.sha256, image.says)
        self._write("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?)", [row])

    def images_of(self, board: str) -> dict[str, HeldImage]:
        """Return the images that a board holds, by kind."""
        query = "SELECT kind, whole, name, sha256, says FROM images WHERE board = ?"
        with self._telling():
            found = self._db.execute(query, (board,)).fetchall()
        return {kind: HeldImage(bool(whole), name, sha256, says) for kind, whole, name, sha256, says in found}

    def forget_image(self, board: str, kind: str) -> None:
        """Forget what a board holds: somebody else has programmed it."""
        self._write("DELETE FROM images WHERE board = ? AND kind = ?", [(board, kind)])

    @property
    def _db(self) -> sqlite3.Connection:
        assert self._connection is not None, "the ledger is not open"
        return self._connection

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self.transaction():
            self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LabError(f"{self._path} cannot be kept, and with it what SIMs may spend: {error}") from error

    def _cost(self, query: str, *values: str) -> Cost:
        known = {part.name for part in fields(Cost)}
        with self._telling():
            return Cost(**{what: int(amount) for what, amount in self._db.execute(query, values) if what in known})


def _parts(cost: Cost) -> list[tuple[str, int]]:
    return [(part.name, getattr(cost, part.name)) for part in fields(Cost)]
