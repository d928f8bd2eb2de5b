"""The simulated board against recordings of the real AT layer, byte for byte.

data/slm-3.1.jsonl holds what the AT layer of nRF Connect SDK v3.1 answered; the peers here do what the recording's did.
"""

import contextlib
import json
import os
import re
import select
import socket
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.at.events import FinalResult, Malformed
from bench.at.parser import Parser
from bench.peers import Peers
from bench.security import MODEM_SUITES, TlsSettings
from bench.security.credentials import ServerCertificate, make_credentials
from tests.support.programs import simulator

RECORDING = Path(__file__).parent / "data" / "slm-3.1.jsonl"
CASES: dict[str, list[dict[str, Any]]] = {}
for row in RECORDING.read_text().splitlines():
    step = json.loads(row)
    CASES.setdefault(step["case"], []).append(step)

SETTLE = 0.06
# Where the simulated board answers otherwise than the recording: (case, what was sent) -> what is left out, and why.
DIFFERENCES = {
    # Neither is on the Socket AT commands page; the harness that recorded lists what was compiled in [SHIM].
    ("generic", b"AT#XCLAC\r\n"): (b"AT#XAPOLL\r\n", b"AT#XMODEMRESET\r\n", b"AT#XSHUTDOWN\r\n"),
}


class Port:
    """A bare client: writes bytes and reads until the expected number has come and a little longer."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)

    def exchange(self, data: bytes, expected: int) -> bytes:
        os.write(self.fd, data)
        return self.collect(expected)

    def collect(self, expected: int, patience: float = 10.0) -> bytes:
        heard = b""
        deadline = time.monotonic() + patience
        while True:
            wait = SETTLE if len(heard) >= expected else deadline - time.monotonic()
            if wait <= 0 or not select.select([self.fd], [], [], wait)[0]:
                return heard
            heard += os.read(self.fd, 65536)


class Peer:
    """A TCP and a UDP socket on one port, doing what the recording's peers did."""

    def __init__(self) -> None:
        while True:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.listener.close()
                self.udp.close()
        self.connections: list[socket.socket] = []
        self.source: tuple[str, int] | None = None
        self.datagrams = False

    def accept(self) -> socket.socket:
        self.listener.settimeout(5)
        connection, _ = self.listener.accept()
        self.connections.append(connection)
        return connection

    def received(self, expected: int) -> bytes:
        data = b""
        if self.datagrams:
            while select.select([self.udp], [], [], 5 if len(data) < expected else SETTLE)[0]:
                piece, self.source = self.udp.recvfrom(65536)
                data += piece
            return data
        connection = self.connections[-1]
        while select.select([connection], [], [], 5 if len(data) < expected else SETTLE)[0]:
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
        return data

    def send(self, data: bytes) -> None:
        if self.datagrams:
            assert self.source
            self.udp.sendto(data, self.source)
        else:
            self.connections[-1].sendall(data)

    def close(self) -> None:
        for end in (self.listener, self.udp, *self.connections):
            end.close()


class Replay:
    """One case: sends, compares, and plays the other end."""

    def __init__(self, case: str, port: Port, peers: list[Peer]) -> None:
        self.case = case
        self.port = port
        self.peer, self.second = peers
        self.peer.datagrams = case.startswith("udp")
        self.clients: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0)) as spare:
            closed = spare.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as spare:
            self.listening = spare.getsockname()[1]
        self.ports = {
            "{PORT}": self.peer.port,
            "{PORT2}": self.second.port,
            "{BUSYPORT}": self.peer.port,
            "{CLOSEDPORT}": closed,
            "{LPORT}": self.listening,
        }
        self.kept = b""
        self.before: dict[tuple[str, int], Callable[[], None]] = {
            ("xrecv_forms", 25): lambda: self.peer.send(b"late"),
            ("tcp_peer_closed", 2): self._last_words,
            ("udp_connected", 6): lambda: self.peer.send(b""),
            ("udp_connected", 11): lambda: self.peer.send(b"D" * 3000),
            ("udp_sendto", 20): lambda: self.peer.send(b""),
            ("xpoll", 25): lambda: self.peer.send(b"aa"),
            ("xpoll", 31): lambda: self.second.send(b"bb"),
            ("xpoll", 40): lambda: self.peer.send(b"x"),
            ("xpoll", 41): lambda: self.peer.connections[-1].close(),
            ("tcp_server", 21): self._dial,
            ("tcp_server", 25): lambda: self.clients[0].sendall(b"from client"),
            ("tcp_server", 33): lambda: self.clients[0].sendall(b"after 2.5 s"),
            ("tcp_server", 37): lambda: self.clients[0].close(),
            ("tcp_server", 40): self._dial,
            ("tcp_server", 41): lambda: self.clients[1].sendall(b"second"),
        }

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _dial(self) -> None:
        self.clients.append(socket.create_connection(("127.0.0.1", self.listening), 5))

    def _last_words(self) -> None:
        self.peer.send(b"last words")
        self.peer.connections[-1].close()
        time.sleep(0.05)  # the recording polled a connection whose end had arrived

    def fill(self, text: str) -> bytes:
        for name, port in self.ports.items():
            text = text.replace(name, str(port))
        return text.encode("latin-1")

    def run(self, index: int, step: dict[str, Any]) -> None:
        action = self.before.get((self.case, index))
        if action:
            action()
        if "event" in step:
            self._event(step)
            return
        sent, expected = self.fill(step["send"]), self.fill(step["recv"])
        if not action:
            self._provide(sent, expected)
        for left_out in DIFFERENCES.get((self.case, sent), ()):
            expected = expected.replace(left_out, b"")
        answer = self.port.exchange(sent, len(expected))
        assert answer == expected, f"{self.case}, step {index}: {step['send']!r}"
        if expected.startswith(b"\r\n#XCONNECT: 1") and not self.peer.datagrams:
            (self.second if b",%d" % self.second.port in sent else self.peer).accept()

    def _provide(self, sent: bytes, expected: bytes) -> None:
        """Sends what the recorded answer holds, unless an earlier step already did."""
        if expected.startswith((b"\r\n#XRECV: ", b"\r\n#XRECVFROM: ")) and self.case not in (
            "xpoll",
            "tcp_peer_closed",
        ):
            payload = expected.split(b"\r\n", 2)[2][: -len(b"\r\nOK\r\n")]
            peeked, self.kept = self.kept, payload if sent.endswith(b",2\r\n") else b""
            if payload != peeked and self.case != "tcp_server":
                self.peer.send(payload)

    def _event(self, step: dict[str, Any]) -> None:
        if step["event"] == "boot":
            return
        expected = step["peer_rx"].encode("latin-1")
        if self.case == "tcp_server":
            client = self.clients[-1]
            client.settimeout(5)
            assert client.recv(4096) == expected
        else:
            assert self.peer.received(len(expected)) == expected


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made = [Peer(), Peer()]
    yield made
    for peer in made:
        peer.close()


SECURE = ("tls_psk", "dtls_psk", "dtls_cert")


@pytest.mark.parametrize("case", [case for case in CASES if case not in SECURE])
def test_answers_as_the_recorded_firmware_does(case: str, peers: list[Peer]) -> None:
    hosts = ["one.test=192.0.2.1", "many.test=192.0.2.1,192.0.2.2,192.0.2.3", "mixed.test=192.0.2.1,2001:db8::1"]
    arguments = [argument for host in hosts for argument in ("--host", host)]
    with simulator("--address", "127.0.0.1", "--cell", "setup=0", *arguments) as boards:
        port = Port(boards[0]["port"])
        try:
            assert port.collect(len(b"Ready\r\n")) == b"Ready\r\n"
            replay = Replay(case, port, peers)
            with contextlib.ExitStack() as stack:
                stack.callback(replay.close)
                for index, step in enumerate(CASES[case]):
                    replay.run(index, step)
        finally:
            os.close(port.fd)


# The recording's library prefers a suite that no modem has.
RECORDED_SUITES = (b"0xccac", b"0xcca9")


@pytest.mark.parametrize("case", SECURE)
def test_answers_as_the_recorded_firmware_does_over_tls(case: str, tmp_path: Path) -> None:
    credentials = make_credentials()
    (tmp_path / "ca.pem").write_bytes(credentials.authorities["ecdsa"])
    psk, wrong = credentials.psk, credentials.wrong_psk
    tags = ["--ca", f"42:{tmp_path / 'ca.pem'}", "--psk", f"43:{psk.identity.decode()}:{psk.key.hex()}"]
    tags += ["--psk", f"45:{wrong.identity.decode()}:{wrong.key.hex()}"]
    security = TlsSettings(
        server=True,
        datagram=False,
        certificates=(credentials.servers[ServerCertificate.ECDSA],) if case == "dtls_cert" else (),
        psks={} if case == "dtls_cert" else credentials.psks,
    )
    with simulator("--address", "127.0.0.1", "--cell", "setup=0", *tags) as boards, Peers() as peers:
        start = peers.tls_echo if case == "tls_psk" else peers.dtls_echo
        peer = start(security, echo=False)
        port = Port(boards[0]["port"])
        seen = b""
        try:
            port.collect(len(b"Ready\r\n"))
            for step in CASES[case]:
                if "event" in step:
                    seen += step["peer_rx"].encode()
                    assert peer.wait_for("received", size=len(seen))
                    assert peer.received() == seen
                    continue
                if step["send"].startswith("AT#XPOLL"):
                    peer.push(b"secure reply\n")
                sent = step["send"].replace("{PORT}", str(peer.port)).encode()
                expected = step["recv"].encode("latin-1")
                answer = port.exchange(sent, len(expected))
                for suite in RECORDED_SUITES:
                    if suite in expected:
                        assert int(re.search(rb"0x([0-9a-f]{4})\r", answer)[1], 16) in MODEM_SUITES  # type: ignore[index]
                        expected = answer
                assert answer == expected, step["send"]
        finally:
            os.close(port.fd)


@pytest.mark.parametrize("case", [name for name in CASES if name != "boot"])
def test_the_client_reads_the_recordings_as_it_reads_a_board(case: str) -> None:
    """Every recorded answer is taken whole: no malformed event, nothing left over, payloads by their length."""
    parser = Parser()
    for step in CASES[case]:
        received = step.get("recv", "").encode("latin-1")
        if step.get("send", "").endswith("\r\n") and received:
            parser.command_sent(step["send"].encode("latin-1").rstrip(b"\r\n"))
        events = parser.feed(received)
        assert not [event for event in events if isinstance(event, Malformed)]
        assert parser.unfinished == b""
        if received.endswith((b"\r\nOK\r\n", b"\r\nERROR\r\n")):
            assert isinstance(events[-1], FinalResult)
