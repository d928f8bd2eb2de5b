"""Our peers and the simulated board against OpenSSL's and GnuTLS' command-line programs, in both roles.

They are skipped where the programs are not installed; CI installs them and tolerates no skip.
"""

import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.at import AtLink
from bench.peers import Peer, Peers
from bench.security import TlsSettings, Verify
from bench.security.credentials import CredentialSet, ServerCertificate, make_credentials
from tests.support.programs import simulator

PROGRAMS = ("openssl", "gnutls-cli", "gnutls-serv")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

PATIENCE = 15.0
IDENTITY = "nrf91"
KEY = "00112233445566778899aabbccddeeff"
TAG_PSK, TAG_CA, TAG_DEVICE = 42, 43, 44
GNUTLS_PSK = "NORMAL:-KX-ALL:+PSK:-VERS-ALL:+VERS-TLS1.2:+VERS-DTLS1.2"
GNUTLS_CERT = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-DTLS1.2"


@dataclass
class Files:
    """The credentials as files."""

    ca: Path
    server: Path
    server_key: Path
    device: Path
    device_key: Path


@pytest.fixture(scope="module")
def credentials() -> CredentialSet:
    return make_credentials()


@pytest.fixture(scope="module")
def files(credentials: CredentialSet, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("credentials")
    server, device = credentials.servers[ServerCertificate.ECDSA], credentials.devices["ecdsa"]
    made = Files(*(folder / f"{name}.pem" for name in ("ca", "server", "server_key", "device", "device_key")))
    made.ca.write_bytes(credentials.authorities["ecdsa"])
    made.server.write_bytes(server.certificate)
    made.server_key.write_bytes(server.key)
    made.device.write_bytes(device.certificate)
    made.device_key.write_bytes(device.key)
    return made


class Talk:
    """A program whose standard input and output are a conversation."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        self.heard = b""

    def say(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text.encode() + b"\n")

    def hear(self, pattern: bytes) -> bytes:
        """Reads until the pattern has come."""
        assert self._process.stdout
        deadline = time.monotonic() + PATIENCE
        while re.search(pattern, self.heard) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} did not come in {self.heard.decode(errors='replace')}"
            if select.select([self._process.stdout], [], [], left)[0]:
                piece = os.read(self._process.stdout.fileno(), 65536)
                assert piece, f"ended before {pattern!r} came: {self.heard.decode(errors='replace')}"
                self.heard += piece
        return self.heard

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@contextlib.contextmanager
def talk(*command: str) -> Iterator[Talk]:
    running = Talk(*command)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def peers(credentials: CredentialSet) -> Iterator[dict[str, Peer]]:
    psk = TlsSettings(server=True, datagram=False, psks={IDENTITY.encode(): bytes.fromhex(KEY)}, session_cache=True)
    mutual = TlsSettings(
        server=True,
        datagram=False,
        verify=Verify.REQUIRED,
        authorities=credentials.authorities["ecdsa"],
        certificates=(credentials.servers[ServerCertificate.ECDSA],),
    )
    with Peers() as program:
        yield {
            "tls-psk": program.tls_echo(psk),
            "dtls-psk": program.dtls_echo(psk),
            "tls-mutual": program.tls_echo(mutual),
            "dtls-mutual": program.dtls_echo(mutual),
        }


class TestTheirClients:
    """Their clients, our peers."""

    @pytest.mark.parametrize(
        "suite", ["PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256", "PSK-AES256-CBC-SHA", "PSK-AES128-CBC-SHA"]
    )
    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    def test_openssl_with_a_key(self, peers: dict[str, Peer], transport: str, suite: str) -> None:
        peer = peers[f"{transport}-psk"]
        self._openssl(peer, transport, "-psk_identity", IDENTITY, "-psk", KEY, "-cipher", f"{suite}:@SECLEVEL=0")
        assert peer.handshakes()[-1]["psk_identity"] == IDENTITY

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    def test_openssl_with_certificates(self, peers: dict[str, Peer], files: Files, transport: str) -> None:
        peer = peers[f"{transport}-mutual"]
        own = ("-cert", str(files.device), "-key", str(files.device_key))
        self._openssl(peer, transport, "-CAfile", str(files.ca), "-verify_return_error", *own)
        assert "device.nrf91-bench.test" in peer.handshakes()[-1]["client"]

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    def test_openssl_resumes(self, peers: dict[str, Peer], transport: str, tmp_path: Path) -> None:
        peer = peers[f"{transport}-psk"]
        session = str(tmp_path / "session")
        key = ("-psk_identity", IDENTITY, "-psk", KEY)
        self._openssl(peer, transport, *key, "-sess_out", session)
        self._openssl(peer, transport, *key, "-sess_in", session, expected=rb"Reused")
        assert peer.handshakes()[-1]["resumed"] is True

    @staticmethod
    def _openssl(peer: Peer, transport: str, *arguments: str, expected: bytes = rb"Cipher is") -> None:
        where = ("-connect", f"{peer.host}:{peer.port}")
        with talk("openssl", "s_client", f"-{transport}1_2", *where, *arguments) as client:
            client.hear(expected)
            client.hear(rb"Extended master secret: yes")
            client.say("hello from openssl")
            assert b"hello from openssl" in client.hear(rb"hello from openssl\n")
            client.say("Q")

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    @pytest.mark.parametrize("kind", ["psk", "mutual"])
    def test_gnutls(self, peers: dict[str, Peer], files: Files, transport: str, kind: str) -> None:
        peer = peers[f"{transport}-{kind}"]
        udp = ("--udp",) if transport == "dtls" else ()
        own: tuple[str, ...]
        if kind == "psk":
            own = ("--pskusername", IDENTITY, "--pskkey", KEY, "--priority", GNUTLS_PSK)
        else:
            certificate = ("--x509certfile", str(files.device), "--x509keyfile", str(files.device_key))
            checks = ("--x509cafile", str(files.ca), "--verify-hostname", "peer.nrf91-bench.test")
            own = (*certificate, *checks, "--priority", GNUTLS_CERT)
        with talk("gnutls-cli", *udp, *own, "-p", str(peer.port), peer.host) as client:
            client.hear(rb"Handshake was completed")
            client.say("hello from gnutls")
            client.hear(rb"hello from gnutls")


def free_port(transport: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if transport == "tls" else socket.SOCK_DGRAM) as spare:
        spare.bind(("", 0))
        return int(spare.getsockname()[1])


@contextlib.contextmanager
def serving(transport: str, command: Callable[[int], Sequence[str]], ready: bytes) -> Iterator[tuple[Talk, int]]:
    """A server that listens, and its port: where another process was quicker to take that, another one."""
    for left in reversed(range(10)):
        port = free_port(transport)
        with talk(*command(port)) as server:
            try:
                server.hear(ready)
            except AssertionError:
                if b"in use" not in server.heard:
                    raise
            if b"in use" not in server.heard:
                yield server, port
                return
            assert left, "no port is free"


@pytest.fixture(scope="module")
def board(files: Files) -> Iterator[AtLink]:
    arguments = ["--psk", f"{TAG_PSK}:{IDENTITY}:{KEY}", "--ca", f"{TAG_CA}:{files.ca}"]
    arguments += ["--ca", f"{TAG_DEVICE}:{files.ca}", "--cert", f"{TAG_DEVICE}:{files.device}"]
    arguments += ["--key", f"{TAG_DEVICE}:{files.device_key}"]
    with simulator(*arguments) as boards, AtLink.open(boards[0]["port"]) as link:
        yield link


class TestTheirServers:
    """Their servers, the simulated board."""

    def _exchange(self, board: AtLink, transport: str, tag: int, port: int, server: Talk, reply: bool) -> str:
        """Connects, sends, and reads what comes back; returns the suite."""
        kind = {"tls": 1, "dtls": 2}[transport]
        board.command(f"AT#XSSOCKET=1,{kind},0,{tag}")
        try:
            board.command('AT#XSSOCKETOPT=1,2,"peer.nrf91-bench.test"')
            board.command(f'AT#XCONNECT="127.0.0.1",{port}', timeout=130)
            board.command('AT#XSEND="hello from the board\n"')
            server.hear(rb"hello from the board|Handshake was completed|Echo Server")
            if reply:
                server.hear(rb"hello from the board")
                server.say("and back")
            response = board.command("AT#XRECV=10", timeout=15)
            assert response.payload == (b"and back\n" if reply else b"hello from the board\n")
            return board.command("AT#XSSOCKETOPT=0,4").lines[0]
        finally:
            board.command("AT#XSOCKET=0")

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    @pytest.mark.parametrize(("kind", "tag"), [("psk", TAG_PSK), ("server", TAG_CA), ("mutual", TAG_DEVICE)])
    def test_openssl(self, board: AtLink, files: Files, transport: str, kind: str, tag: int) -> None:
        own: tuple[str, ...]
        if kind == "psk":
            own = ("-nocert", "-psk", KEY, "-psk_identity", IDENTITY, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0")
        else:
            own = ("-cert", str(files.server), "-key", str(files.server_key))
        demands = ("-Verify", "1", "-verify_return_error", "-CAfile", str(files.ca)) if kind == "mutual" else ()
        command = ("openssl", "s_server", f"-{transport}1_2", *own, *demands)
        with serving(transport, lambda port: (*command, "-port", str(port)), rb"ACCEPT") as (server, port):
            suite = self._exchange(board, transport, tag, port, server, reply=True)
        assert (suite == "#XSSOCKETOPT: 0xc0a8") is (kind == "psk")

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    @pytest.mark.parametrize(("kind", "tag"), [("psk", TAG_PSK), ("mutual", TAG_DEVICE)])
    def test_gnutls(self, board: AtLink, files: Files, tmp_path: Path, transport: str, kind: str, tag: int) -> None:
        own: tuple[str, ...]
        if kind == "psk":
            (tmp_path / "psk").write_text(f"{IDENTITY}:{KEY}\n")
            own = ("--pskpasswd", str(tmp_path / "psk"), "--priority", GNUTLS_PSK)
        else:
            certificate = ("--x509certfile", str(files.server), "--x509keyfile", str(files.server_key))
            demands = ("--require-client-cert", "--verify-client-cert", "--x509cafile", str(files.ca))
            own = (*certificate, *demands, "--priority", GNUTLS_CERT)
        udp = ("--udp",) if transport == "dtls" else ()
        command = ("gnutls-serv", "--echo", *udp, *own)
        listens = rb"IPv4 0\.0\.0\.0 port \d+\.\.\.(done|bind)"
        with serving(transport, lambda port: (*command, "-p", str(port)), listens) as (server, port):
            assert self._exchange(board, transport, tag, port, server, reply=False)
