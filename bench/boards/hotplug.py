"""Boards that come and go. Events come from udev; at each event the attached boards are listed anew."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pyudev

from bench.at import PortNotFound, pty_made_ns
from bench.boards.catalog import Catalog
from bench.boards.discovery import AttachedBoard, attached_boards, same_serial
from bench.boards.inventory import aux_ports, known_boards
from bench.boards.spec import BoardSpec
from bench.config.lab import Config
from bench.errors import LabError

# Without udevd no event tells; and a board shows its ports one by one. So it is looked again at least this often.
_LOOK_S = 1.0
# Events of one plug come in a burst.
_SETTLE_S = 0.05


@dataclass(frozen=True)
class BoardChange:
    """A board was plugged in (``attached``), unplugged, or shows other ports than before (``attached`` again)."""

    board: AttachedBoard
    attached: bool


class BoardMonitor:
    """A watch over the boards of this host, for as long as it is entered.

    Listening begins before the first look, so that no board is lost between the two.
    """

    def __init__(self, catalog: Catalog | None = None) -> None:
        self._catalog = catalog or Catalog()
        self._monitor: Any = None
        self._known: dict[tuple[str, str], AttachedBoard] = {}

    def __enter__(self) -> Self:
        try:
            self._monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        except ImportError as error:
            raise LabError(f"boards are watched with libudev, which is missing ({error})") from error
        self._monitor.filter_by("tty")
        self._monitor.start()
        self._known = self._look()
        return self

    def __exit__(self, *_: object) -> None:
        self._monitor = None

    @property
    def boards(self) -> list[AttachedBoard]:
        """Return the attached boards, as of the last look."""
        return list(self._known.values())

    def changes(self, timeout: float | None = None) -> Iterator[BoardChange]:
        """Yield changes as they happen, until ``timeout`` seconds have passed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            self._await_event(_LOOK_S if left is None else min(_LOOK_S, left))
            yield from self._compare(self._look())

    def wait_for(self, wanted: Callable[[AttachedBoard], bool], timeout: float) -> AttachedBoard | None:
        """Return a whole board that fits, attached now or within ``timeout`` seconds; None when none comes."""
        deadline = time.monotonic() + timeout
        while True:
            self._known = self._look()
            found = next((board for board in self._known.values() if wanted(board) and board.whole), None)
            left = deadline - time.monotonic()
            if found is not None or left <= 0:
                return found
            self._await_event(min(_LOOK_S, left))

    def _await_event(self, timeout: float) -> None:
        """Wait for an event, and for the rest of its burst."""
        if self._monitor.poll(timeout) is not None:
            while self._monitor.poll(_SETTLE_S) is not None:
                pass

    def _look(self) -> dict[tuple[str, str], AttachedBoard]:
        return {(board.serial, board.place): board for board in attached_boards(self._catalog)}

    def _compare(self, now: dict[tuple[str, str], AttachedBoard]) -> Iterator[BoardChange]:
        before, self._known = self._known, now
        for key, board in before.items():
            if key not in now:
                yield BoardChange(board, attached=False)
        for key, board in now.items():
            if before.get(key) != board:
                yield BoardChange(board, attached=True)


def is_there(spec: BoardSpec, catalog: Catalog) -> bool:
    """Return True when a board is attached now, as far as this host can see: behind a URL it cannot."""
    if spec.port and not spec.port.startswith("/"):
        return True
    if spec.serial or not spec.port:
        return any(_is(spec, board) for board in attached_boards(catalog))
    if spec.pty_made_ns:
        return pty_made_ns(spec.port) == spec.pty_made_ns
    return Path(spec.port).exists()


def _is(spec: BoardSpec, board: AttachedBoard) -> bool:
    return same_serial(board.serial, spec.serial) if spec.serial else board.place == spec.place


def has_ended(spec: BoardSpec) -> bool:
    """Return whether a board was simulated, on a pseudo-terminal that is gone. Costs a look at its name."""
    if spec.hardware or spec.serial or not spec.port.startswith("/"):
        return False
    if spec.pty_made_ns:
        return pty_made_ns(spec.port) != spec.pty_made_ns
    return not os.path.lexists(spec.port)  # the simulator's link to it, which it removes at its end


def ended_text(spec: BoardSpec) -> str:
    """Return what a person reads of a simulated board that has ended."""
    return (
        f"the simulator of {spec.slot} has ended, and its port {spec.port} with it: a pseudo-terminal never comes back;"
        " start the simulator, then the run, anew"
    )


class SimulatorEnded(LabError):
    """A simulated board has ended: its pseudo-terminal never comes back."""

    permanent = True


def found_again(spec: BoardSpec, config: Config, seconds: float) -> BoardSpec:
    """Return the spec of a board as it is attached now: its port may have another name, or had none before.

    A board that is not a USB device of this host stays where it was, unless it was a pty that has ended.

    Raises:
        PortNotFound: it is not attached, and has not come back within ``seconds``.
        SimulatorEnded: it was a simulated board that has ended.
    """
    catalog = Catalog(config.models)
    if has_ended(spec):
        raise SimulatorEnded(ended_text(spec))
    if spec.port and (not spec.serial or not spec.port.startswith("/")):
        return spec
    with BoardMonitor(catalog) as monitor:
        found = monitor.wait_for(lambda board: _is(spec, board) and spec.port_name in board.ports, seconds)
    if found is None:
        raise PortNotFound(
            f"{spec.slot} ({spec.sought}) is not attached and has not come back within {seconds:g} s: is its cable in,"
            " has it power?"
        )
    if not spec.port:  # what its kind and its place in the inventory say of it was not known before
        return next(known for known in known_boards(config) if known.slot == spec.slot)
    port = found.ports[spec.port_name]
    return replace(spec, port=port, place=found.place, aux_ports=aux_ports(found, port))
