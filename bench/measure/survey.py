"""The survey of a SIM's network by trying: IPv6, NAT and its timeout, inbound connections, MTU, ports, DNS."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.at import CommandTimeout
from bench.boards import Board
from bench.errors import BenchError, DeviceError
from bench.modem import Family, UdpSocket
from bench.peers import Peer, PeerError, Peers

_ASK = b"who am I?"
_SMALLEST, _LARGEST = (
    512,
    1472,
)  # bytes of a datagram: any path must carry 512, an Ethernet carries 1,472
_GRAIN = 16
_NOBODY = "no-such-host.invalid"  # reserved by RFC 6761


@dataclass(frozen=True)
class Survey:
    """The result of a survey. None stands for anything that was not tried.

    Attributes:
        own_address: the board's address by its modem.
        seen_address: the board's address as a peer sees it; empty when no datagram arrived.
        ipv6: the reason that IPv6 does not work; empty when it works.
        inbound: the reason that no peer can connect to the board; empty when one can.
        missing: which of these two the network certainly lacks; nothing where the device may be at fault.
        mtu: bytes of the largest UDP datagram, up to 1,472, that came back.
        nat_kept_s: longest silence that was tried after which a datagram still reached the board.
        nat_lost_s: shortest silence after which none did.
        blocked: ports of the configuration that cannot be reached: ``tcp 8883``.
        dns: the problem of name resolution; empty when there is none.
    """

    own_address: str = ""
    seen_address: str = ""
    ipv6: str | None = None
    inbound: str | None = None
    missing: tuple[str, ...] = ()
    mtu: int | None = None
    nat_kept_s: float | None = None
    nat_lost_s: float | None = None
    blocked: tuple[str, ...] = ()
    dns: str | None = None

    @property
    def nat(self) -> bool:
        """True when the network translates the board's address."""
        return bool(self.seen_address) and self.seen_address != self.own_address

    def to_row(self) -> dict[str, Any]:
        """Return the row for the result stream, without addresses, which identify a subscriber."""
        row = asdict(self)
        del row["own_address"], row["seen_address"]
        for name in ("ipv6", "inbound", "dns"):
            row[name] = None if row[name] is None else self._without_addresses(row[name])
        return {**row, "nat": self.nat}

    def _without_addresses(self, text: str) -> str:
        for address in filter(None, (self.own_address, self.seen_address)):
            text = text.replace(address, "the board's address")
        return text

    def lines(self) -> Iterator[str]:
        """Yield the survey as text, without addresses."""
        yield from map(self._without_addresses, self._texts())

    def _texts(self) -> Iterator[str]:
        yield "IPv6 works" if self.ipv6 == "" else f"no IPv6: {self.ipv6}"
        yield "peers can dial the board" if self.inbound == "" else f"nobody can dial the board: {self.inbound}"
        yield f"its address is {'translated (NAT)' if self.nat else 'its own'}"
        yield "no datagram came back" if self.mtu is None else f"datagrams of {self.mtu} bytes pass"
        if self.nat_kept_s is not None or self.nat_lost_s is not None:
            kept = f"a silence of {self.nat_kept_s:g} s is remembered" if self.nat_kept_s is not None else ""
            lost = f"one of {self.nat_lost_s:g} s is forgotten" if self.nat_lost_s is not None else ""
            yield ", ".join(filter(None, (kept, lost)))
        if self.blocked:
            yield f"blocked: {', '.join(self.blocked)}"
        if self.dns is not None:
            yield "names are resolved" if self.dns == "" else f"DNS: {self.dns}"


@dataclass(frozen=True)
class Surveyor:
    """The surveyor of one board's network.

    Attributes:
        seconds: longest time for an answer.
        attempts: number of times that a datagram is sent before it counts as lost.
        name: name of the peers in the board's network; None for none.
        ports: ports to try over TCP and UDP.
        nat_seconds: longest silence to try; 0 for none.
    """

    board: Board
    peers: Peers
    seconds: int = 10
    attempts: int = 2
    name: str | None = None
    ports: Sequence[int] = ()
    nat_seconds: float = 0.0

    def survey(self) -> Survey:
        """Try everything; this takes some round trips, and twice ``nat_seconds``.

        Raises:
            LabError: The peers or the board are gone.
        """
        own = self.board.address()
        seen = self._find_seen_address()
        kept, lost = self._nat() if seen and self.nat_seconds else (None, None)
        has_ipv6 = bool(self.board.addresses(Family.IPV6))
        inbound, refused = self._inbound(own)
        missing = ("ipv6",) * (not has_ipv6) + ("inbound",) * (bool(inbound) and (seen != own or not refused))
        return Survey(
            own_address=own,
            seen_address=seen,
            ipv6=self._ipv6() if has_ipv6 else "the board has no IPv6 address",
            inbound=inbound,
            missing=missing,
            mtu=self._mtu() if seen else None,
            nat_kept_s=kept,
            nat_lost_s=lost,
            blocked=tuple(self._blocked()),
            dns=None if self.name is None else self._dns(self.name),
        )

    def _is_echoed(self, socket: UdpSocket, data: bytes) -> bool:
        for _ in range(self.attempts):
            with contextlib.suppress(DeviceError):
                socket.send(data)
                if socket.receive(self.seconds, at_most=self.seconds).data == data:
                    return True
        return False

    def _find_seen_address(self) -> str:
        with self.peers.udp_echo() as echo, self.board.modem.udp_client(echo.host, echo.port) as client:
            self._is_echoed(client, _ASK)
            return next((entry.address.split()[0] for entry in echo.journal() if entry.event == "received"), "")

    def _ipv6(self) -> str:
        if self.peers.config.bind6 is None:
            return "the peers have no IPv6 address (peers.bind6 in bench.toml)"
        try:
            with self.peers.tcp_echo(ipv6=True) as echo:
                self._talk(echo)
        except (DeviceError, PeerError) as error:
            return f"it has an address, but no connection: {_first_line(error)}"
        return ""

    def _inbound(self, own: str) -> tuple[str, bool]:
        """Return why no peer can connect to the board, and whether the board refused or the path was silent."""
        port = self.board.free_port()
        dialer = self.peers.tcp_dialer()
        try:
            with dialer.peer, self.board.modem.tcp_server(port):
                dialer.connect(own, port, timeout=self.seconds)
        except DeviceError as error:
            return _first_line(error), True
        except PeerError as error:
            return _first_line(error), error.kind == ConnectionRefusedError.__name__
        return "", False

    def _mtu(self) -> int | None:
        """Return the largest datagram that passes, by bisection: a path that carries it carries every smaller one."""
        with self.peers.udp_echo() as echo, self.board.modem.udp_client(echo.host, echo.port) as client:
            if not self._is_echoed(client, bytes(_SMALLEST)):
                return None
            passes, fails = _SMALLEST, _LARGEST + 1
            if self._is_echoed(client, bytes(_LARGEST)):
                return _LARGEST
            while fails - passes > _GRAIN:
                middle = (passes + fails) // 2
                if self._is_echoed(client, bytes(middle)):
                    passes = middle
                else:
                    fails = middle
            return passes

    def _nat(self) -> tuple[float | None, float | None]:
        """Return the longest silence that NAT survives, and the shortest that it does not; each try doubles it."""
        kept: float | None = None
        silence = min(self.nat_seconds, max(1.0, self.nat_seconds / 8))
        with self.peers.udp_echo() as echo:
            while True:
                if not self._reached_after(echo, silence):
                    return kept, silence
                kept = silence
                if silence >= self.nat_seconds:
                    return kept, None
                silence = min(2 * silence, self.nat_seconds)

    def _reached_after(self, echo: Peer, silence: float) -> bool:
        with self.board.modem.udp_client(echo.host, echo.port) as client:
            if not self._is_echoed(client, _ASK):
                return False
            time.sleep(silence)
            for _ in range(self.attempts):
                echo.push(_ASK)
                with contextlib.suppress(DeviceError):
                    return client.receive(self.seconds, at_most=self.seconds).data == _ASK
        return False

    def _blocked(self) -> Iterator[str]:
        for port in self.ports:
            try:
                with self.peers.tcp_echo(port=port) as echo:
                    if not self._connects(echo):
                        yield f"tcp {port}"
                with (
                    self.peers.udp_echo(port=port) as echo,
                    self.board.modem.udp_client(echo.host, echo.port) as client,
                ):
                    if not self._is_echoed(client, _ASK):
                        yield f"udp {port}"
            except PeerError:
                continue  # the port is in use at the peers' host, or reserved for root: not tried

    def _connects(self, echo: Peer) -> bool:
        try:
            self._talk(echo)
        except DeviceError:
            return False
        return True

    def _talk(self, echo: Peer) -> None:
        with self.board.modem.tcp_client(echo.host, echo.port) as client:
            client.send(_ASK)
            client.receive_exactly(len(_ASK), timeout=self.seconds)

    def _dns(self, name: str) -> str:
        expected = set(self.peers.config.reachable_at)
        try:
            found = set(self.board.modem.names.resolve(name, Family.IPV4).addresses)
        except DeviceError as error:
            return f"{name} is not resolved: {_first_line(error)}"
        if not found & expected:
            return f"{name} is resolved to {', '.join(sorted(found))}, the peers are at {', '.join(sorted(expected))}"
        try:
            self.board.modem.names.resolve(_NOBODY)
        except CommandTimeout:
            return f"nobody says within a minute that {_NOBODY} is no name"
        except DeviceError:
            return ""
        return f"{_NOBODY}, which is no name, is resolved: somebody answers for names that do not exist"


def _first_line(error: BenchError) -> str:
    return str(error).partition("\n")[0]
