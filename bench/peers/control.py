"""Peers as a scenario sees them: starts the peers' program, here or through ssh, and speaks to it."""

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, Any, Self

from bench import __version__, children
from bench.clock import NS_PER_S, Offset, estimate_offset, now_ns
from bench.config import Peers as PeersConfig
from bench.errors import LabError
from bench.peers.journal import Entry
from bench.peers.service import PROTOCOL

_CLOCK_ROUNDS = 25
# Beyond what an operation itself may take.
_PATIENCE_S = 15.0


class PeerError(LabError):
    """The peers' program could not be started, died, or could not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address by which a board reaches a peer."""

    host: str
    port: int


class Peers:
    """The peers' program, for as long as it is entered."""

    def __init__(self, config: PeersConfig | None = None) -> None:
        self.config = config or PeersConfig()
        self.offset = Offset()
        self.version = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._errors: IO[bytes] | None = None
        self._input = bytearray()
        self._count = 0
        self._started: list[Peer] = []

    @property
    def where(self) -> str:
        """Where the peers run, for a report."""
        if self.config.ssh is None:
            return "this host"
        return f"{self.config.ssh} (ssh), clock within {self.offset.uncertainty_ns / 1e6:.2f} ms"

    def __enter__(self) -> Self:
        config = self.config
        if config.ssh is None:
            command = children.program("bench.peers", "--stdio")
        else:
            options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
            command = ["ssh", *options, config.ssh, f"{config.python} -m bench.peers --stdio"]
        self._errors = tempfile.TemporaryFile()
        try:
            self._process, self._pipe = children.spawn(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise PeerError(f"cannot start {command[0]} for the peers: {error}") from error
        try:
            self._greet()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            children.end(process, self._pipe)
        if self._errors is not None:
            self._errors.close()

    def tcp_echo(self, *, ipv6: bool = False, **behaviour: object) -> "Peer":
        """A TCP echo peer; keyword arguments are fields of :class:`~bench.peers.behaviour.Behaviour`."""
        return self._start("tcp-echo", ipv6, behaviour)

    def udp_echo(self, *, ipv6: bool = False, **behaviour: object) -> "Peer":
        """A UDP echo peer."""
        return self._start("udp-echo", ipv6, behaviour)

    def closed_port(self, *, ipv6: bool = False) -> "Peer":
        """A TCP port that refuses connections for as long as it is held."""
        return self._start("tcp-closed", ipv6, {})

    def tcp_dialer(self, *, ipv6: bool = False) -> "Dialer":
        """A peer that dials a board's server."""
        return Dialer(self._start("tcp-dialer", ipv6, {}))

    def udp_relay(self, upstream: "Peer", **path: float) -> "Peer":
        """A relay to a UDP peer; keyword arguments are fields of :class:`~bench.peers.udp.Path`."""
        options = {"upstream": [upstream.bound.host, upstream.bound.port], **path}
        return self._start("udp-relay", ":" in upstream.bound.host, {}, options)

    def journals(self) -> list[tuple["Peer", list[Entry]]]:
        """Every peer started so far that is still there, with its journal."""
        return [(peer, peer.journal()) for peer in self._started if not peer.stopped]

    def request(self, operation: str, timeout: float = _PATIENCE_S, /, **fields: object) -> dict[str, Any]:
        """One request to the program; returns its answer.

        Raises:
            PeerError: it refused, or it is gone.
        """
        self._count += 1
        line = json.dumps({"id": self._count, "op": operation, **fields}).encode() + b"\n"
        process = self._process
        if process is None or process.stdin is None:
            raise PeerError("the peers' program is not running")
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError as error:
            raise self._gone() from error
        answer: dict[str, Any] = json.loads(self._line(timeout))
        if not answer.get("ok"):
            raise PeerError(f"the peer could not {operation}: {answer.get('error')}")
        return answer

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

    def _greet(self) -> None:
        hello = self.request("hello", 30.0)
        self.version = str(hello["version"])
        if (hello["protocol"], hello["version"]) != (PROTOCOL, __version__):
            raise PeerError(
                f"the peers on {self.where} are nrf91-bench {hello['version']}, this bench is {__version__}: install"
                " the same version at both ends"
            )
        self.sync_clock()

    def _start(
        self, kind: str, ipv6: bool, behaviour: dict[str, object], options: dict[str, object] | None = None
    ) -> "Peer":
        config = self.config
        bind = config.bind6 if ipv6 else config.bind
        if bind is None:
            raise PeerError("peers.bind6 is not set in bench.toml, so there is no IPv6 peer")
        ports = list(config.ports) if config.ports else None
        answer = self.request("start", kind=kind, bind=str(bind), ports=ports, options=options or {})
        public = (config.address6 if ipv6 else config.address) or bind
        peer = Peer(
            self, answer["peer"], kind, Endpoint(str(public), answer["port"]), Endpoint(str(bind), answer["port"])
        )
        self._started.append(peer)
        if behaviour:
            peer.behave(**behaviour)
        return peer

    def _line(self, timeout: float) -> bytes:
        assert self._process is not None  # request() has looked
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = now_ns() + round(timeout * NS_PER_S)
        while b"\n" not in self._input:
            left = (deadline - now_ns()) / NS_PER_S
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise PeerError(f"the peers on {self.where} did not answer within {timeout:g} s")
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                raise self._gone()
            self._input += chunk
        line, _, rest = bytes(self._input).partition(b"\n")
        self._input = bytearray(rest)
        return line

    def _gone(self) -> PeerError:
        text = ""
        if self._errors is not None:
            self._errors.seek(0)
            text = self._errors.read().decode(errors="replace").strip()[-2000:]
        place = "here" if self.config.ssh is None else f"on {self.config.ssh}"
        cure = (
            ""
            if self.config.ssh is None
            else f"; try `ssh {self.config.ssh} {self.config.python} -m bench.peers --stdio`"
        )
        return PeerError(f"the peers' program {place} has ended{f': {text}' if text else ''}{cure}")


class Peer:
    """One peer: where a board reaches it, what it does, what it saw."""

    def __init__(self, peers: Peers, number: int, kind: str, endpoint: Endpoint, bound: Endpoint) -> None:
        self._peers = peers
        self._number = number
        self.kind = kind
        self.endpoint = endpoint
        self.bound = bound
        self.stopped = False

    @property
    def host(self) -> str:
        """The address by which a board reaches it."""
        return self.endpoint.host

    @property
    def port(self) -> int:
        """Its port."""
        return self.endpoint.port

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
        answer = self._peers.request(
            "dial", timeout + _PATIENCE_S, peer=self._number, host=host, port=port, seconds=timeout
        )
        connected_ns = self._peers.offset.ours(int(answer["connected_ns"]))
        return int(answer["connection"]), Endpoint(*answer["local"]), connected_ns

    def rebind(self) -> None:
        """Changes a relay's source ports."""
        self._act("rebind")

    def stop(self) -> None:
        """Ends this peer; its port is free again."""
        if not self.stopped:
            self._request("stop")
            self.stopped = True

    def journal(self) -> list[Entry]:
        """What it saw and did so far, stamped on this host's clock."""
        offset = self._peers.offset
        entries = [Entry.from_json(row) for row in self._request("journal")["entries"]]
        if not offset.offset_ns:
            return entries
        return [Entry(offset.ours(e.t_ns), e.event, e.connection, e.address, e.size, e.data, e.sha256) for e in entries]

    def wait_for(
        self, event: str, *, count: int = 1, size: int = 0, connection: int | None = None, timeout: float = 10.0
    ) -> bool:
        """Whether an event happened ``count`` times and moved ``size`` bytes before ``timeout`` seconds were over."""
        answer = self._peers.request(
            "wait",
            timeout + _PATIENCE_S,
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
        return self._peers.request(operation, _PATIENCE_S, peer=self._number, **fields)


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
