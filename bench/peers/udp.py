"""The UDP echo peer, and the relay that simulates a bad network."""

import asyncio
import random
import socket
from dataclasses import dataclass

from bench.clock import now_ns
from bench.errors import UsageError
from bench.peers.bound import BoundPeer
from bench.peers.datagram import DatagramPeer, header_octets
from bench.peers.journal import Source

_READ = 65536


class UdpEcho(DatagramPeer[Source]):
    """A peer that answers each datagram to its source."""

    kind = "udp-echo"

    def _datagram(self, data: bytes, source: Source, stamp: int) -> None:
        self.journal.add("received", source=source, data=data, t_ns=stamp)
        self._handle_data(data, source)

    def _send(self, data: bytes, to: Source) -> None:
        stamp = now_ns()
        if self._transmit(data, to):
            self.journal.add("sent", source=to, data=data, t_ns=stamp)

    def _note(self, event: str, to: Source, data: bytes) -> None:
        self.journal.add(event, source=to, data=data)


@dataclass(frozen=True, slots=True)
class Path:
    """The treatment of datagrams by a relay, both ways.

    Attributes:
        loss: probability that a datagram is lost.
        delay_ms: delay of each datagram.
        jitter_ms: greatest additional delay, uniformly distributed.
        reorder: probability that the next datagram overtakes one.
        seed: makes the choices repeatable.
        drop_flight: number of the flight of each client's conversation that is lost once; 0 is none. Flights count
            from 1, a new one with each change of direction; its retransmission passes.
    """

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    seed: int = 0
    drop_flight: int = 0

    def __post_init__(self) -> None:
        if type(self.drop_flight) is not int or self.drop_flight < 0:
            raise UsageError(f"drop_flight is {self.drop_flight!r}; it must be the number of a flight")
        for name in ("loss", "reorder"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be a probability from 0 to 1")
        if self.delay_ms < 0 or self.jitter_ms < 0:
            raise UsageError("a delay cannot be negative")


# Datagrams of one flight follow each other at once; later ones are retransmissions (RFC 6347: at least 1 s later).
_FLIGHT_NS = 400_000_000


class Conversation:
    """A counter of the flights between two ends."""

    def __init__(self) -> None:
        self._flight = 0
        self._up: bool | None = None
        self._dropping_since: int | None = None

    def drops(self, up: bool, wanted: int, stamp: int) -> bool:
        """Return whether the datagram belongs to the flight to drop, and is not a retransmission."""
        if up is not self._up:
            self._flight += 1
            self._up = up
        if not wanted or self._flight != wanted:
            return False
        if self._dropping_since is None:
            self._dropping_since = stamp
        return stamp - self._dropping_since < _FLIGHT_NS


class UdpRelay(BoundPeer):
    """A relay of datagrams between clients and one upstream, each client from its own source port, like a NAT."""

    kind = "udp-relay"

    def __init__(self, bound: socket.socket, upstream: Source, path: Path) -> None:
        super().__init__(bound)
        self._header = header_octets(bound)
        self._upstream = upstream
        self._path = path
        self._random = random.Random(path.seed)
        self._loop = asyncio.get_running_loop()
        self._flows: dict[Source, tuple[int, socket.socket]] = {}
        self._numbers = 0
        self._overtaken: dict[tuple[bool, Source], bytes] = {}
        self._conversations: dict[Source, Conversation] = {}
        bound.setblocking(False)
        self._loop.add_reader(bound.fileno(), self._from_client)

    def close(self) -> None:
        """Stop the relay and all its flows."""
        self._loop.remove_reader(self._socket.fileno())
        super().close()
        self._drop_flows()

    def rebind(self) -> None:
        """Give every client a new source port towards upstream, like a NAT after its timeout."""
        clients = list(self._flows)
        self._drop_flows()
        for client in clients:
            number, flow = self._flow(client)
            self.journal.add("rebound", connection=number, source=flow.getsockname()[:2])

    def _drop_flows(self) -> None:
        for _, flow in self._flows.values():
            self._loop.remove_reader(flow.fileno())
            flow.close()
        self._flows.clear()

    def _flow(self, client: Source) -> tuple[int, socket.socket]:
        if client not in self._flows:
            flow = socket.socket(self._socket.family, socket.SOCK_DGRAM)
            flow.setblocking(False)
            flow.connect(self._upstream)
            self._numbers += 1
            self._flows[client] = self._numbers, flow
            self._loop.add_reader(flow.fileno(), self._from_upstream, client)
        return self._flows[client]

    def _from_client(self) -> None:
        try:
            data, source = self._socket.recvfrom(_READ)
        except OSError:
            return
        client = source[:2]
        self.octets += len(data) + self._header
        self.journal.add("received", connection=self._flow(client)[0], source=client, data=data)
        self._forward(True, client, data)

    def _from_upstream(self, client: Source) -> None:
        number, flow = self._flows[client]
        try:
            data = flow.recv(_READ)
        except OSError as error:
            self.journal.add("error", connection=number, data=str(error).encode())
            return
        self.journal.add("received", connection=number, source=self._upstream, data=data)
        self._forward(False, client, data)

    def _forward(self, up: bool, client: Source, data: bytes) -> None:
        path = self._path
        conversation = self._conversations.setdefault(client, Conversation())
        if conversation.drops(up, path.drop_flight, now_ns()) or self._random.random() < path.loss:
            self.journal.add("dropped", source=client, data=data)
            return
        waiting = self._overtaken.pop((up, client), None)
        if waiting is None and self._random.random() < path.reorder:
            self._overtaken[up, client] = data
            self.journal.add("held", source=client, data=data)
            return
        delay = (path.delay_ms + self._random.uniform(0, path.jitter_ms)) / 1000
        for piece in (data, *(() if waiting is None else (waiting,))):
            if delay:
                self._loop.call_later(delay, self._send, up, client, piece)
            else:
                self._send(up, client, piece)

    def _send(self, up: bool, client: Source, data: bytes) -> None:
        if self._socket.fileno() < 0:
            return
        number, flow = self._flow(client)
        stamp = now_ns()
        try:
            if up:
                flow.send(data)
            else:
                self._socket.sendto(data, client)
                self.octets += len(data) + self._header
        except OSError as error:
            self.journal.add("error", connection=number, data=str(error).encode())
            return
        self.journal.add("sent", connection=number, source=self._upstream if up else client, data=data, t_ns=stamp)
