"""The radio as the modem reports it: serving cell, signalling connection, RAI (release assistance indication).

3GPP TS 27.007 section 10.1.30 (+CSCON), Nordic's AT commands reference (%XMONITOR, %RAI).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.at import AtLink, CommandError, UrcTimeout
from bench.at.numbers import signed_number, whole_number
from bench.clock import NS_PER_S, now_ns
from bench.modem.answers import Answers, fields_of
from bench.modem.changes import Changes

_ACCESS = {7: "LTE-M", 9: "NB-IoT", 14: "NB-IoT NTN"}
_REGISTERED = ("1", "5")
# A cell reports the kinds of RAI that it knows soon after the modem was asked for them, if at all.
_RAI_SECONDS = 3.0
_RSRP_UNKNOWN = 255
_STILL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ServingCell:
    """``%XMONITOR``, of a registered modem.

    Attributes:
        operator: its full name; empty when the network does not tell.
        plmn: mobile country and network code.
        tac: tracking area, hexadecimal.
        access: LTE-M, NB-IoT, NB-IoT NTN (by satellite), or the number of another technology.
        band: LTE band.
        identity: of the cell, hexadecimal.
        channel: EARFCN; None while it is not camped on the cell.
        rsrp_dbm: received power of the reference signal; None when not known.
        snr_db: signal to noise; None when not known.
    """

    operator: str
    plmn: str
    tac: str
    access: str
    band: int
    identity: str
    channel: int | None
    rsrp_dbm: int | None
    snr_db: int | None


@dataclass(frozen=True, slots=True)
class RaiSupport:
    """``%RAI: <cell>,<plmn>,<as>,<cp>``: the kinds of RAI that a cell knows."""

    cell: str
    access_stratum: bool
    control_plane: bool

    @property
    def any(self) -> bool:
        """Return True when an announced end of traffic can reach the network at all."""
        return self.access_stratum or self.control_plane


class Radio:
    """The radio of one modem. Its changes are put back at the end of their block."""

    def __init__(self, link: AtLink, changes: Changes, blocks: Callable[[bytes], bool]) -> None:
        """Args: blocks: returns True for a command that holds URCs back."""
        self._link = link
        self._changes = changes
        self._blocks = blocks

    def cell(self) -> ServingCell | None:
        """Return the cell where the modem is registered; None when it is not.

        Raises:
            MalformedAnswer: the modem's answer cannot be read.
        """
        answers = Answers(self._link, self._link.command("AT%XMONITOR"))
        fields = answers.one("%XMONITOR", fields=1)
        if fields[0] not in _REGISTERED:
            return None
        if len(fields) < 12:
            answers.refuse("%XMONITOR with operator, cell and signal")
        number = answers.number
        access = number(fields[5], "the access technology")
        return ServingCell(
            operator=fields[1],
            plmn=fields[3],
            tac=fields[4],
            access=_ACCESS.get(access, str(access)),
            band=number(fields[6], "the band"),
            identity=fields[7],
            channel=_level(fields[9], 0),
            rsrp_dbm=_rsrp(fields[10]),
            snr_db=_level(fields[11], -24, unknown=127),
        )

    def connected(self) -> bool:
        """Return True while there is a signalling connection: RRC connected rather than idle."""
        return Answers(self._link, self._link.command("AT+CSCON?")).one("+CSCON", fields=2)[1] == "1"

    @contextlib.contextmanager
    def signalling(self) -> Iterator["SignallingWatch"]:
        """Watch the signalling connection. Meanwhile no command may block, for it would hold the URCs back.

        Raises:
            LinkState: a blocking receive, poll or accept was tried meanwhile.
        """
        level = Answers(self._link, self._link.command("AT+CSCON?")).one("+CSCON", fields=2)[0]
        with self._changes.undone(f"AT+CSCON={level}"):
            self._link.command("AT+CSCON=1")
            self._link.refuses = self._refusal
            try:
                yield SignallingWatch(self._link, self)
            finally:
                self._link.refuses = None

    @contextlib.contextmanager
    def rai(self) -> Iterator[RaiSupport | None]:
        """Switch RAI on; yield the kinds that the cell knows, None where it does not tell.

        Firmware that cannot report them (nRF9160) indicates all the same: there AS-RAI needs
        ``AT%REL14FEAT=0,1,0,0,0`` beside it, which takes effect at power-up and is the lab's to set.
        """
        before = Answers(self._link, self._link.command("AT%RAI?")).one("%RAI", fields=1)[0]
        with self._changes.undone(f"AT%RAI={before}"):
            yield self._switched_on()

    def _refusal(self, command: bytes) -> str:
        """Return why a command may not be sent while a URC is timed; empty when it may."""
        if not self._blocks(command):
            return ""
        return (
            f"{command.decode('latin-1')} was not sent: it would hold back the URC that is being timed; receive without"
            " waiting (MSG_DONTWAIT), or after the URC"
        )

    def _switched_on(self) -> RaiSupport | None:
        since = now_ns()
        try:
            self._link.command("AT%RAI=2")
        except CommandError:
            self._link.command("AT%RAI=1")
            return None
        try:
            urc = self._link.wait_for_urc("%RAI", timeout=_RAI_SECONDS, since_ns=since)
        except UrcTimeout:
            return None
        cell, _, access, control = fields_of(urc.line)[:4]
        return RaiSupport(cell, access == "1", control == "1")


class SignallingWatch:
    """A watch for the signalling connection, by the modem's own URCs."""

    def __init__(self, link: AtLink, radio: Radio) -> None:
        self._link = link
        self._radio = radio

    def wait_idle(self, timeout: float, *, since_ns: int) -> int | None:
        """Return when the connection was released, after ``since_ns``; None when not within ``timeout`` seconds."""
        return self._wait("+CSCON: 0", timeout, since_ns)

    def wait_connected(self, timeout: float, *, since_ns: int) -> int | None:
        """Return when a connection stood, after ``since_ns``; None when none did within ``timeout`` seconds."""
        return self._wait("+CSCON: 1", timeout, since_ns)

    def settle(self, timeout: float) -> bool:
        """Wait until the modem is idle and stays so for a moment; return True when it is."""
        deadline = now_ns() + round(timeout * NS_PER_S)
        while True:
            since = now_ns()
            # What has not connected yet, but is about to, counts as idle for the modem.
            if not self._radio.connected() and self.wait_connected(_STILL_SECONDS, since_ns=since) is None:
                return True
            left = (deadline - now_ns()) / NS_PER_S
            if left <= 0 or self.wait_idle(left, since_ns=since) is None:
                return False

    def _wait(self, line: str, timeout: float, since_ns: int) -> int | None:
        try:
            return self._link.wait_for_urc(line, timeout=timeout, since_ns=since_ns).received_ns
        except UrcTimeout:
            return None


def _level(text: str, zero: int, *, unknown: int | None = None) -> int | None:
    """Return an index of the modem's as a level; None without one, or for the one that means not known."""
    number = whole_number(text)
    return None if number is None or number == unknown else number + zero


def _rsrp(text: str) -> int | None:
    """Return an index of %XMONITOR in dBm: index 0 is less than -140 dBm, and those below it go on without a gap.

    Source: ``RSRP_IDX_TO_DBM`` of the nRF Connect SDK's modem information library.
    """
    index = signed_number(text)
    if index is None or index == _RSRP_UNKNOWN:
        return None
    return index - 140 if index < 0 else index - 141
