"""The control of all peers for a scenario: it starts them, and keeps their clock and their gate."""

import base64
import itertools
import secrets
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from bench.clock import Offset, estimate_offset, now_ns
from bench.config.lab import PeersConfig
from bench.peers.dialer import Dialer
from bench.peers.gate import token
from bench.peers.peer import Endpoint, Peer
from bench.peers.program import PATIENCE_S, PeerError, Program
from bench.peers.security import to_json
from bench.security import TlsSettings

_CLOCK_ROUNDS = 25
_GATES = ("udp-gate", "tcp-gate")


class Peers:
    """The peers' programs; they run while this is entered.

    Plain peers share one program. TLS and DTLS peers have another, which starts with the first of them: the computation
    of a handshake would disturb the stamps of the others.

    Attributes:
        in_kernel: of public peers, whether the kernel keeps strangers off; if not, their TCP connections are reset.
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
        self.in_kernel = True

    @property
    def where(self) -> str:
        """The place where the peers run, for a report."""
        clock = f" (ssh), clock within {self.offset.uncertainty_ns / 1e6:.2f} ms"
        place = "this host" if self.config.ssh is None else f"{self.config.ssh}{clock}"
        if not self.config.public:
            return place
        how = (
            "" if self.in_kernel else "; this kernel does not filter TCP for its user: strangers' connections are reset"
        )
        return f"{place}, in public: answers this run's boards only{how}"

    @property
    def version(self) -> str:
        """The version of nrf91-bench at the peers' end."""
        return self._plain.version

    @property
    def security(self) -> str:
        """The TLS library at the peers' end, or the reason that there is none."""
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

    def tcp_echo(self, *, ipv6: bool = False, port: int | None = None, **behaviour: object) -> Peer:
        """Start a TCP echo peer, on a free port unless one is given.

        Keyword arguments are fields of :class:`~bench.peers.behaviour.Behaviour`.
        """
        return self._start("tcp-echo", ipv6, behaviour, port=port)

    def udp_echo(self, *, ipv6: bool = False, port: int | None = None, **behaviour: object) -> Peer:
        """Start a UDP echo peer, with the same arguments."""
        return self._start("udp-echo", ipv6, behaviour, port=port)

    def tls_echo(
        self, security: TlsSettings, *, ipv6: bool = False, key_log: Path | None = None, **behaviour: object
    ) -> Peer:
        """Start a TLS echo peer with the settings ``security``; the peer sets role and transport.

        ``key_log`` is a file at the peer's end for the secrets of its handshakes, in the format of Wireshark.
        """
        return self._start_secure("tls-echo", replace(security, server=True, datagram=False), ipv6, key_log, behaviour)

    def dtls_echo(
        self, security: TlsSettings, *, ipv6: bool = False, key_log: Path | None = None, **behaviour: object
    ) -> Peer:
        """Start a DTLS echo peer, with the same arguments."""
        return self._start_secure("dtls-echo", replace(security, server=True, datagram=True), ipv6, key_log, behaviour)

    def closed_port(self, *, ipv6: bool = False) -> Peer:
        """Take a TCP port that refuses connections while it is held."""
        return self._start("tcp-closed", ipv6, {})

    def tcp_dialer(self, *, ipv6: bool = False) -> Dialer:
        """Start a peer that connects to a board's server."""
        return Dialer(self._start("tcp-dialer", ipv6, {}))

    def udp_relay(self, upstream: "Peer", **path: float) -> Peer:
        """Start a relay to a UDP or DTLS peer; keyword arguments are fields of :class:`~bench.peers.udp.Path`."""
        options = {"upstream": [upstream.bound.host, upstream.bound.port], **path}
        return self._start("udp-relay", ":" in upstream.bound.host, {}, options)

    def gate(self, *, stream: bool = False, ipv6: bool = False) -> Peer:
        """Return where a board shows a token to public peers: in a datagram, or at the start of a stream."""
        return self._start(_GATES[stream], ipv6, {})

    def token(self) -> bytes:
        """Return a token that is valid once."""
        return token(self._key, next(self._tokens))

    def list_admitted(self) -> tuple[str, ...]:
        """Return the addresses that showed tokens and are served."""
        return tuple(self._share_admission()["addresses"])

    def count_strangers(self) -> int:
        """Return the number of datagrams and streams that came to the gates without a token."""
        return int(self.request("admitted")["strangers"])

    def _guard(self, program: Program) -> None:
        if self.config.public:
            answer = program.request("guard", key=base64.b64encode(self._key).decode())
            self.in_kernel = bool(answer["in_kernel"])

    def _share_admission(self) -> dict[str, Any]:
        """Share the admitted addresses: tokens are shown to one program, and both serve the same boards."""
        if not self.config.public:
            return {"addresses": [], "strangers": 0}
        answer = self.request("admitted")
        if self._secure is not None:
            self._secure.request("admit", addresses=answer["addresses"])
        return answer

    @property
    def octets(self) -> int:
        """The bytes of the IP packets of all peers that have stopped."""
        return sum(peer.octets for peer in self._started)

    def running(self) -> list[Peer]:
        """Return the peers that run."""
        return [peer for peer in self._started if not peer.stopped]

    def check(self) -> None:
        """Check that the programs run.

        Raises:
            PeerError: One of them has ended.
        """
        for program in (self._plain, self._secure):
            if program is not None:
                program.check()

    def _start_secure(
        self, kind: str, security: TlsSettings, ipv6: bool, key_log: Path | None, behaviour: dict[str, object]
    ) -> Peer:
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
        """Send a request to the plain peers' program; see :meth:`Program.request`."""
        return self._plain.request(operation, timeout, **fields)

    def sync_clock(self) -> Offset:
        """Compare the clocks again; peers on this host have the same clock."""
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
    ) -> Peer:
        config = self.config
        bind = config.bind6 if ipv6 else config.bind
        if bind is None:
            raise PeerError("peers.bind6 is not set in bench.toml, so there is no IPv6 peer")
        if (
            ipv6
            and config.public
            and kind not in _GATES
            and not any(":" in address for address in self.list_admitted())
        ):
            raise PeerError(
                "no token came over IPv6, so no peer would answer the board there: check that its network routes IPv6"
            )
        ports = [port, port] if port else list(config.ports) if config.ports else None
        program = program or self._plain
        answer = program.request("start", kind=kind, bind=str(bind), ports=ports, options=options or {})
        public = (config.address6 if ipv6 else config.address) or bind
        reached, bound = Endpoint(str(public), answer["port"]), Endpoint(str(bind), answer["port"])
        peer = Peer(lambda: self.offset, program, answer["peer"], kind, reached, bound)
        self._started.append(peer)
        if behaviour:
            peer.behave(**behaviour)
        return peer
