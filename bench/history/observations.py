"""Observations: one measurement on one board, in one round of one night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.config.firmware import firmware_text
from bench.history.store import Store

SIMULATED = "SIMULATED "
"""Begins the model of a simulated board, so that it is never compared with a real one."""
UNKNOWN = "unknown"
"""The model of a board that was named by its port."""


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
