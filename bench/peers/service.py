"""The service of the peers' program: it serves requests, one JSON object a line, until its input ends.

Requests are ``{"id": n, "op": NAME, ...}``; an answer is ``{"id": n, "ok": true, ...}`` or ``{"id": n, "ok": false,
"error": TEXT}``. A bad request gets an answer and never ends the program.
"""

import asyncio
import base64
import contextlib
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from bench import __version__
from bench.clock import now_ns
from bench.errors import in_words
from bench.peers.behaviour import NAMES
from bench.peers.datagram import Allowance, DatagramPeer
from bench.peers.dtls import DtlsEcho
from bench.peers.gate import Gate, GuardedSocket, TcpGate, UdpGate
from bench.peers.security import KeyLog, from_json
from bench.peers.tcp import ClosedPort, StreamPeer, TcpDialer, TcpEcho
from bench.peers.tls import ServedTlsConnection, TlsEcho
from bench.peers.udp import Path as NetworkPath
from bench.peers.udp import UdpEcho, UdpRelay
from bench.security import SecurityUnavailable, TlsContext, library

PROTOCOL = 6
_PUBLIC_RATE = 4_000_000  # bytes/s, more than any board sends
_PUBLIC_CONNECTIONS = 256
_LINE_LIMIT = 64 << 20
_SOCKETS = dict.fromkeys(
    (TcpEcho.kind, TlsEcho.kind, TcpDialer.kind, ClosedPort.kind, TcpGate.kind), socket.SOCK_STREAM
)

Peer = TcpEcho | TlsEcho | TcpDialer | ClosedPort | UdpEcho | DtlsEcho | UdpRelay | UdpGate | TcpGate
Request = dict[str, Any]
Answer = dict[str, Any]


class Service:
    """The service for all peers of one program."""

    def __init__(self) -> None:
        self._peers: dict[int, Peer] = {}
        self._count = 0
        self._gate: Gate | None = None
        self._kinds: dict[str, Callable[[socket.socket, dict[str, Any]], Peer]] = {
            TcpEcho.kind: lambda bound, _: TcpEcho(bound),
            TlsEcho.kind: lambda bound, options: TlsEcho(bound, *_security(options)),
            TcpDialer.kind: lambda bound, _: TcpDialer(bound),
            ClosedPort.kind: lambda bound, _: ClosedPort(bound),
            UdpEcho.kind: lambda bound, _: UdpEcho(bound),
            DtlsEcho.kind: lambda bound, options: DtlsEcho(bound, *_security(options)),
            UdpRelay.kind: _relay,
            UdpGate.kind: lambda bound, _: UdpGate(bound, self._guardian),
            TcpGate.kind: lambda bound, _: TcpGate(bound, self._guardian),
        }
        self._operations: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "hello": self._hello,
            "clock": self._clock,
            "start": self._start,
            "stop": self._stop,
            "behave": self._behave,
            "act": self._act,
            "dial": self._dial,
            "journal": self._journal,
            "wait": self._wait,
            "guard": self._guard,
            "admit": self._admit,
            "admitted": self._admitted,
        }

    def close(self) -> None:
        """Stop every peer."""
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()

    async def answer(self, line: bytes) -> Answer:
        """Execute the request of one line."""
        number: object = None
        try:
            request = json.loads(line)  # it knows NaN, which is then refused by name
            number = request.get("id")
            operation = self._operations.get(request.get("op"))
            if operation is None:
                raise LookupError(f"unknown operation {request.get('op')!r}")
            return {"id": number, "ok": True, **await operation(request)}
        except Exception as error:  # noqa: BLE001 - whatever a request asks for, the other peers go on
            return {"id": number, "ok": False, "error": in_words(error), "kind": type(error).__name__}

    def start(self, kind: str, bind: str, ports: tuple[int, int] | None, **options: Any) -> tuple[int, Peer]:  # noqa: ANN401
        """Start a peer on a free port, or on one of a range; raise OSError when there is none."""
        make = self._kinds.get(kind)
        if make is None:
            raise ValueError(f"no peer is called {kind!r}")
        open_to_all = self._gate is None or kind in (UdpGate.kind, TcpGate.kind)
        bound = _bind(bind, ports, _SOCKETS.get(kind, socket.SOCK_DGRAM), None if open_to_all else self._gate)
        try:
            peer = make(bound, options)
        except BaseException:
            bound.close()
            raise
        if self._gate is not None:
            _bound_in_rate(peer)
        self._count += 1
        self._peers[self._count] = peer
        return self._count, peer

    async def _hello(self, _: Request) -> Answer:
        try:
            security = library().version
        except SecurityUnavailable as error:
            security = str(error)  # secure peers will report it; plain peers do not need it
        return {"version": __version__, "protocol": PROTOCOL, "pid": os.getpid(), "security": security}

    @property
    def _guardian(self) -> Gate:
        if self._gate is None:
            raise ValueError("there is no gate: send guard first")
        return self._gate

    async def _guard(self, request: Request) -> Answer:
        """Serve only admitted addresses from now on."""
        if self._peers:
            raise ValueError("send guard before the first peer starts")
        self._gate = Gate(base64.b64decode(request["key"]))
        return {"in_kernel": self._gate.in_kernel}

    async def _admit(self, request: Request) -> Answer:
        for address in request["addresses"]:
            self._guardian.admit(address)
        return {}

    async def _admitted(self, _: Request) -> Answer:
        gates = [peer for peer in self._peers.values() if isinstance(peer, UdpGate | TcpGate)]
        return {"addresses": self._guardian.admitted, "strangers": sum(gate.strangers for gate in gates)}

    async def _clock(self, _: Request) -> Answer:
        return {"now_ns": now_ns()}

    async def _start(self, request: Request) -> Answer:
        ports = request.get("ports")
        number, peer = self.start(
            request["kind"], request["bind"], tuple(ports) if ports else None, **request.get("options", {})
        )
        host, port = peer.address
        return {"peer": number, "host": host, "port": port}

    async def _stop(self, request: Request) -> Answer:
        """Stop a peer; return its last events, from number ``since`` on. One that has more than ``most`` goes on."""
        peer = self._peers[request["peer"]]
        entries = peer.journal.entries[int(request["since"]) :]
        if len(entries) > int(request["most"]):
            return {"stopped": False}
        del self._peers[request["peer"]]
        peer.close()
        return {"stopped": True, "octets": peer.octets, "entries": entries}

    async def _behave(self, request: Request) -> Answer:
        changes = request["behaviour"]
        unknown = set(changes) - NAMES
        if unknown:
            raise ValueError(f"unknown behaviour {', '.join(sorted(unknown))}")
        if "greeting" in changes:
            changes["greeting"] = base64.b64decode(changes["greeting"])
        peer = self._peers[request["peer"]]
        peer.behave(replace(peer.behaviour, **changes))
        return {}

    async def _act(self, request: Request) -> Answer:
        peer = self._peers[request["peer"]]
        action = request["action"]
        data = base64.b64decode(request.get("data", ""))
        if isinstance(peer, UdpRelay) and action == "rebind":
            peer.rebind()
        elif isinstance(peer, TlsEcho | DtlsEcho) and action == "purge":
            peer.context.purge()
        elif isinstance(peer, DtlsEcho) and action == "alert":
            peer.alert(_alert(request), request.get("connection"))
        elif isinstance(peer, DtlsEcho) and action == "close":
            peer.close_association(request.get("connection"))
        elif isinstance(peer, DatagramPeer) and action == "push":
            peer.push(data)
        elif isinstance(peer, DatagramPeer) and action == "release":
            peer.release()
        elif isinstance(peer, TcpDialer) and action == "dial_later":
            peer.dial_later(request["host"], request["port"], float(request["after"]))
        elif isinstance(peer, StreamPeer):
            connection = peer.connection(request.get("connection"))
            actions: dict[str, Callable[[], None]] = {
                "push": lambda: connection.send(data),
                "release": connection.release,
                "close": connection.close,
                "half_close": connection.half_close,
                "reset": connection.reset,
            }
            if isinstance(connection, ServedTlsConnection):
                actions["alert"] = lambda: connection.alert(_alert(request))
            if action not in actions:
                raise ValueError(f"a {peer.kind} cannot {action}")
            actions[action]()
        else:
            raise ValueError(f"a {peer.kind} cannot {action}")
        return {}

    async def _dial(self, request: Request) -> Answer:
        peer = self._peers[request["peer"]]
        if not isinstance(peer, TcpDialer):
            raise TypeError(f"a {peer.kind} cannot dial")
        try:
            connection = await peer.dial(request["host"], request["port"], float(request["seconds"]))
        except TimeoutError:
            raise OSError(f"{request['host']} port {request['port']} did not answer in time") from None
        connected = next(e.t_ns for e in reversed(peer.journal.entries) if e.event == "connected")
        return {"connection": connection.number, "local": list(connection.local), "connected_ns": connected}

    async def _journal(self, request: Request) -> Answer:
        """Return at most ``most`` entries from number ``since`` on: no answer takes long, however many there are."""
        journal = self._peers[request["peer"]].journal
        since, most = int(request["since"]), int(request["most"])
        return {"entries": journal.entries[since : since + most], "omitted": journal.omitted}

    async def _wait(self, request: Request) -> Answer:
        """Wait until an event has happened often enough, or has moved enough bytes."""
        journal = self._peers[request["peer"]].journal
        event, count, size = request["event"], int(request.get("count", 1)), int(request.get("size", 0))
        met = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(float(request["seconds"])):
                while True:
                    journal.changed.clear()
                    found, moved = journal.count(event, request.get("connection"))
                    if met := found >= count and moved >= size:
                        break
                    await journal.changed.wait()
        found, moved = journal.count(event, request.get("connection"))
        return {"met": met, "count": found, "size": moved}


def _alert(request: Request) -> int:
    description = int(request["description"])
    if not 0 <= description <= 255:
        raise ValueError(f"an alert is one byte, not {description}")
    return description


def _security(options: dict[str, Any]) -> tuple[TlsContext, KeyLog]:
    path = options.get("key_log")
    return TlsContext(from_json(options["security"])), KeyLog(Path(path) if path else None)


def _relay(bound: socket.socket, options: dict[str, Any]) -> UdpRelay:
    host, port = options.pop("upstream")
    return UdpRelay(bound, (host, port), NetworkPath(**options))


def _bound_in_rate(peer: Peer) -> None:
    """Limit the rate of a public peer, even for its clients."""
    if isinstance(peer, DatagramPeer):
        peer.allowance = Allowance(_PUBLIC_RATE)
    elif isinstance(peer, StreamPeer):
        peer.most_connections = _PUBLIC_CONNECTIONS


def _bind(host: str, ports: tuple[int, int] | None, kind: socket.SocketKind, gate: Gate | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidates = range(ports[0], ports[1] + 1) if ports else (0,)
    problem: OSError | None = None
    for port in candidates:
        bound = GuardedSocket(family, kind)
        try:
            if kind is socket.SOCK_STREAM and ports:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if gate is not None:
                gate.guard(bound, host)
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            problem = error
        except BaseException:
            bound.close()
            raise
        else:
            return bound
    where = f"none of the ports {ports[0]} to {ports[1]}" if ports else "no port"
    raise OSError(f"{where} of {host} can be used: {problem}")


async def serve_stdio() -> None:
    """Serve requests from standard input until it ends."""
    loop = asyncio.get_running_loop()
    service = Service()
    reader = asyncio.StreamReader(limit=_LINE_LIMIT)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        line = await reader.readline()
        while line:
            # The next line is read at the same time: the end of the input also ends a waiting request.
            working = asyncio.create_task(service.answer(line))
            reading = asyncio.create_task(reader.readline())
            await asyncio.wait((working, reading), return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and reading.result() == b"":
                working.cancel()
                return
            _write_all(msgspec.json.encode(await working) + b"\n")
            line = await reading
    finally:
        transport.close()
        service.close()


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
