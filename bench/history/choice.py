"""Choices of a history's runs: nights, firmwares, boards, as ``compare`` and ``history changes`` take them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.boards.discovery import same_serial
from bench.config.firmware import firmware_text
from bench.config.lab import BoardEntry
from bench.config.selector import (
    BOARD_KINDS,
    FIRMWARE_KINDS,
    RUN_KINDS,
    Condition,
    firmware_matches,
    parse_conditions,
)
from bench.errors import UsageError
from bench.history.night import local_day, night_text
from bench.history.store import Store
from bench.suggestion import did_you_mean

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
    "runs.name",
    "side",
)
_OF_RUNS = {
    "name": ("slot",),
    "model": ("model",),
    "run": ("runs.name",),
    "group": ("side",),
    "board": ("slot", "identity"),
    "operator": ("operator",),
    "access": ("access",),
    "identity": ("identity",),
    "": ("modem_firmware", "application_version", "runs.name", "side"),
}
"""Kind of condition -> the columns of which one must match; without a kind a value is sought in several."""
_OF_INVENTORY: Mapping[str, Callable[[BoardEntry, Condition], bool]] = {
    "serial": lambda entry, condition: same_serial(condition.value, entry.serial or ""),
    "place": lambda entry, condition: condition.matches(entry.place or ""),
    "label": lambda entry, condition: any(map(condition.matches, entry.labels)),
}
"""Kinds that no history knows: the inventory tells the names of such boards."""


@dataclass(frozen=True, slots=True)
class _Ran:
    """A board of a run, as the history has it."""

    night: str
    values: Mapping[str, str]

    @property
    def modem_firmware(self) -> str:
        return self.values["modem_firmware"]

    @property
    def application(self) -> str:
        return self.values["application"]

    @property
    def application_version(self) -> str:
        return self.values["application_version"]


_Predicate = Callable[[_Ran], bool]


def chosen_runs(store: Store, text: str, inventory: Sequence[BoardEntry] = ()) -> dict[int, str]:
    """Return the boards (of runs) that a choice selects: their numbers in the history, and their firmware.

    Control boards are beside both sides, and never part of one.

    A choice is conditions with commas between them, all of which hold: ``2026-11-01`` or ``2026-11-01..2026-11-14``
    (nights), or one of :mod:`bench.config.selector`; a word alone is a modem firmware, an application's version, a run
    or a group.

    Args:
        store: the history.
        text: the choice.
        inventory: the lab's boards, for conditions on what no history knows: ``serial=``, ``place=``, ``label=``.

    Raises:
        UsageError: The choice cannot be read.
    """
    conditions = [_predicate(part.strip(), text, inventory) for part in text.split(",")]
    query = (
        f"SELECT boards.id, night, {', '.join(_COLUMNS)} FROM boards JOIN runs ON runs.id = run_id WHERE NOT control"
    )
    found = {}
    for number, night, *values in store.rows(query):
        ran = _Ran(night, dict(zip(_COLUMNS, values, strict=True)))
        if all(holds(ran) for holds in conditions):
            found[int(number)] = firmware_text(ran.modem_firmware, ran.application, ran.application_version)
    return found


def _predicate(part: str, whole: str, inventory: Sequence[BoardEntry]) -> _Predicate:
    """Return the test of one condition.

    Raises:
        UsageError: it cannot be read, or no board of the inventory fits it.
    """
    dates = _DATES.fullmatch(part)
    if dates:
        first, last = dates[1], dates[2] or dates[1]
        return lambda ran: first <= ran.night <= last
    condition = _condition_of(part)
    if condition.kind in FIRMWARE_KINDS:
        return lambda ran: firmware_matches(condition, ran)
    if condition.kind in _OF_INVENTORY:
        names = {entry.name for entry in inventory if _OF_INVENTORY[condition.kind](entry, condition)}
        if not names:
            raise UsageError(
                f"{whole}: bench.toml has no board with {part}, and the history keeps names only: write name=..."
            )
        return lambda ran: ran.values["slot"] in names
    columns = _OF_RUNS[condition.kind]
    return lambda ran: any(condition.matches(ran.values[column]) for column in columns)


def _condition_of(part: str) -> Condition:
    (condition,) = parse_conditions(part, "", (*BOARD_KINDS, *FIRMWARE_KINDS, *RUN_KINDS))
    return condition


def why_none(store: Store, text: str, inventory: Sequence[BoardEntry] = ()) -> str:
    """Return why a choice has no measurement, as the end of a sentence; empty where that cannot be told."""
    if chosen_runs(store, text, inventory):
        return ": the runs that it means measured nothing"
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        dates = _DATES.fullmatch(part)
        if dates:
            hint = _other_nights(store, dates[1], dates[2] or dates[1])
        else:
            condition = _condition_of(part)
            hint = did_you_mean(condition.value, _known_values(store, condition.kind))
        if hint:
            return hint
    return ""


def _other_nights(store: Store, first: str, last: str) -> str:
    """Return to which nights the runs of some days belong."""
    rows = store.rows("SELECT DISTINCT night, started FROM runs ORDER BY started")
    nights = {night for night, started in rows if first <= local_day(started) <= last}
    if not nights:
        return ""
    ends, night = store.night_ends, min(nights)
    return f"; a run of that day before {ends:%H:%M} belongs to the night of {night_text(night, ends)}: write {night}"


def _known_values(store: Store, kind: str) -> list[str]:
    """Return what stands in the history where a condition looks."""
    columns = _OF_RUNS.get(kind, ("modem_firmware",) if kind in ("modem", "firmware") else ("application_version",))
    found: set[str] = set()
    for column in columns:
        rows = store.rows(f"SELECT DISTINCT {column} FROM boards JOIN runs ON runs.id = run_id WHERE NOT control")
        found |= {value for (value,) in rows if value}
    return sorted(found)
