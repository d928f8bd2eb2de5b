"""The runs of a history, and the measurements of one name, as rows for a person or for another program."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.clock import seconds_between
from bench.config.firmware import firmware_text
from bench.history.store import Store

OUTCOMES = ("passed", "failed", "lab_error", "script_error", "skipped", "died")
_FIGURES = ("value", "min", "typical", "p50", "p90", "p95", "p99", "max", "mean")


@dataclass(frozen=True)
class ListedBoard:
    """A board of a run.

    Attributes:
        identity: short id of its IMEI, else its name: the same on other nights.
        firmware: in one line; empty for a board that did not answer.
    """

    name: str
    model: str
    firmware: str
    simulated: bool
    control: bool
    identity: str


@dataclass(frozen=True)
class ListedRun:
    """A run.

    Attributes:
        started: UTC, ISO 8601.
        night: date of the day on which the night began.
        seconds: how long it took; None where that is not known.
        counts: results by outcome, control boards left out.
        known_issues: of those that passed, failures that are known.
    """

    uid: str
    name: str
    started: str
    night: str
    seconds: float | None
    verdict: str
    exit_code: int
    simulated: bool
    bench: str
    boards: Sequence[ListedBoard]
    counts: Mapping[str, int]
    known_issues: int


@dataclass(frozen=True)
class ListedMeasurement:
    """A measurement of one test on one board in one round.

    Attributes:
        figures: statistics by name, in the unit; a single value is ``value``.
        count: of samples.
    """

    run: str
    started: str
    night: str
    board: str
    model: str
    simulated: bool
    modem_firmware: str
    application: str
    application_version: str
    test: str
    name: str
    unit: str
    round: int
    count: int
    figures: Mapping[str, float]
    verdict: str


def listed_runs(store: Store) -> list[ListedRun]:
    """Return the runs, the latest last."""
    boards: dict[int, list[ListedBoard]] = {}
    query = (
        "SELECT run_id, slot, model, modem_firmware, application, application_version, simulated, control, identity"
        " FROM boards ORDER BY slot"
    )
    for run, slot, model, modem, application, version, simulated, control, identity in store.rows(query):
        firmware = firmware_text(modem, application, version)
        board = ListedBoard(slot, model, firmware, bool(simulated), bool(control), identity)
        boards.setdefault(run, []).append(board)
    counts: dict[int, dict[str, int]] = {}
    known: dict[int, int] = {}
    query = (
        "SELECT run_id, outcome, count(*), total(known_issue) FROM results JOIN boards ON boards.id = board_id"
        " WHERE NOT control GROUP BY run_id, outcome"
    )
    for run, outcome, number, issues in store.rows(query):
        counts.setdefault(run, dict.fromkeys(OUTCOMES, 0))[outcome] = number
        known[run] = known.get(run, 0) + int(issues)
    query = (
        "SELECT id, uid, name, started, night, ended, verdict, exit_code, simulated, bench FROM runs ORDER BY started"
    )
    return [
        ListedRun(
            uid,
            name,
            started,
            night,
            seconds_between(started, ended),
            verdict,
            code,
            bool(simulated),
            bench,
            boards.get(run, []),
            counts.get(run, dict.fromkeys(OUTCOMES, 0)),
            known.get(run, 0),
        )
        for run, uid, name, started, night, ended, verdict, code, simulated, bench in store.rows(query)
    ]


def listed_measurements(store: Store, name: str) -> Iterator[ListedMeasurement]:
    """Yield the measurements of a name, the latest last."""
    query = (
        "SELECT runs.name, started, night, slot, model, boards.simulated, modem_firmware, application,"
        " application_version, test, series.name, unit, round, n, measurements.verdict,"
        f" {', '.join(f'measurements.{figure}' for figure in _FIGURES)}"
        " FROM measurements JOIN series ON series.id = series_id JOIN boards ON boards.id = board_id"
        " JOIN runs ON runs.id = run_id WHERE series.name = ? ORDER BY started, measurements.id"
    )
    for row in store.rows(query, (name,)):
        run, started, night, board, model, simulated, modem, application, version, test, named = row[:11]
        unit, number, count, verdict, *values = row[11:]
        figures = {key: value for key, value in zip(_FIGURES, values, strict=True) if value is not None}
        yield ListedMeasurement(
            run,
            started,
            night,
            board,
            model,
            bool(simulated),
            modem,
            application,
            version,
            test,
            named,
            unit,
            number,
            count,
            figures,
            verdict,
        )


def names_of_measurements(store: Store) -> list[str]:
    """Return the names of all measurements."""
    return [name for (name,) in store.rows("SELECT DISTINCT name FROM series ORDER BY name")]
