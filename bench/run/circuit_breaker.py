"""The circuit breaker: when boards fail together the run pauses, looks for the likely cause, and goes on or ends.

Without it a hub that dies at three in the morning makes a thousand lab errors by seven; with it, one incident.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.boards import BoardSpec, Catalog, is_there
from bench.clock import span_text
from bench.config.lab import Config
from bench.errors import LabError, Suspect
from bench.evidence import Outcome, ResultStream, rows
from bench.evidence.run_folder import PAUSE
from bench.peers import Peers

_WINDOW_S = 300.0
_ALONE = 5  # lab errors in a row of a board that runs alone
# What a run on one board pauses for; for its network a board waits by itself.
_COMES_BACK = (Suspect.HUB, Suspect.PEER)
_EACH_WAY = 2  # and of each of several boards
_TOGETHER = 2  # boards that vanish together, among others that do not
_PROBE_S = 10.0
_UNPROBED_S = 60.0  # what cannot be probed from here is waited for, then twice as long each time

Probe = Callable[[], str | None]
"""Returns what is wrong; empty when nothing is, None when it cannot tell."""


@dataclass
class _Incident:
    cause: Suspect
    began: float
    looked: float
    paused: float
    wait: float = _UNPROBED_S


@dataclass
class CircuitBreaker:
    """Follows the lab errors of a run.

    Attributes:
        boards: how many run.
        patience: seconds after which a run that pauses ends.
        missing: returns the boards that are not attached now.
        probes: what else can be examined from here, by suspect.
        tell: takes a line for whoever watches.
        stop: ends the run; takes the reason.
    """

    folder: Path
    stream: ResultStream
    boards: int
    patience: float
    missing: Callable[[], Sequence[str]]
    probes: Mapping[Suspect, Probe]
    tell: Callable[[str], None]
    stop: Callable[[str], None]
    _errors: dict[str, dict[str, tuple[float, Suspect]]] = field(default_factory=dict)
    _gone: Sequence[str] = ()
    _looked: float = -_PROBE_S
    _cells: dict[str, str] = field(default_factory=dict)
    _incident: _Incident | None = None
    _tried_again: _Incident | None = None
    _seen: set[str] = field(default_factory=set)
    _absent: set[str] = field(default_factory=set)  # not there so far: the run has begun without them

    def take(self, row: rows.Row) -> None:
        """Take a row of the stream: a test that ended in anything but a lab error shows that its board works."""
        match row:
            case rows.RadioRow():
                self._cells[row.slot] = row.cell or ""
            case rows.BoardRow():
                self._seen.add(row.slot)
                self._absent.discard(row.slot)
            case rows.FinishRow():
                self._take_finish(row)

    def _take_finish(self, row: rows.FinishRow) -> None:
        if row.outcome is not Outcome.LAB_ERROR:
            if row.outcome is not Outcome.SKIPPED:
                self._errors.pop(row.slot, None)
                self._tried_again = None
        elif row.board_absent and row.slot not in self._seen:
            self._absent.add(row.slot)
        elif row.ends_by_itself and not (row.suspect is Suspect.SIM and self.boards == 1):
            # A test that is tried again says nothing new.
            self._errors.setdefault(row.slot, {})[row.test] = time.monotonic(), row.suspect or Suspect.LAB

    def act(self) -> None:
        """Pause, look again, go on, or end the run: call it now and then."""
        now = time.monotonic()
        if self._incident is None:
            if self._trips(now):
                self._pause(now)
            else:
                self._look_for_a_hub()
        elif now - self._incident.looked >= _PROBE_S or now - self._incident.began >= self.patience:
            self._incident.looked = now
            self._look_again(self._incident, now)

    def close(self) -> None:
        """Let whoever waits go on."""
        with contextlib.suppress(OSError):  # a folder that is gone pauses nobody
            (self.folder / PAUSE).unlink()

    def _trips(self, now: float) -> bool:
        recent = {
            slot: [kind for t, kind in errors.values() if now - t <= _WINDOW_S] for slot, errors in self._errors.items()
        }
        failing = sum(len(kinds) >= _EACH_WAY for kinds in recent.values())
        boards = self.boards - len(self._absent)
        if boards == 1:
            return any(sum(kind in _COMES_BACK for kind in kinds) >= _ALONE for kinds in recent.values())
        return failing >= max(2, (boards + 1) // 2)

    def _look_for_a_hub(self) -> None:
        """Report that some of many boards vanished together: one incident too, though the others go on."""
        vanished = [slot for slot, errors in self._errors.items() if [*errors.values()][-1][1] is Suspect.HUB]
        now = time.monotonic()
        if len(vanished) < _TOGETHER or self.boards <= _TOGETHER or now - self._looked < _PROBE_S:
            return
        self._looked = now
        gone = self._gone_since()
        if gone != self._gone and len(gone) >= _TOGETHER:
            self._gone = gone
            self._row("among others", f"likely cause: {Suspect.HUB} ({_are_gone(gone)})")

    def _pause(self, now: float) -> None:
        with contextlib.suppress(OSError):
            (self.folder / PAUSE).touch()  # before the probes: they take their time
        cause, evidence = self._likely_cause()
        before = self._tried_again
        if before is not None and before.cause == cause:
            self._incident = _Incident(cause, before.began, now, now, 2 * before.wait)
        else:
            self._incident = _Incident(cause, now, now, now)
        slots = sorted(self._errors)
        what = "begins" if self._incident.began == now else "goes on"
        who = f"{slots[0]} waits" if self.boards == 1 else f"{len(slots)} of {self.boards} boards fail together"
        self._row(what, f"{who}, likely cause: {cause} ({evidence})", self._plan(self._incident, now))

    def _plan(self, incident: _Incident, now: float) -> str:
        """Return how long the run waits, for whoever watches."""
        left = span_text(max(0.0, incident.began + self.patience - now))
        probed = self._probe(incident.cause) is not None
        looks = "looks again every 10 s" if probed else f"tries again in {span_text(incident.wait)}"
        return f"{looks}, for {left} at most; Ctrl-C ends the run"

    def _likely_cause(self) -> tuple[Suspect, str]:
        """Return the suspect of most errors, or another that a probe finds bad; and what speaks for it."""
        suspects = Counter(suspect for errors in self._errors.values() for _, suspect in errors.values())
        probed = {suspect: self._probe(suspect) for suspect in (Suspect.HUB, *self.probes)}
        found = {suspect: text for suspect, text in probed.items() if text}
        usual = suspects.most_common(1)[0][0]
        cause = usual if usual in found else next(iter(found), usual)
        if cause is Suspect.NETWORK and probed.get(Suspect.NETWORK) == "":
            return Suspect.DEVICE, "the control board has the network, so it is the boards or their SIMs"
        if cause is Suspect.NETWORK and self._one_cell():
            return Suspect.CELL, f"all that fail were in one, {self._one_cell()}, and none of the others is"
        return cause, found.get(cause, "the cause cannot be seen from here")

    def _one_cell(self) -> str:
        """Return the cell of all boards that fail and of no other; empty when there is none."""
        failing = {self._cells.get(slot, "") for slot in self._errors}
        working = {cell for slot, cell in self._cells.items() if slot not in self._errors}
        return failing.pop() if len(failing) == 1 and working and not failing & working else ""

    def _look_again(self, incident: _Incident, now: float) -> None:
        waited = now - incident.began
        found = self._probe(incident.cause)
        if waited >= self.patience:
            self._row("ended the run", f"{incident.cause} did not come back within {waited:.0f} s")
            self._incident = None
            self._errors.clear()
            self.stop(f"incident: {incident.cause}, not over after {waited:.0f} s")
            self.close()
        elif found == "" or (found is None and now - incident.paused >= incident.wait):
            what = "is over" if found == "" else "tries again"
            self._row(what, f"{incident.cause}, after {waited:.0f} s")
            self._incident, self._tried_again = None, incident if found is None else None
            self._errors.clear()
            self.close()

    def _probe(self, cause: Suspect) -> str | None:
        """Return what is wrong there, empty for nothing; None where that cannot be seen from here."""
        if cause is Suspect.HUB:
            return _are_gone(self._gone_since())
        return self.probes[cause]() if cause in self.probes else None

    def _gone_since(self) -> Sequence[str]:
        """Return the boards that are not attached now, and have been."""
        return [slot for slot in self.missing() if slot not in self._absent]

    def _row(self, what: str, text: str, plan: str = "") -> None:
        self.stream.add(rows.IncidentRow(what=what, text=text))
        self.tell(f"{what}: {text}{f'; {plan}' if plan else ''}")


def _are_gone(slots: Sequence[str]) -> str:
    """Return ``dk-1, dk-2 are gone``; empty for none."""
    return f"{', '.join(slots)} {'is' if len(slots) == 1 else 'are'} gone" if slots else ""


def missing_of(config: Config, specs: Sequence[BoardSpec]) -> Callable[[], Sequence[str]]:
    """Return a function that returns which of a run's boards are not attached."""
    catalog = Catalog(config.models)
    return lambda: [spec.slot for spec in specs if not is_there(spec, catalog)]


def probes_of(config: Config, network: Probe | None) -> dict[Suspect, Probe]:
    """Return what this host can examine beside its ports: the peers, and with a control board the network."""

    def peers() -> str:
        try:
            with Peers(config.peers) as program:
                program.tcp_echo().stop()
        except LabError as error:
            return error.headline
        return ""

    return {Suspect.PEER: peers, **({Suspect.NETWORK: network} if network is not None else {})}
