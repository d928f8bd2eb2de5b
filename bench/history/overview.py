"""Overviews: the boards that a history knows; its results and lab errors, from some night on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, cast

from bench.config.firmware import firmware_text
from bench.history.listing import OUTCOMES
from bench.history.store import Store


@dataclass(frozen=True, slots=True)
class BoardSeen:
    """A board as it was in its last run.

    Attributes:
        identity: short id; a simulated board may have that of a real one, so that ``simulated`` belongs to it.
        started: when that run began, UTC.
        runs: how many the history has of it.
        first: the first night that the history has of it.
    """

    identity: str
    simulated: bool
    slot: str
    model: str
    firmware: str
    control: bool
    network: str
    run: str
    night: str
    started: str
    runs: int
    first: str


class ResultCount(NamedTuple):
    """The results of a test in a night, on one board and firmware.

    Attributes:
        counts: how many of each of ``OUTCOMES``, in their order; then how many of those that passed are known issues.
    """

    test: str
    night: str
    board: tuple[str, bool]
    firmware: str
    counts: tuple[int, ...]


class LabErrorSeen(NamedTuple):
    """A test that ended in a lab error."""

    message: str
    test: str
    night: str
    board: tuple[str, bool]
    firmware: str


def last_nights(store: Store, most: int) -> tuple[list[str], int]:
    """Return the last nights that have a run, the earliest first, and how many nights there are in all.

    A run that does not say when it began belongs to no night.
    """
    found = [night for (night,) in store.rows("SELECT DISTINCT night FROM runs ORDER BY night") if _is_date(night)]
    return found[-most:], len(found)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def boards_under_test(store: Store, since: str) -> list[int]:
    """Return the numbers of all boards (of runs) that are not control boards."""
    query = "SELECT boards.id FROM boards JOIN runs ON runs.id = run_id WHERE night >= ? AND NOT control"
    return [number for (number,) in store.rows(query, (since,))]


def boards_seen(store: Store) -> list[BoardSeen]:
    """Return every board that the history knows, those that were seen last first."""
    query = (
        "SELECT identity, boards.simulated, slot, model, modem_firmware, application, application_version, control,"
        " access, operator, band, name, night, started FROM boards JOIN runs ON runs.id = run_id"
        " ORDER BY started, runs.id"
    )
    found: dict[tuple[str, bool], BoardSeen] = {}
    for identity, simulated, slot, model, modem, application, version, control, *rest in store.each(query):
        access, operator, band, run, night, started = rest
        board = identity, bool(simulated)
        before = found.pop(board, None)
        network = ", ".join(part for part in (f"{access} {operator}".strip(), band and f"band {band}") if part)
        firmware = firmware_text(modem, application, version)
        runs, first = (before.runs + 1, before.first) if before else (1, night)
        found[board] = BoardSeen(
            *board, slot, model, firmware, bool(control), network, run, night, started, runs, first
        )
    return list(found.values())[::-1]


def result_counts(store: Store, since: str) -> Iterator[ResultCount]:
    """Yield how often each test had which outcome, by night, board and firmware; one test after the other."""
    counts = ", ".join(f"sum(outcome = '{outcome}')" for outcome in OUTCOMES)
    of = "identity, boards.simulated, modem_firmware, application, application_version"
    query = (
        f"SELECT test, night, {of}, {counts}, sum(known_issue) FROM results JOIN boards ON boards.id = board_id"
        f" JOIN runs ON runs.id = run_id WHERE night >= ? AND NOT control GROUP BY test, night, {of}"
        " ORDER BY test, night"
    )
    for test, night, identity, simulated, modem, application, version, *numbers in store.each(query, (since,)):
        firmware = firmware_text(modem, application, version)
        yield ResultCount(test, night, (identity, bool(simulated)), firmware, tuple(numbers))


def lab_errors(store: Store, since: str) -> Iterator[LabErrorSeen]:
    """Yield the results that are lab errors, the earliest night first."""
    query = (
        "SELECT message, test, night, identity, boards.simulated, modem_firmware, application, application_version"
        " FROM results JOIN boards ON boards.id = board_id JOIN runs ON runs.id = run_id"
        " WHERE night >= ? AND outcome = 'lab_error' AND NOT control ORDER BY night, test"
    )
    for message, test, night, identity, simulated, *firmware in store.each(query, (since,)):
        yield LabErrorSeen(message, test, night, (identity, bool(simulated)), firmware_text(*firmware))


def series_of(store: Store) -> Sequence[tuple[int, str]]:
    """Return the number and the name of every series, by name."""
    return cast("Sequence[tuple[int, str]]", store.rows("SELECT id, name FROM series ORDER BY name, test, unit"))
