"""A host joins the lab: its boards become places with tags, it gets the lab's key, its exporter a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench import __version__
from bench.errors import LabError, UsageError
from bench.host.messages import HostBoard
from bench.lab.coordinator import Coordinator
from bench.lab.exporter import exporter_yaml, pattern_of
from bench.lab.host_session import HostSession, own_key_digest
from bench.lab.places import tags_of


@dataclass(frozen=True)
class Joining:
    """A host that may join.

    Attributes:
        boards: those that can be lent; control boards stay the host's own.
        changes: what was done, a line each.
    """

    coordinator: Coordinator
    host: str
    boards: Sequence[HostBoard]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """A host that has joined: the text of its exporter's file, and what was done, a line each."""

    exporter: str
    changes: tuple[str, ...]


def joined(session: HostSession, coordinator: Coordinator, *, replace_key: bool) -> Joining:
    """Check that a host may join the lab, and give it the lab's key for short ids.

    Raises:
        UsageError: a board of its has the name of another host's board, or of none.
        LabError: another version, a key of its own, or no board.
    """
    hello, host = session.hello, session.where.name
    if hello.version != __version__:
        raise LabError(f"{host} has nrf91-bench {hello.version}, this is {__version__}: install the same version there")
    if hello.trouble:
        raise LabError(f"{host}: {hello.trouble}")
    boards = [board for board in hello.boards if not board.control]
    if not boards:
        raise LabError(f"{host} has no board: plug one in, and name it in the bench.toml of that host")
    for board in boards:
        _check_name(board, host, coordinator)
    changes = []
    if hello.key != own_key_digest():
        if hello.key and not replace_key:
            raise LabError(
                f"{host} has a key for short ids of its own: with --replace-key it gets this lab's, and its boards get"
                " other short ids than in its own runs so far"
            )
        session.give_key(replace=replace_key)
        changes.append(f"{host} has this lab's key for short ids now")
    return Joining(coordinator, host, boards, tuple(changes))


def _check_name(board: HostBoard, host: str, coordinator: Coordinator) -> None:
    known = next((place for place in coordinator.places() if place.name == board.name), None)
    if known is not None and known.tags.get("host", host) != host:
        raise UsageError(
            f"{board.name} is the name of a board at {known.tags['host']} already: give the board at {host} another"
            f" one, in the bench.toml of that host ([[boards]] name, serial = {board.serial!r})"
        )


def put_into_lab(joining: Joining, address: str, user: str, port: int) -> Joined:
    """Make places and tags of a host's boards; return its exporter's file.

    Raises:
        LabError: the coordinator refuses.
    """
    changes = list(joining.changes)
    for board in joining.boards:
        tags = tags_of(board, joining.host)
        new = joining.coordinator.add_place(board.name, pattern_of(board, joining.host), tags)
        changes.append(
            f"{board.name} ({board.model}, serial {board.serial or 'none'}) is {'now' if new else 'still'} in the lab"
        )
    return Joined(exporter_yaml(joining.boards, address, user, port), tuple(changes))
