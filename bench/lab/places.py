"""The boards of a lab as labgrid's coordinator has them: places with tags, and who has each."""

import getpass
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import psutil

from bench.host.messages import HostBoard

KIND = {"kind": "nrf91"}
"""The tag that every place of the bench has."""
_OWNER = re.compile(r"([^/]+)/([^/]+)\+bench\.(\d+)\.(\d+)")
_UNTIL = re.compile(r"until=(\S+) ?(.*)", re.DOTALL)
LABEL = "label_"
"""Before the label in a tag, whose value is ``yes``."""


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
        return sorted(tag.removeprefix(LABEL) for tag in self.tags if tag.startswith(LABEL))

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
    labels = {f"{LABEL}{label}": "yes" for label in board.labels}
    return {**KIND, "model": board.model, "serial": board.serial, "host": host, **labels}
