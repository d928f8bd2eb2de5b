"""Peers as a scenario sees them: where a board reaches each, what it does, what it saw."""

import base64
import itertools
import secrets
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from bench.clock import Offset, estimate_offset, now_ns
from bench.config import Peers as PeersConfig
from bench.peers.gate import token
from bench.peers.journal import Entry
from bench.peers.program import PATIENCE_S, PeerError, Program
from bench.peers.security import to_json
from bench.security import Settings

_CLOCK_ROUNDS = 25
_GATES = ("udp-gate", "tcp-gate")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address by which a board reaches a peer."""

    host: str
    port: int


class Peers:
    """The peers' programs, for as long as this is entered.

    Plain peers share one program. TLS and DTLS peers have another, which is started with the first of them: the
    arithmetic of a handshake would spoil the others' stamps.
    """

    def __init__(self, config: PeersConfig | None = None) -> None:
        self.config = config or PeersConfig()
        self.offset = Offset()
        self._plain = Program(self.config)
        self._secure: Program | None = None
        self._stack = ExitStack()
        self._started: list[Peer] = []
        self._key = secrets.token_bytes(32) if self.config.public else b""
        self._tokens = itertools.count()

    @property
    def where(self) -> str:
        """Where the peers run, for a report."""
        if self.config.ssh is None:
            return "this host"
        return f"{self.config.ssh} (ssh), clock within {self.offset.uncertainty_ns / 1e6:.2f} ms"

    @property
    def version(self) -> str:
        """Of nrf91-bench at the peers' end."""
        return self._plain.version

    @property
    def security(self) -> str:
        """The TLS library at the peers' end, or why there is none."""
        return self._plain.security

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._plain)
            self._guard(self._plain)
            self.sync_clock()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._secure = None

    def tcp_echo(self, *, ipv6: bool = False, port: int | None = None, **behaviour: object) -> "Peer":
        """A TCP echo peer, on a free port unless one is named.

        Keyword arguments are fields of :class:`~bench.peers.behaviour.Behaviour`.
        """
        return self._start("tcp-echo", ipv6, behaviour, port=port)

    def udp_echo(self, *, ipv6: bool = False, port: int | None = None, **behaviour: object) -> "Peer":
        """A UDP echo peer, likewise."""
        return self._start("udp-echo", ipv6, behaviour, port=port)

    def tls_echo(
        self, security: Settings, *, ipv6: bool = False, key_log: Path | None = None, **behaviour: object
    ) -> "Peer":
        """A TLS echo peer with the credentials and demands of ``security``; role and transport are the peer's own.

        ``key_log`` is a file at the peer's end for the secrets of its handshakes, as Wireshark reads them.
        """
        return self._start_secure("tls-echo", replace(security, server=True, datagram=False), ipv6, key_log, behaviour)

    def dtls_echo(
        self, security: Settings, *, ipv6: bool = False, key_log: Path | None = None, **behaviour: object
    ) -> "Peer":
        """A DTLS echo peer, likewise."""
        return self._start_secure("dtls-echo", replace(security, server=True, datagram=True), ipv6, key_log, behaviour)

    def closed_port(self, *, ipv6: bool = False) -> "Peer":
        """A TCP port that refuses connections for as long as it is held."""
        return self._start("tcp-closed", ipv6, {})

    def tcp_dialer(self, *, ipv6: bool = False) -> "Dialer":
        """A peer that dials a board's server."""
        return Dialer(self._start("tcp-dialer", ipv6, {}))

    def udp_relay(self, upstream: "Peer", **path: float) -> "Peer":
        """A relay to a UDP or DTLS peer; keyword arguments are fields of :class:`~bench.peers.udp.Path`."""
        options = {"upstream": [upstream.bound.host, upstream.bound.port], **path}
        return self._start("udp-relay", ":" in upstream.bound.host, {}, options)

    def gate(self, *, stream: bool = False, ipv6: bool = False) -> "Peer":
        """Where a board of peers in public shows a token: in a datagram, or as the first bytes of a stream."""
        return self._start(_GATES[stream], ipv6, {})

    def token(self) -> bytes:
        """A token that is good once."""
        return token(self._key, next(self._tokens))

    def admitted(self) -> tuple[str, ...]:
        """The addresses from which tokens were shown: those that are served."""
        return tuple(self._share_admission()["addresses"])

    def strangers(self) -> int:
        """How many datagrams and streams came to the gates that are there without a token."""
        return int(self.request("admitted")["strangers"])

    def _guard(self, program: Program) -> None:
        if self.config.public:
            program.request("guard", key=base64.b64encode(self._key).decode())

    def _share_admission(self) -> dict[str, Any]:
        """Tokens are shown to one program; the other serves the same."""
        if not self.config.public:
            return {"addresses": [], "strangers": 0}
        answer = self.request("admitted")
        if self._secure is not None:
            self._secure.request("admit", addresses=answer["addresses"])
        return answer

    @property
    def octets(self) -> int:
        """Bytes of the IP packets of all peers that have stopped."""
        return sum(peer.octets for peer in self._started)

    def journals(self) -> list[tuple["Peer", list[Entry]]]:
        """Every peer started so far that is still there, with its journal."""
        return [(peer, peer.journal()) for peer in self._started if not peer.stopped]

    def check(self) -> None:
        """Nothing while the programs run.

        Raises:
            PeerError: one of them has ended.
        """
        for program in (self._plain, self._secure):
            if program is not None:
                program.check()

    def _start_secure(
        self, kind: str, security: Settings, ipv6: bool, key_log: Path | None, behaviour: dict[str, object]
    ) -> "Peer":
        if self._secure is None:
            self._secure = self._stack.enter_context(Program(self.config))
            self._guard(self._secure)
            self._share_admission()
        options: dict[str, object] = {
            "security": to_json(security),
            "key_log": None if key_log is None else str(key_log),
        }
        return self._start(kind, ipv6, behaviour, options, self._secure)

    def request(self, operation: str, timeout: float = PATIENCE_S, /, **fields: object) -> dict[str, Any]:
        """One request to the plain peers' program; see :meth:`Program.request`."""
        return self._plain.request(operation, timeout, **fields)

    def sync_clock(self) -> Offset:
        """Compares the clocks anew; exact by definition when the peers run here."""
        if self.config.ssh is not None:
            samples = []
            for _ in range(_CLOCK_ROUNDS):
                sent = now_ns()
                theirs = int(self.request("clock")["now_ns"])
                samples.append((sent, theirs, now_ns()))
            self.offset = estimate_offset(samples)
        return self.offset

    def _start(
        self,
        kind: str,
        ipv6: bool,
        behaviour: dict[str, object],
        options: dict[str, object] | None = None,
        program: Program | None = None,
        *,
        port: int | None = None,
    ) -> "Peer":
        config = self.config
        bind = config.bind6 if ipv6 else config.bind
        if bind is None:
            raise PeerError("peers.bind6 is not set in bench.toml, so there is no IPv6 peer")
        if ipv6 and config.public and kind not in _GATES and not any(":" in address for address in self.admitted()):
            raise PeerError(
                "no token came over IPv6, so no peer would answer the board there: does its network route it?"
            )
        ports = [port, port] if port else list(config.ports) if config.ports else None
        program = program or self._plain
        answer = program.request("start", kind=kind, bind=str(bind), ports=ports, options=options or {})
        public = (config.address6 if ipv6 else config.address) or bind
        reached, bound = Endpoint(str(public), answer["port"]), Endpoint(str(bind), answer["port"])
        peer = Peer(self, program, answer["peer"], kind, reached, bound)
        self._started.append(peer)
        if behaviour:
            peer.behave(**behaviour)
        return peer


class Peer:
    """One peer: where a board reaches it, what it does, what it saw.

    Attributes:
        octets: once it has stopped, bytes of the IP packets that it has sent and received, headers counted.
    """

    def __init__(
        self, peers: Peers, program: Program, number: int, kind: str, endpoint: Endpoint, bound: Endpoint
    ) -> None:
        self._peers = peers
        self._program = program
        self._number = number
        self.kind = kind
        self.endpoint = endpoint
        self.bound = bound
        self.stopped = False
        self.octets = 0

    @property
    def host(self) -> str:
        """The address by which a board reaches it."""
        return self.endpoint.host

    @property
    def port(self) -> int:
        """Its port."""
        return self.endpoint.port

    def at(self, host: str) -> "Peer":
        """The same peer as a network reaches it that knows it by another address."""
        return Peer(self._peers, self._program, self._number, self.kind, Endpoint(host, self.port), self.bound)

    def behave(self, **behaviour: object) -> None:
        """Changes what it does from now on; see :class:`~bench.peers.behaviour.Behaviour`."""
        greeting = behaviour.get("greeting")
        if isinstance(greeting, bytes):
            behaviour["greeting"] = base64.b64encode(greeting).decode()
        self._request("behave", behaviour=behaviour)

    def push(self, data: bytes, connection: int | None = None) -> None:
        """Sends data of its own: on the newest connection or a given one, or to whoever sent the last datagram."""
        self._act("push", data=base64.b64encode(data).decode(), connection=connection)

    def release(self) -> None:
        """Sends the answers it held."""
        self._act("release")

    def close_connection(self, connection: int | None = None) -> None:
        """Closes the newest connection, or a given one, with FIN."""
        self._act("close", connection=connection)

    def half_close(self) -> None:
        """Sends FIN on the newest connection and goes on receiving."""
        self._act("half_close")

    def reset_connection(self, connection: int | None = None) -> None:
        """Ends the newest connection, or a given one, with RST."""
        self._act("reset", connection=connection)

    def dial(self, host: str, port: int, timeout: float) -> tuple[int, Endpoint, int]:
        """A dialer's connection to a board: its number, our own end, and the moment it stood on this host's clock.

        Raises:
            PeerError: it did not come about.
        """
        answer = self._program.request(
            "dial", timeout + PATIENCE_S, peer=self._number, host=host, port=port, seconds=timeout
        )
        connected_ns = self._peers.offset.ours(int(answer["connected_ns"]))
        return int(answer["connection"]), Endpoint(*answer["local"]), connected_ns

    def dial_later(self, host: str, port: int, after: float) -> None:
        """A dialer's connection to a board, ``after`` seconds from now."""
        self._act("dial_later", host=host, port=port, after=after)

    def alert(self, description: int, connection: int | None = None) -> None:
        """Sends a fatal alert on the newest secure connection, or a given one."""
        self._act("alert", description=description, connection=connection)

    def purge(self) -> None:
        """Forgets the sessions that a secure peer could resume."""
        self._act("purge")

    def process_id(self) -> int:
        """Of the program that runs it, at the peers' end."""
        return int(self._program.request("hello")["pid"])

    def handshakes(self) -> list[dict[str, Any]]:
        """What each completed handshake of a secure peer agreed on; see :mod:`bench.peers.security`."""
        return [entry.details or {} for entry in self.journal() if entry.event == "handshake"]

    def failed_handshakes(self) -> list[str]:
        """Why handshakes failed, as the peer saw it: ``received unknown_ca``, ``timeout`` ..."""
        return [str((e.details or {})["reason"]) for e in self.journal() if e.event == "handshake failed"]

    def rebind(self) -> None:
        """Changes a relay's source ports."""
        self._act("rebind")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends this peer; its port is free again."""
        if not self.stopped:
            self.octets = int(self._request("stop")["octets"])
            self.stopped = True

    def journal(self) -> list[Entry]:
        """What it saw and did so far, stamped on this host's clock."""
        offset = self._peers.offset
        entries = [Entry.from_json(row) for row in self._request("journal")["entries"]]
        if not offset.offset_ns:
            return entries
        return [replace(entry, t_ns=offset.ours(entry.t_ns)) for entry in entries]

    def wait_for(
        self, event: str, *, count: int = 1, size: int = 0, connection: int | None = None, timeout: float = 10.0
    ) -> bool:
        """Whether an event happened ``count`` times and moved ``size`` bytes before ``timeout`` seconds were over."""
        answer = self._program.request(
            "wait",
            timeout + PATIENCE_S,
            peer=self._number,
            event=event,
            count=count,
            size=size,
            connection=connection,
            seconds=timeout,
        )
        return bool(answer["met"])

    def received(self, connection: int | None = None) -> bytes:
        """All bytes that arrived, on one connection or on all.

        Raises:
            PeerError: they were too many to be kept.
        """
        entries = [
            entry
            for entry in self.journal()
            if entry.event == "received" and (connection is None or entry.connection == connection)
        ]
        if any(entry.sha256 for entry in entries):
            raise PeerError("the journal holds only digests of so many bytes; compare those")
        return b"".join(entry.data or b"" for entry in entries)

    def datagrams(self) -> list[bytes]:
        """The datagrams that arrived, in order, empty ones included."""
        return [entry.data or b"" for entry in self.journal() if entry.event == "received"]

    def _act(self, action: str, **fields: object) -> None:
        self._request("act", action=action, **fields)

    def _request(self, operation: str, **fields: object) -> dict[str, Any]:
        return self._program.request(operation, PATIENCE_S, peer=self._number, **fields)


class Dialer:
    """Dials a board's servers."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def connect(self, host: str, port: int, *, timeout: float = 30.0) -> "DialledConnection":
        """A connection to a board.

        Raises:
            PeerError: nobody listens there, or nobody answers.
        """
        number, local, connected_ns = self.peer.dial(host, port, timeout)
        return DialledConnection(self.peer, number, local.host, connected_ns)

    def connect_later(self, host: str, port: int, *, after: float) -> None:
        """Dials ``after`` seconds from now, while the board waits for it; :meth:`connected` tells when it stood."""
        self.peer.dial_later(host, port, after)

    def connected(self, count: int, *, timeout: float = 10.0) -> int:
        """When the ``count``-th connection of this dialer stood, on this host's clock.

        Raises:
            PeerError: it did not come about in time.
        """
        if not self.peer.wait_for("connected", count=count, timeout=timeout):
            raise PeerError(f"connection {count} did not come about within {timeout:g} s")
        return [entry.t_ns for entry in self.peer.journal() if entry.event == "connected"][count - 1]


@dataclass(frozen=True)
class DialledConnection:
    """One connection from a peer to a board.

    Attributes:
        local_address: the peer's own address, which the board should see.
        connected_ns: when the connection stood.
    """

    peer: Peer
    number: int
    local_address: str
    connected_ns: int

    def send(self, data: bytes) -> None:
        """Sends to the board."""
        self.peer.push(data, self.number)

    def answer_late(self, delay_ms: float) -> None:
        """From now on sends back what the board sends, that much later."""
        self.peer.behave(echo=True, delay_ms=delay_ms)

    def received(self) -> bytes:
        """What the board sent so far."""
        return self.peer.received(self.number)

    def wait_for(self, size: int, *, timeout: float = 10.0) -> bool:
        """Whether that many bytes have come from the board in time."""
        return self.peer.wait_for("received", size=size, connection=self.number, timeout=timeout)

    def wait_for_end(self, *, timeout: float = 10.0) -> bool:
        """Whether the board has closed or reset the connection in time."""
        return self.peer.wait_for("ended", connection=self.number, timeout=timeout)

    def close(self) -> None:
        """Closes with FIN."""
        self.peer.close_connection(self.number)

    def reset(self) -> None:
        """Ends with RST."""
        self.peer.reset_connection(self.number)
