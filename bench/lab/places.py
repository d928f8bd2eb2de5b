"""The boards of a lab as labgrid's coordinator has them: places with tags, who has each, and what a run wishes for."""

import getpass
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import psutil

from bench.boards.discovery import same_serial
from bench.boards.selection import ALL, Selector
from bench.config.plan import Plan
from bench.config.selector import FIRMWARE_KINDS, Condition
from bench.errors import UsageError
from bench.host.messages import HostBoard

KIND = {"kind": "nrf91"}
"""The tag that every place of the bench has."""
_OWNER = re.compile(r"([^/]+)/([^/]+)\+bench\.(\d+)\.(\d+)")
_UNTIL = re.compile(r"until=(\S+) ?(.*)", re.DOTALL)
_LABEL = "label_"


@dataclass(frozen=True)
class Owner:
    """The holder of a place: a process of the bench. The start time tells it from a later process of the same pid.

    In labgrid its name has exactly one slash: with two, ``labgrid-client who`` fails.
    """

    host: str
    user: str
    pid: int
    started: int

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        own = psutil.Process()
        return cls(_word(socket.gethostname()), _word(getpass.getuser()), own.pid, _started(own))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the owner of a name in labgrid; None for a person, or another program."""
        found = _OWNER.fullmatch(text)
        return cls(found[1], found[2], int(found[3]), int(found[4])) if found else None

    @property
    def text(self) -> str:
        """The name in labgrid."""
        return f"{self.host}/{self.user}+bench.{self.pid}.{self.started}"

    @property
    def person(self) -> str:
        """The name in labgrid of the person who runs it: a board that they keep for themselves has it."""
        return f"{self.host}/{self.user}"

    @property
    def is_dead(self) -> bool:
        """Whether it was a process of this host, and is gone. Of other hosts' processes nothing is known."""
        if self.host != _word(socket.gethostname()):
            return False
        try:
            return _started(psutil.Process(self.pid)) != self.started
        except psutil.Error:
            return True


def _started(process: psutil.Process) -> int:
    return round(process.create_time() * 100)


def _word(text: str) -> str:
    return re.sub(r"[/+\s]", "-", text) or "unknown"


def owner_text(name: str) -> str:
    """Return a holder's name in labgrid for a person: ``anna@laptop``."""
    host, _, user = name.partition("/")
    return f"{user.partition('+bench.')[0]}@{host}" if user else name


@dataclass(frozen=True)
class Where:
    """Where ssh reaches a host.

    Attributes:
        name: of the host in the lab.
        target: ``user@address``.
        port: of its sshd.
    """

    name: str
    target: str
    port: int = 22


@dataclass(frozen=True)
class LabPlace:
    """A place: a board that can be lent.

    Attributes:
        name: of the board, in the whole lab.
        host: name of its host, by which its exporter introduces itself; the tag where the exporter is down.
        address, user, port: where ssh reaches the host; empty while its exporter is down.
        attached: whether the board is plugged in; None where nobody says so.
        holder: who has it, as labgrid names them; empty for nobody.
        reservation: token of the reservation to which it was allotted.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    host: str = ""
    address: str = ""
    user: str = ""
    port: int = 22
    attached: bool | None = None
    holder: str = ""
    reservation: str = ""

    @property
    def labels(self) -> list[str]:
        """The words to select it by."""
        return sorted(tag.removeprefix(_LABEL) for tag in self.tags if tag.startswith(_LABEL))

    @property
    def at(self) -> Where:
        """Where ssh reaches the host."""
        return Where(self.host, f"{self.user}@{self.address}" if self.user else self.address, self.port)

    @property
    def trouble(self) -> str:
        """Why the board cannot be used now, whoever has it; empty when it can."""
        if not self.address:
            return f"the exporter of {self.host or 'its host'} is down"
        return f"{self.name} is not attached to {self.host}" if self.attached is False else ""

    @property
    def kept_until(self) -> datetime | None:
        """When a person's reservation ends; None without one."""
        found = _UNTIL.fullmatch(self.comment)
        if not found or not self.holder or Owner.parse(self.holder):
            return None
        try:
            end = datetime.fromisoformat(found[1])
        except ValueError:
            return None
        return end if end.tzinfo else end.replace(tzinfo=UTC)

    @property
    def kept_for(self) -> str:
        """The reason of a person's reservation."""
        found = _UNTIL.fullmatch(self.comment)
        return found[2] if found else ""

    @property
    def holder_text(self) -> str:
        """Who has it and why, for a person; empty for nobody."""
        if not self.holder:
            return ""
        end = self.kept_until
        if end is None:
            return f"in use by {owner_text(self.holder)}"
        return f"reserved by {owner_text(self.holder)} until {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {self.kept_for}"

    def is_over(self, now: datetime) -> bool:
        """Return whether a person's reservation has come to its time."""
        end = self.kept_until
        return end is not None and end <= now

    def fits(self, tags: Mapping[str, str]) -> bool:
        """Return whether labgrid would allot it to a reservation of these tags."""
        own = {**self.tags, "name": self.name}
        return all(own.get(key) == value for key, value in tags.items())


def comment_of(until: datetime, why: str) -> str:
    """Return the comment of a place that a person keeps."""
    return f"until={until.astimezone(UTC):%Y-%m-%dT%H:%MZ} {why}"


def tags_of(board: HostBoard, host: str) -> dict[str, str]:
    """Return the tags of a board's place."""
    labels = {f"{_LABEL}{label}": "yes" for label in board.labels}
    return {**KIND, "model": board.model, "serial": board.serial, "host": host, **labels}


_KINDS: Mapping[str, Callable[[LabPlace, Condition], bool]] = {
    "name": lambda place, condition: condition.matches(place.name),
    "model": lambda place, condition: condition.matches(place.tags.get("model", "")),
    "serial": lambda place, condition: same_serial(condition.value, place.tags.get("serial", "")),
    "label": lambda place, condition: any(map(condition.matches, place.labels)),
}


@dataclass(frozen=True)
class Wish:
    """One board that a run wants.

    Attributes:
        tags: that its place must have.
        text: for a person.
        firmware: conditions that only the board itself can tell, with commas between; its host asks it.
    """

    tags: Mapping[str, str]
    text: str
    firmware: str = ""

    @property
    def name(self) -> str:
        """The board, where only one fits by its name."""
        return self.tags.get("name", "")


def wishes(selectors: Sequence[str], count: int | None, plan: Plan | None, places: Sequence[LabPlace]) -> list[Wish]:
    """Return one wish for each board that a run wants.

    Args:
        selectors: of boards, as ``--board`` takes them.
        count: how many boards that fit the only selector; None wants each that fits one.
        plan: whose boards count where no selector names others.
        places: of the lab.

    Raises:
        UsageError: nothing says which boards, or no board of the lab fits.
    """
    if plan is not None and not selectors and count is None:
        found = [Wish({**KIND, "model": one.model}, one.model) for one in plan.boards for _ in range(one.count)]
        return _checked(found, places)
    if count is not None:
        if len(selectors) > 1:
            raise UsageError(
                "--count with several --board: give one, which all the boards fit; its conditions may have"
                " commas between"
            )
        return _checked([_any_of(selectors[0] if selectors else ALL, places)] * count, places)
    if not selectors:
        raise UsageError("--lab: say which boards: --board SELECTOR, or --count N for any; --board all is every one")
    chosen: dict[str, Wish] = {}
    for text in selectors:
        own, firmware = _conditions(text)
        fitting = [place.name for place in places if all(_holds(one, place) for one in own)]
        if not fitting:
            raise UsageError(_no_board(text, places))
        chosen |= {name: Wish({**KIND, "name": name}, name, firmware) for name in sorted(fitting)}
    return list(chosen.values())


def _conditions(text: str) -> tuple[list[Condition], str]:
    """Return the conditions of a selector that the lab can tell, and those that only a board can, as a text.

    Raises:
        UsageError: a kind that the lab does not know of its boards.
    """
    own, firmware = [], []
    for one in Selector.parse(text).conditions:
        if one.kind in FIRMWARE_KINDS:
            firmware.append(f"{one.kind}={one.value}")
        elif one.kind and one.kind not in _KINDS:
            raise UsageError(f"--board {text}: a lab of several hosts knows {', '.join(_KINDS)} of its boards")
        else:
            own.append(one)
    return own, ",".join(firmware)


def _holds(condition: Condition, place: LabPlace) -> bool:
    if condition.kind:
        return _KINDS[condition.kind](place, condition)
    return condition.value == ALL or any(matches(place, condition) for matches in _KINDS.values())


def _any_of(text: str, places: Sequence[LabPlace]) -> Wish:
    """Return the wish for any board that fits a selector; labgrid compares tags, and knows no patterns.

    Raises:
        UsageError: it has a pattern, or no board fits.
    """
    own, firmware = _conditions(text)
    tags = dict(KIND)
    for one in own:
        if one.is_pattern:
            raise UsageError(f"--count with --board {text}: labgrid knows no pattern; write a label or a whole name")
        fitting = next((place for place in places if _holds(one, place)), None)
        if fitting is None:
            raise UsageError(_no_board(text, places))
        kind = one.kind or next((kind for kind, matches in _KINDS.items() if matches(fitting, one)), "")
        tags |= _tags_of_condition(kind, one.value, fitting)
    return Wish(tags, text, firmware)


def _tags_of_condition(kind: str, value: str, fitting: LabPlace) -> dict[str, str]:
    """Return the tags of a condition; none for every board."""
    match kind:
        case "":
            return {}
        case "serial":
            return {"serial": fitting.tags["serial"]}  # as the host writes it, zeros in front
        case "label":
            return {f"{_LABEL}{value}": "yes"}
    return {kind: value}


def _checked(found: list[Wish], places: Sequence[LabPlace]) -> list[Wish]:
    for wish in found:
        fitting = sum(place.fits(wish.tags) for place in places)
        if not fitting:
            raise UsageError(_no_board(wish.text, places))
        wanted = found.count(wish)
        if fitting < wanted:
            raise UsageError(f"{wanted} boards are wanted that are {wish.text}, the lab has {fitting}")
    return found


def _no_board(text: str, places: Sequence[LabPlace]) -> str:
    names = ", ".join(sorted(place.name for place in places)[:20]) or "none; nrf91-bench lab add HOST adds a host's"
    return f"no board of the lab is {text}; its boards: {names} (`nrf91-bench boards --lab` shows them)"
