"""Observations: one measurement on one board, in one round of one night."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from bench.config.firmware import firmware_text
from bench.errors import UsageError
from bench.history.store import Store

_DATES = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?")
_COLUMNS = (
    "modem_firmware",
    "application",
    "application_version",
    "model",
    "identity",
    "slot",
    "access",
    "operator",
    "name",
    "side",
)
SIMULATED = "SIMULATED "
"""Begins the model of a simulated board, so that it is never compared with a real one."""
UNKNOWN = "unknown"
"""The model of a board that was named by its port."""
_APPLICATIONS = ("slm", "serial-modem")
_WORDS = {
    "firmware": "modem_firmware",
    "modem": "modem_firmware",
    "version": "application_version",
    "slm": "slm",
    "serial-modem": "serial-modem",
    "board": "board",
    "run": "name",
    "group": "side",
}


class Key(NamedTuple):
    """The identity of a measurement: two observations with the same key can be compared."""

    test: str
    name: str
    unit: str
    model: str
    access: str
    operator: str

    @property
    def text(self) -> str:
        """The measurement's name, then the facts that distinguish it from others of that name."""
        where = " ".join(part for part in (self.model, self.access, self.operator) if part)
        return f"{self.name} ({where})" if where else self.name


@dataclass(frozen=True, slots=True)
class Observation:
    """One measurement of one board in one round.

    Attributes:
        night: date on which the night began.
        board: identity of the board, the same on other nights.
        round: round of its run; run and round together are a turn.
        figures: statistics by name.
        count: number of samples.
        trial: number that no other observation has, not even one of another history; 0 is none.
        band: of the cell.
        step: resolution of the samples, in the unit of the figures; 0 where none is seen.
        slot: name of the board in its run.
        bench: version of the bench.
    """

    key: Key
    run: str
    night: str
    board: str
    cell: str
    firmware: str
    round: int
    figures: dict[str, float]
    count: int
    trial: int = 0
    band: str = ""
    step: float = 0.0
    slot: str = ""
    bench: str = ""


def chosen_runs(store: Store, text: str) -> dict[int, str]:
    """Return the boards (of runs) that a choice selects: their numbers in the history, and their firmware.

    Control boards are beside both sides, and never part of one.

    A choice is conditions with commas between them, all of which hold: ``2026-11-01`` or ``2026-11-01..2026-11-14``
    (nights), ``modem=mfw_nrf91x1_2.0.*``, ``application=slm``, ``version=3.1.0``, ``run=NAME``, ``model=``, ``board=``,
    ``operator=``, ``access=``, ``group=``; ``slm=3.1.0`` is short for ``application=slm,version=3.1.0``, and
    ``serial-modem=2.0.0`` likewise; a word alone is a modem firmware, an application's version or a run.

    Raises:
        UsageError: The choice cannot be read.
    """
    query = (
        f"SELECT boards.id, night, {', '.join(_COLUMNS)} FROM boards JOIN runs ON runs.id = run_id WHERE NOT control"
    )
    found = {}
    conditions = [_condition(part.strip()) for part in text.split(",")]
    for number, night, *values in store.rows(query):
        row = {"night": night, **dict(zip(_COLUMNS, values, strict=True))}
        if all(_holds(condition, row) for condition in conditions):
            found[int(number)] = firmware_text(row["modem_firmware"], row["application"], row["application_version"])
    return found


def _condition(part: str) -> tuple[str, str, str]:
    """Return (kind, low or pattern, high)."""
    dates = _DATES.fullmatch(part)
    if dates:
        return "night", dates[1], dates[2] or dates[1]
    word, equals, pattern = part.partition("=")
    if not equals and part:
        return "any", part, ""
    column = _WORDS.get(word, word)
    if column not in {*_COLUMNS, *_WORDS.values()} or not pattern:
        words = ", ".join(sorted({*_COLUMNS, *_WORDS}))
        raise UsageError(f"{part!r} chooses nothing: write a date, a range of dates A..B, or WORD=PATTERN with {words}")
    return column, pattern, ""


def _holds(condition: tuple[str, str, str], row: dict[str, str]) -> bool:
    kind, low, high = condition
    if kind == "night":
        return low <= row["night"] <= high
    if kind in _APPLICATIONS:
        return row["application"] == kind and fnmatchcase(row["application_version"], low)
    several = {"any": ("modem_firmware", "application_version", "name", "side"), "board": ("slot", "identity")}
    columns = several.get(kind, (kind,))
    return any(fnmatchcase(row[column], low) for column in columns)


def observations(
    store: Store, boards: Sequence[int], models: Mapping[str, str] | None = None, series: int | None = None
) -> list[Observation]:
    """Return every measurement of these boards (of runs) that has a known statistic.

    Args:
        store: the history.
        boards: their numbers in it.
        models: of boards that were named by a port, by identity; None takes those that this history knows.
        series: number of the only series that is wanted, so that a large history need not fit into memory; None is all.
    """
    found = []
    models = known_models(store) if models is None else models
    statistics = ("typical", "p50", "p90", "p95", "p99", "mean", "value")
    query = (
        "SELECT turn, slot, boards.simulated, uid, night, identity, cell, band, modem_firmware, application,"
        " application_version, round, n, step, runs.bench, test,"
        f" series.name, unit, model, access, operator, {', '.join(statistics)} FROM measurements"
        " JOIN series ON series.id = series_id JOIN boards ON boards.id = board_id JOIN runs ON runs.id = run_id"
        " WHERE board_id = ? AND (series_id = ? OR ?)"
    )
    for board in boards:
        for row in store.rows(query, (board, series, series is None)):
            turn, slot, simulated, run, night, identity, cell, band, modem, application, version = row[:11]
            number, count, step, bench, test, name, unit, model, access, operator, *values = row[11:]
            model = models.get(identity, model) if model in ("", UNKNOWN) else model
            key = Key(
                test, name, unit, f"{SIMULATED}{model or UNKNOWN}" if simulated else model or UNKNOWN, access, operator
            )
            figures = {figure: value for figure, value in zip(statistics, values, strict=True) if value is not None}
            trial = hash((run, slot, test, name, number, turn))
            firmware = firmware_text(modem, application, version)
            found.append(
                Observation(
                    key, run, night, identity, cell, firmware, number, figures, count, trial, band, step, slot, bench
                )
            )
    return found


def control_boards(store: Store, boards: Sequence[int]) -> list[int]:
    """Return the control boards (of runs) that ran beside these boards."""
    query = "SELECT id FROM boards WHERE control AND run_id = (SELECT run_id FROM boards WHERE id = ?)"
    return sorted({int(number) for board in boards for (number,) in store.rows(query, (board,))})


def known_models(store: Store) -> dict[str, str]:
    """Return the model of each board that the history has ever seen by a model's name, by the board's identity."""
    query = "SELECT DISTINCT identity, model FROM boards WHERE model NOT IN ('', ?) ORDER BY id"
    return dict(store.rows(query, (UNKNOWN,)))
