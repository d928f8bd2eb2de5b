"""An open board: its link, its modem, its identity; in a known state when it is opened and when it is closed."""

import contextlib
import errno
import ipaddress
import os
import random
import socket
from collections.abc import Callable
from typing import Self

from bench.at import AtLink, CommandError, DeviceRestarted, PortBusy, Transcript
from bench.boards.escalation import Escalation
from bench.boards.lease import INHERITED, BoardLeased, Lease, terminal_lock
from bench.boards.profile import Profile, differences, mode_of, read_profile
from bench.boards.recovery import BoardUnusable, find_terminator, synchronise
from bench.boards.reservation import reservation_of
from bench.boards.spec import BoardSpec
from bench.boards.undo import UndoFile
from bench.errors import BenchError, LabError, in_words
from bench.modem import AttachSettings, CommandTiming, Cures, Family, Identity, Modem, PacketContext, identify
from bench.privacy import Concealer
from bench.secret import PASSWORD, PIN, SecretForm

# Ports for a board to bind: below every range from which a TCP/IP stack takes the ports of outgoing connections (Linux
# from 32768, IANA's dynamic ports from 49152), so that none of them is busy by chance.
_FIRST_PORT, _LAST_PORT = 20000, 32767
_VERSION = {Family.IPV4: 4, Family.IPV6: 6}
_UNDO_SECONDS = 60.0

CURES = Cures(
    access_point=": see [network.access_point] in bench.toml",
    no_pin=': say where it is kept, by pin = "file:PATH" or "env:NAME" of the board in bench.toml',
    wrong_pin=", then check where bench.toml takes it from",
)
"""The places of the configuration that a refusal of a SIM or a network is about."""


class Board:
    """One board, for as long as it is entered.

    Attributes:
        identity: the board's own answers, from :meth:`open` on.
        found: its settings as they were found, from then on.
        transcript: all bytes of its AT port.
    """

    def __init__(
        self,
        spec: BoardSpec,
        concealer: Concealer,
        *,
        margin: float = 5.0,
        connect_timeout: float = 60.0,
        job: str = "",
        escalation: Escalation | None = None,
        patience: float = 15.0,
        tell: Callable[[str], None] = lambda _: None,
        found: Profile | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Make the board; open nothing.

        Args:
            spec: where it is.
            concealer: hides identities and secrets.
            margin: seconds that a command may take beyond the time that it asks for.
            connect_timeout: seconds that a connection may take.
            job: its use, for a message to other users.
            escalation: the steps for a board that does not answer; None gives up at once.
            tell: gets a line on each change that an earlier process had left, or this one could not undo.
            patience: seconds that it may stay silent before that: a command that was left may still run.
            found: its settings when its user opened it first, where this is not the first time: a modem that has
                crashed meanwhile is not as it was found.
            lease: one that this process holds on the board already.
        """
        self.spec = spec
        self.concealer = concealer
        self.transcript = Transcript()
        self.where = "in memory only"
        self.identity: Identity
        self._timing = CommandTiming(margin, connect_timeout)
        self._link: AtLink | None = None
        self._modem: Modem | None = None
        self._lease = Lease(spec.key, spec.slot, job or "a program of the bench", part_of=lease)
        self._escalation = escalation
        self._patience = patience
        self._tell = tell
        self._undo = UndoFile(spec.key)
        self.found: Profile = found or {}
        self._next_port = random.randint(_FIRST_PORT, _LAST_PORT)

    @property
    def slot(self) -> str:
        """Return the board's place in the run."""
        return self.spec.slot

    @property
    def simulated(self) -> bool:
        """Return True when no hardware is behind the port."""
        return not self.spec.hardware

    @property
    def link(self) -> AtLink:
        """Return the AT link."""
        assert self._link is not None, "the board is not open"
        return self._link

    @property
    def modem(self) -> Modem:
        """Return the modem's typed commands."""
        assert self._modem is not None, "the board is not open"
        return self._modem

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Take the lease, open the port, bring the board to a known state and ask for its identity.

        Raises:
            BoardLeased: somebody else has the board.
            LabError: the port cannot be opened, nothing that speaks the dialect answers, or the port vanishes.
        """
        self._lease.acquire()
        try:
            self._heed_reservation()
            self._link = self._in_step()
            if self._link.echoes:
                with contextlib.suppress(CommandError):  # not every firmware has an echo to switch off
                    self._link.command("ATE0")
            self._undo_left_over(self._link)
            self.identity = identify(self._link)
            self._modem = Modem(
                self._link,
                self.identity.dialect,
                timing=self._timing,
                journal=self._undo,
                cures=CURES,
                pin=self._secret(self.spec.pin, PIN) if self.spec.pin else None,
            )
            self._learn(self.identity)
            self._modem.settle()
            self.found = self.found or read_profile(self._link)
            self._link.take_restarts()  # the board was still booting, or was reset to get here
        except BaseException:
            if self._link is not None:
                self._link.close()
            self._lease.release()
            raise
        return self

    def _heed_reservation(self) -> None:
        """Refuse a board that was reserved after the run took its boards."""
        kept = None if self._lease.inherited else reservation_of(self.spec.key)
        if kept is not None and (INHERITED in os.environ or not kept.mine):
            raise BoardLeased(f"{self.slot} is {kept.text}")

    def _in_step(self) -> AtLink:
        """Return a link to the board, which answers; by escalation where it does not at first."""
        link = self._link = self._open_link(self.spec.baudrate)
        try:
            synchronise(link, timeout=self._patience)
        except BoardUnusable as failure:
            link.close()
            if self._escalation is None:
                raise
            link = self._link = self._escalation.recover(self._open_link, failure)
        find_terminator(link)
        return link

    def _open_link(self, baudrate: int) -> AtLink:
        spec = self.spec
        holder = terminal_lock(spec.port) if spec.port.startswith("/") else ""
        if holder:
            raise PortBusy(f"{spec.slot}: {holder} has {spec.port}; close that program and try again")
        link = AtLink.open(
            spec.port,
            baudrate=baudrate,
            flow_control=spec.flow_control,
            dtr=spec.dtr,
            transcript=self.transcript,
        )
        link.port.conceal = self.concealer.conceal
        link.hide = self.concealer.hide
        link.port.where = self.where
        return link

    def close(self) -> None:
        """Leave the board as it was found and give the port back, whatever happens."""
        if self._link is None:
            return
        link, self._link = self._link, None
        try:
            with contextlib.suppress(BenchError):  # a board that is gone or hangs cannot be tidied
                self._tidy(link)
        finally:
            link.close()
            self._lease.release()

    def registered(self, timeout: float) -> int:
        """Attach by the lab's access point, if one is named, and wait for the network; return the time it took in ns.

        Raises:
            NotRegistered: the network did not let the board in within ``timeout`` seconds.
            LabError: a secret that it takes cannot be read.
        """
        point = self.spec.access_point
        if point:
            password = self._secret(point.password, PASSWORD)
            context = PacketContext(point.type, point.apn)
            self.modem.packet_data.attach_by(AttachSettings(context, point.user, password, point.method))
        took = self.modem.registration.wait(timeout)
        if not self.identity.iccid:  # the board was found switched off, and its SIM without power
            self.identity = self.modem.with_sim(self.identity)
            self._learn(self.identity)
        return took

    def known_state(self) -> None:
        """Bring the board to its state between tests: answers in step, no data mode, no open socket, no URC asked for.

        Raises:
            DeviceRestarted: it has restarted by itself; it is in order all the same.
            LabError: the board cannot be brought there.
        """
        if self.link.in_data_mode or self.link.blocked:
            synchronise(self.link)
        self.modem.settle()
        self.link.urcs()
        restarts = self.link.take_restarts()
        if restarts:
            crashed = all(self.link.dialect.tells_crash(urc.line.encode("latin-1")) for urc in restarts)
            what = DeviceRestarted.what(self.slot, crashed=crashed)
            raise DeviceRestarted(
                f"{what}: {', '.join(urc.line for urc in restarts)} came unasked",
                evidence=self.link.port.pointer,
                said=restarts[0].line,
                crashed=crashed,
            )

    def keep_transcript_in(self, where: str) -> None:
        """Let error messages point to ``where`` for the whole transcript."""
        self.where = where
        if self._link is not None:
            self._link.port.where = where

    def free_port(self) -> int:
        """Return a port number that the board can bind, another one each time."""
        while True:
            port = self._next_port
            self._next_port = port + 1 if port < _LAST_PORT else _FIRST_PORT
            if self.spec.hardware or not _is_taken(port):
                return port

    def addresses(self, family: Family) -> list[str]:
        """Return the board's own addresses of a family, by which peers of its network reach it."""
        version = _VERSION[family]
        return [text for text in self.modem.packet_data.addresses() if ipaddress.ip_address(text).version == version]

    def address(self, family: Family = Family.IPV4) -> str:
        """Return the first of its addresses of a family.

        Raises:
            LabError: it has none.
        """
        found = self.addresses(family)
        if not found:
            version = _VERSION[family]
            raise LabError(
                f"{self.slot} has no IPv{version} address (AT+CGPADDR=0): is it registered, has its APN IPv{version}?"
            )
        return found[0]

    def short_ids(self) -> dict[str, str]:
        """Return the board's identities as keyed short ids, those it has."""
        values = {"imei": self.identity.imei, "imsi": self.identity.imsi, "iccid": self.identity.iccid}
        return {kind: self.concealer.short_id(kind, value) for kind, value in values.items() if value}

    def _tidy(self, link: AtLink) -> None:
        if link.in_data_mode or link.blocked:
            synchronise(link, timeout=5.0)
        if self._modem is not None:
            self._modem.settle()
            self._modem.registration.restore()
            self._modem.packet_data.restore()
        now = read_profile(link)
        mode = mode_of(self.found)
        if mode and mode_of(now) != mode:
            link.command(f"AT+CFUN={mode}", timeout=_UNDO_SECONDS)
            now = read_profile(link)
        for changed in differences(self.found, now):
            self._tell(f"{self.slot} is not as it was found: {changed}")

    def _secret(self, source: str, form: SecretForm) -> Callable[[], str]:
        """Return a function that reads a secret, and hides it wherever it occurs from then on."""

        def read() -> str:
            value = form.read(source)
            self.concealer.hide(value.encode())
            return value

        return read

    def _undo_left_over(self, link: AtLink) -> None:
        """Undo the changes of an earlier process that did not live to undo them."""
        try:
            left_over = list(self._undo.left_over())
        except OSError as error:
            raise LabError(f"{self.slot}: what an earlier run has changed cannot be read: {in_words(error)}") from error
        for commands in left_over:
            try:
                for command in commands:
                    link.command(command, timeout=_UNDO_SECONDS)
            except CommandError as error:
                self._tell(f"{self.slot} refuses what would undo an earlier run's change: {error}")
            else:
                self._tell(f"{self.slot}: an earlier run's change is undone: {', '.join(commands)}")
        self._undo.clear()

    def _learn(self, identity: Identity) -> None:
        for kind, value in (("imei", identity.imei), ("imsi", identity.imsi), ("iccid", identity.iccid)):
            if value:
                self.concealer.learn(kind, value)


def _is_taken(port: int) -> bool:
    """Return whether a program of this host has a port of ``::1``, which all simulated boards share."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_INET6, kind) as tried:
                tried.bind(("::1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
    return False
