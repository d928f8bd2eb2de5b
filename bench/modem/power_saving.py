"""Power saving: PSM and eDRX as requested from the network, and the modem's notice of its sleep.

3GPP TS 27.007 sections 7.38 (+CPSMS) and 7.40 (+CEDRXS), TS 24.008 section 10.5.7 (timers) and 10.5.5.32 (cycles);
Nordic's AT commands reference (%XMODEMSLEEP, %XMONITOR). The modem keeps these settings in its memory, so changes
are put back at the end of its block.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.at import AtLink, UrcTimeout
from bench.clock import NS_PER_S, now_ns
from bench.modem.answers import Answers, fields_of
from bench.modem.changes import Changes

Access = Literal["LTE-M", "NB-IoT"]

# Seconds of one step, by the timer's upper three bits.
_TAU_STEPS: Mapping[str, int] = {
    "011": 2,
    "100": 30,
    "101": 60,
    "000": 600,
    "001": 3600,
    "010": 36000,
    "110": 1_152_000,
}
_ACTIVE_STEPS: Mapping[str, int] = {"000": 2, "001": 60, "010": 360}
_MOST_STEPS = 31
_SHORTEST_CYCLE = 5.12
_CYCLES = tuple(
    _SHORTEST_CYCLE * factor for factor in (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 512, 1024, 2048)
)
_ACCESS_NUMBER: Mapping[str, int] = {"LTE-M": 4, "NB-IoT": 5}
_GRANTS = slice(12, 15)  # of %XMONITOR: eDRX value, active time, periodic TAU
_SHORTEST_TOLD = 10240
# The modem may ask its network before it answers.
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PsmGrant:
    """The times that the network granted, in seconds: idle until the modem sleeps, and asleep at most."""

    active: int
    periodic: int


class PowerSaving:
    """The power saving of one modem."""

    def __init__(self, link: AtLink, changes: Changes) -> None:
        self._link = link
        self._changes = changes

    @contextlib.contextmanager
    def psm(self, *, active: int, periodic: int, timeout: float) -> Iterator[PsmGrant | None]:
        """Ask for power saving mode: ``active`` seconds in idle mode, then sleep for up to ``periodic`` seconds.

        Yields the granted times, which may be others; None when the network granted nothing within ``timeout``
        seconds.

        Raises:
            ValueError: a time that the timers cannot tell, before anything is sent.
        """
        timers = (encode_timer(periodic, _TAU_STEPS), encode_timer(active, _ACTIVE_STEPS))
        mode, *_, tau_before, active_before = self._read("AT+CPSMS?", "+CPSMS", 5)[:5]
        with self._changes.undone(_psm_command(mode, tau_before, active_before)):
            since = now_ns()
            self._link.command(_psm_command("1", *timers), timeout=_SECONDS)
            yield self._granted(timeout, since)

    @contextlib.contextmanager
    def edrx(self, access: Access, cycle: float, *, timeout: float) -> Iterator[float | None]:
        """Ask to be paged only every ``cycle`` seconds; give the granted cycle, None when none was granted.

        Whether its notices (+CEDRXP) were on cannot be read from the modem: they are off afterwards.

        Raises:
            ValueError: no such cycle.
        """
        bits = encode_cycle(cycle)
        number = _ACCESS_NUMBER[access]
        rows = Answers(self._link, self._link.command("AT+CEDRXS?")).lines("+CEDRXS")
        before = next((row[1] for row in rows if row[0] == str(number) and len(row) > 1), None)
        with self._changes.undone(f"AT+CEDRXS=0,{number}" if before is None else f'AT+CEDRXS=1,{number},"{before}"'):
            since = now_ns()
            self._link.command(f'AT+CEDRXS=2,{number},"{bits}"', timeout=_SECONDS)
            granted = None
            with contextlib.suppress(UrcTimeout):
                fields = fields_of(self._link.wait_for_urc("+CEDRXP", timeout=timeout, since_ns=since).line)
                granted = decode_cycle(fields[2]) if len(fields) > 2 else None
            yield granted

    @contextlib.contextmanager
    def sleep_notices(self) -> Iterator["SleepWatch"]:
        """Let the modem report when it falls asleep, for more than 10.24 s."""
        with self._changes.undone("AT%XMODEMSLEEP=0"):
            self._link.command(f"AT%XMODEMSLEEP=1,0,{_SHORTEST_TOLD}")
            yield SleepWatch(self._link)

    def granted_psm(self) -> PsmGrant | None:
        """Return the granted times, by the modem's own account."""
        fields = Answers(self._link, self._link.command("AT%XMONITOR")).one("%XMONITOR", fields=1)[_GRANTS]
        if len(fields) < 3:
            return None
        active, periodic = decode_timer(fields[1], _ACTIVE_STEPS), decode_timer(fields[2], _TAU_STEPS)
        return None if active is None or periodic is None else PsmGrant(active, periodic)

    def _granted(self, timeout: float, since_ns: int) -> PsmGrant | None:
        """Wait for the granted times: the network answers by a registration update, unless they were granted before."""
        deadline = since_ns + round(timeout * NS_PER_S)
        while (granted := self.granted_psm()) is None and now_ns() < deadline:
            try:
                self._link.wait_for_urc("+CEREG", timeout=(deadline - now_ns()) / NS_PER_S, since_ns=since_ns)
            except UrcTimeout:
                return self.granted_psm()
        return granted

    def _read(self, command: str, prefix: str, fields: int) -> tuple[str, ...]:
        return Answers(self._link, self._link.command(command)).one(prefix, fields=fields)


class SleepWatch:
    """A watch for power saving mode, by the modem's own notice."""

    def __init__(self, link: AtLink) -> None:
        self._link = link

    def wait_asleep(self, timeout: float, *, since_ns: int) -> int | None:
        """Return when it fell asleep after ``since_ns``; None when it did not within ``timeout`` seconds."""
        deadline = now_ns() + round(timeout * NS_PER_S)
        while (left := (deadline - now_ns()) / NS_PER_S) > 0:
            try:
                urc = self._link.wait_for_urc("%XMODEMSLEEP: 1,", timeout=left, since_ns=since_ns)
            except UrcTimeout:
                break
            if fields_of(urc.line)[1] != "0":
                return urc.received_ns
        return None


def _psm_command(mode: str, tau: str, active: str) -> str:
    return f'AT+CPSMS={mode},"","","{tau}","{active}"'


def encode_timer(seconds: int, steps: Mapping[str, int]) -> str:
    """Return a time as the eight bits of a GPRS timer.

    Raises:
        ValueError: none of the steps divides it into 31 or fewer.
    """
    for unit, step in sorted(steps.items(), key=lambda row: row[1]):
        count, rest = divmod(seconds, step)
        if not rest and 0 <= count <= _MOST_STEPS:
            return f"{unit}{count:05b}"
    raise ValueError(f"no timer of 3GPP TS 24.008 has {seconds} s: use at most 31 steps of {sorted(steps.values())} s")


def decode_timer(bits: str, steps: Mapping[str, int]) -> int | None:
    """Return eight bits as seconds; None when the timer is switched off, or they are not bits."""
    if len(bits) != 8 or set(bits) - {"0", "1"} or bits[:3] not in steps:
        return None
    return steps[bits[:3]] * int(bits[3:], 2)


def encode_cycle(seconds: float) -> str:
    """Return an eDRX cycle as its four bits.

    Raises:
        ValueError: there is no such cycle.
    """
    for number, cycle in enumerate(_CYCLES):
        if abs(cycle - seconds) < 1e-6:
            return f"{number:04b}"
    raise ValueError(f"no eDRX cycle has {seconds} s; available: {', '.join(f'{c:g}' for c in _CYCLES)}")


def decode_cycle(bits: str) -> float | None:
    """Return four bits as seconds; None when they are not four bits."""
    return _CYCLES[int(bits, 2)] if len(bits) == 4 and not set(bits) - {"0", "1"} else None
