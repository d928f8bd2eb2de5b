"""The breaker: when boards fail together the run pauses, the likely cause is looked for, and it goes on or ends.

Without it a hub that dies at three in the morning makes a thousand lab errors by seven; with it, one incident.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.boards import BoardSpec, Catalog, is_there
from bench.config.lab import Config
from bench.errors import LabError
from bench.evidence import ResultStream
from bench.evidence.results import LAB_ERROR
from bench.evidence.run_folder import PAUSE
from bench.evidence.stream import Row
from bench.peers import Peers

HUB, PEER, NETWORK, CELL = "hub or power", "peer", "network", "cell"
SIM, DEVICE, LAB = "SIM", "device", "lab"

_WINDOW_S = 300.0
_ALONE = 5  # lab errors in a row of a board that runs alone
_EACH_WAY = 2  # and of each of several boards
_TOGETHER = 2  # boards that vanish together, among others that do not
_PROBE_S = 10.0
_UNPROBED_S = 60.0  # what cannot be probed from here is waited for, then twice as long each time
_CAUSES: Mapping[str, str] = {
    "PortLost": HUB,
    "PortNotFound": HUB,
    "PeerError": PEER,
    "NotRegistered": NETWORK,
    "NetworkLost": NETWORK,
    "AttachBlocked": DEVICE,
    "SimLocked": SIM,
    "BoardSilent": DEVICE,
    "BoardUnintelligible": DEVICE,
}
"""What an error of the lab speaks of; everything else speaks of the lab as a whole."""

_NO_INCIDENT = ("BudgetSpent", "NoSecret")
"""What only a person can cure: nobody waits for that to end."""

_NOT_THERE = ("PortNotFound", "BoardLeased")
"""Errors of a board that the run had to begin without."""

Probe = Callable[[], str | None]
"""Says what is wrong; empty when nothing is, None when it cannot tell."""


@dataclass
class _Incident:
    cause: str
    began: float
    looked: float
    paused: float
    wait: float = _UNPROBED_S


@dataclass
class CircuitBreaker:
    """Follows a run's lab errors.

    Attributes:
        boards: how many run.
        patience: seconds after which a run that pauses ends.
        missing: the boards that are not attached just now.
        probes: what else can be looked at from here, by cause.
        tell: a line for whoever watches.
        stop: ends the run, and says why.
    """

    folder: Path
    stream: ResultStream
    boards: int
    patience: float
    missing: Callable[[], Sequence[str]]
    probes: Mapping[str, Probe]
    tell: Callable[[str], None]
    stop: Callable[[str], None]
    _errors: dict[str, dict[str, tuple[float, str]]] = field(default_factory=dict)
    _gone: Sequence[str] = ()
    _looked: float = -_PROBE_S
    _cells: dict[str, str] = field(default_factory=dict)
    _incident: _Incident | None = None
    _tried_again: _Incident | None = None
    _seen: set[str] = field(default_factory=set)
    _absent: set[str] = field(default_factory=set)  # never there so far: the run was begun without them

    def take(self, row: Row) -> None:
        """Takes a row of the stream: a test that ended in anything but a lab error shows that its board works."""
        slot = str(row.get("slot", ""))
        if row["type"] == "radio":
            self._cells[slot] = str(row.get("cell", ""))
        if row["type"] == "board":
            self._seen.add(slot)
            self._absent.discard(slot)
        if row["type"] != "finish":
            return
        if row.get("error") in _NOT_THERE and slot not in self._seen:
            self._absent.add(slot)
            return
        if row.get("error") in _NO_INCIDENT or (row.get("error") == "SimLocked" and self.boards == 1):
            return
        if row.get("outcome") == LAB_ERROR:
            # A test that is tried again says nothing new.
            told = self._errors.setdefault(slot, {})
            told[str(row.get("test", ""))] = time.monotonic(), str(row.get("error", ""))
        elif row.get("outcome") != "skipped":
            self._errors.pop(slot, None)
            self._tried_again = None

    def act(self) -> None:
        """Pauses, looks again, goes on, or ends: to be called now and then."""
        now = time.monotonic()
        if self._incident is None:
            if self._tripped(now):
                self._pause(now)
            else:
                self._look_for_a_hub()
        elif now - self._incident.looked >= _PROBE_S or now - self._incident.began >= self.patience:
            self._incident.looked = now
            self._look_again(self._incident, now)

    def close(self) -> None:
        """Lets whoever waits go on."""
        (self.folder / PAUSE).unlink(missing_ok=True)

    def _tripped(self, now: float) -> bool:
        recent = {
            slot: [kind for t, kind in errors.values() if now - t <= _WINDOW_S] for slot, errors in self._errors.items()
        }
        failing = sum(len(kinds) >= _EACH_WAY for kinds in recent.values())
        boards = self.boards - len(self._absent)
        if boards == 1:
            return any(len(kinds) >= _ALONE for kinds in recent.values())
        return failing >= max(2, (boards + 1) // 2)

    def _look_for_a_hub(self) -> None:
        """Some of many boards that vanish together are one incident too, though the others go on."""
        vanished = [slot for slot, errors in self._errors.items() if _CAUSES.get([*errors.values()][-1][1]) == HUB]
        now = time.monotonic()
        if len(vanished) < _TOGETHER or self.boards <= _TOGETHER or now - self._looked < _PROBE_S:
            return
        self._looked = now
        gone = self._gone_since()
        if gone != self._gone and len(gone) >= _TOGETHER:
            self._gone = gone
            self._row("among others", f"likely cause: {HUB} ({_are_gone(gone)})")

    def _pause(self, now: float) -> None:
        (self.folder / PAUSE).touch()  # before the probes: they take their time
        kinds = Counter(_CAUSES.get(kind, LAB) for errors in self._errors.values() for _, kind in errors.values())
        told = {cause: self._probe(cause) for cause in (HUB, *self.probes)}
        found = {cause: said for cause, said in told.items() if said}
        usual = kinds.most_common(1)[0][0]
        cause = usual if usual in found else next(iter(found), usual)
        said = found.get(cause, "what is wrong there cannot be seen from here")
        if cause == NETWORK and told.get(NETWORK) == "":
            cause, said = DEVICE, "the control board has the network, so it is the boards or their SIMs"
        elif cause == NETWORK and self._one_cell():
            cause, said = CELL, f"all that fail were in one, {self._one_cell()}, and none of the others is"
        before = self._tried_again
        if before is not None and before.cause == cause:
            self._incident = _Incident(cause, before.began, now, now, 2 * before.wait)
        else:
            self._incident = _Incident(cause, now, now, now)
        slots = sorted(self._errors)
        what = "begins" if self._incident.began == now else "goes on"
        self._row(what, f"{len(slots)} of {self.boards} boards fail together, likely cause: {cause} ({said})")

    def _one_cell(self) -> str:
        """The cell of all boards that fail and of no other; empty when there is none."""
        failing = {self._cells.get(slot, "") for slot in self._errors}
        working = {cell for slot, cell in self._cells.items() if slot not in self._errors}
        return failing.pop() if len(failing) == 1 and working and not failing & working else ""

    def _look_again(self, incident: _Incident, now: float) -> None:
        waited = now - incident.began
        said = self._probe(incident.cause)
        if waited >= self.patience:
            self._row("ended the run", f"{incident.cause} did not come back within {waited:.0f} s")
            self._incident = None
            self._errors.clear()
            self.stop(f"incident: {incident.cause}, not over after {waited:.0f} s")
            self.close()
        elif said == "" or (said is None and now - incident.paused >= incident.wait):
            what = "is over" if said == "" else "tries again"
            self._row(what, f"{incident.cause}, after {waited:.0f} s")
            self._incident, self._tried_again = None, incident if said is None else None
            self._errors.clear()
            self.close()

    def _probe(self, cause: str) -> str | None:
        """What is wrong there, empty for nothing; None where that cannot be seen from here."""
        if cause == HUB:
            return _are_gone(self._gone_since())
        return self.probes[cause]() if cause in self.probes else None

    def _gone_since(self) -> Sequence[str]:
        """The boards that are not attached, but for those that never were."""
        return [slot for slot in self.missing() if slot not in self._absent]

    def _row(self, what: str, text: str) -> None:
        self.stream.add("incident", what=what, text=text)
        self.tell(f"{what}: {text}")


def _are_gone(slots: Sequence[str]) -> str:
    """``dk-1, dk-2 are gone``; empty for none."""
    return f"{', '.join(slots)} {'is' if len(slots) == 1 else 'are'} gone" if slots else ""


def missing_of(config: Config, specs: Sequence[BoardSpec]) -> Callable[[], Sequence[str]]:
    """Tells which of a run's boards are not attached."""
    catalog = Catalog(config.models)
    return lambda: [spec.slot for spec in specs if not is_there(spec, catalog)]


def probes_of(config: Config, network: Probe | None) -> dict[str, Probe]:
    """What this host can look at beside its ports: the peers, and with a control board the network."""

    def peers() -> str:
        try:
            with Peers(config.peers) as program:
                program.tcp_echo().stop()
        except LabError as error:
            return str(error).partition("\n")[0]
        return ""

    return {PEER: peers, **({NETWORK: network} if network is not None else {})}
