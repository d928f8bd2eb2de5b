"""``nrf91-bench boards --lab``: the boards of all hosts, who has them, and a board that a person keeps."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table

from bench.cli.terminal import VisibleConsole, say, say_lines
from bench.config.lab import Config
from bench.errors import LabError, UsageError
from bench.lab.coordinator import Coordinator
from bench.lab.places import LabPlace, Owner, comment_of, owner_text
from bench.lab.tunnel import way_to_coordinator

_WIDTH_OF_A_FILE = 200


def list_lab_boards(lab: Config, *, as_json: bool) -> None:
    """Print the boards of the lab.

    Raises:
        LabError: the coordinator cannot be reached.
    """
    with way_to_coordinator(lab.lab) as way, Coordinator(way) as coordinator:
        places = coordinator.places()
    if as_json:
        say_lines(json.dumps([_to_json(place) for place in places], indent=2))
        return
    if not places:
        say("the lab has no board yet; nrf91-bench lab add HOST adds those of a host")
        return
    _print(places)


def _state(place: LabPlace) -> str:
    """Return the state of a board in a word or two."""
    if not place.address:
        return "host is away"
    if place.attached is False:
        return "not attached"
    if place.holder:
        return "reserved" if place.kept_until else "in use"
    return "free"


def _to_json(place: LabPlace) -> dict[str, object]:
    return {
        "name": place.name,
        "model": place.tags.get("model", ""),
        "serial": place.tags.get("serial", ""),
        "host": place.host,
        "labels": place.labels,
        "state": _state(place),
        "holder": owner_text(place.holder) if place.holder else None,
        "until": place.kept_until.astimezone(UTC).isoformat() if place.kept_until else None,
        "details": place.holder_text,
    }


def _print(places: Sequence[LabPlace]) -> None:
    table = Table("name", "model", "host", "state", "who has it", box=None, pad_edge=False)
    for column in table.columns[:4]:
        column.no_wrap = True
    for place in places:
        who = place.holder_text.removeprefix("in use by ").removeprefix("reserved by ")
        table.add_row(place.name, place.tags.get("model", ""), place.host, _state(place), who)
    console = VisibleConsole()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    console.print(table)


def reserve_in_lab(lab: Config, name: str, until: datetime, why: str) -> None:
    """Keep a board of the lab for this person: runs leave it alone, unless they name it.

    Raises:
        UsageError: the time has passed, or somebody else has it.
    """
    if until <= datetime.now(UTC):
        raise UsageError(f"{until:%Y-%m-%d %H:%M} UTC has passed")
    person = Owner.here().person
    with way_to_coordinator(lab.lab) as way, Coordinator(way, person) as coordinator:
        place = coordinator.place(name)
        if place.holder and place.holder != person:
            if not place.is_over(datetime.now(UTC)):
                raise UsageError(f"{name} is {place.holder_text}")
            coordinator.release(name, place.holder)
        coordinator.remark(name, comment_of(until, why))
        if place.holder != person:
            try:
                coordinator.acquire(name)
            except LabError as error:
                raise UsageError(f"{name} was taken meanwhile: {error}") from error
    say(f"{name}   reserved by {owner_text(person)} until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {why}")


def release_in_lab(lab: Config, name: str) -> None:
    """Give a board of the lab back that this person keeps.

    Raises:
        UsageError: nobody keeps it, or somebody else has it.
    """
    person = Owner.here().person
    with way_to_coordinator(lab.lab) as way, Coordinator(way, person) as coordinator:
        place = coordinator.place(name)
        if place.holder != person:
            raise UsageError(f"{name} is {place.holder_text or 'not reserved'}")
        coordinator.remark(name, "")
        coordinator.release(name)
    say(f"{name}   free for everybody")
