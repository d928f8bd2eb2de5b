"""What the TLS and DTLS engine of the peers costs beside OpenSSL: handshakes, and records of 1 KiB one way.

One thread drives both ends in memory, in alternating blocks. OpenSSL is the one that Python's ssl module is linked
with; it has neither DTLS nor pre-shared keys there, so that these stand beside our own TLS.
"""

import contextlib
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.security import PreSharedKey, SecurityError, TlsConnection, TlsContext, TlsSettings, Verify
from bench.security.credentials import HOST_NAME, CredentialSet, ServerCertificate, make_credentials
from benchmarks.figure import Row, paired
from benchmarks.sizes import Sizes

SECTION = "secure"

GCM, CBC, CCM_8 = 0xC02B, 0xC023, 0xC0A8
OPENSSL_NAMES = {GCM: "ECDHE-ECDSA-AES128-GCM-SHA256", CBC: "ECDHE-ECDSA-AES128-SHA256"}
KEY = PreSharedKey(b"board", b"k" * 16)
RECORD = bytes(range(256)) * 4
RECORDS = 2000


class Engine:
    """Ours, over either transport."""

    def __init__(self, credentials: CredentialSet, suite: int, *, datagram: bool, psk: bool = False) -> None:
        client = TlsSettings(
            server=False,
            datagram=datagram,
            suites=(suite,),
            psk=KEY if psk else None,
            verify=Verify.REQUIRED,
            authorities=credentials.authorities["ecdsa"],
        )
        server = replace(
            client,
            server=True,
            verify=Verify.NONE,
            psk=None,
            psks={KEY.identity: KEY.key} if psk else {},
            certificates=() if psk else (credentials.servers[ServerCertificate.ECDSA],),
        )
        self._client, self._server = TlsContext(client), TlsContext(server)

    def connect(self) -> tuple[TlsConnection, TlsConnection]:
        client, server = TlsConnection(self._client, host_name=HOST_NAME), TlsConnection(self._server, peer=b"client")
        while not (client.established and server.established):
            client.handshake()
            for piece in client.take():
                server.feed(piece)
            try:
                server.handshake()
            except SecurityError:
                if not server.wants_cookie:
                    raise
                pieces = server.take()
                server.free()
                server = TlsConnection(self._server, peer=b"client")
                for piece in pieces:
                    client.feed(piece)
                continue
            for piece in server.take():
                client.feed(piece)
        return client, server

    def handshakes(self, count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            for end in self.connect():
                end.free()
        return count / (time.perf_counter() - began)

    def megabytes(self) -> float:
        client, server = self.connect()
        began = time.perf_counter()
        for _ in range(RECORDS):
            client.write(RECORD)
            for piece in client.take():
                server.feed(piece)
            assert server.read() == RECORD
        took = time.perf_counter() - began
        client.free()
        server.free()
        return RECORDS * len(RECORD) / took / 1e6


class OpenSsl:
    """Python's ssl module on memory buffers."""

    def __init__(self, credentials: CredentialSet, suite: int) -> None:
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client.load_verify_locations(cadata=credentials.authorities["ecdsa"].decode())
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            pair = credentials.servers[ServerCertificate.ECDSA]
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            certificate.write_bytes(pair.certificate)
            key.write_bytes(pair.key)
            self._server.load_cert_chain(certificate, key)
        for context in (self._client, self._server):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(OPENSSL_NAMES[suite])
        self._server.options |= ssl.OP_NO_TICKET

    def connect(self) -> tuple[ssl.SSLObject, ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self._client.wrap_bio(down, up, server_hostname=HOST_NAME)
        server = self._server.wrap_bio(up, down, server_side=True)
        left = [client, server]
        while left:
            for end in list(left):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                    left.remove(end)
        return client, server, up, down

    def handshakes(self, count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            self.connect()
        return count / (time.perf_counter() - began)

    def megabytes(self) -> float:
        client, server, _, _ = self.connect()
        began = time.perf_counter()
        for _ in range(RECORDS):
            client.write(RECORD)
            assert server.read(4096) == RECORD
        return RECORDS * len(RECORD) / (time.perf_counter() - began) / 1e6


@dataclass(frozen=True)
class Contest:
    """An engine beside another."""

    name: str
    ours: Engine
    reference: str
    theirs: Engine | OpenSsl
    handshakes: int


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield handshakes and throughput of each kind of connection."""
    for contest in _contests(make_credentials()):
        ends = (contest.ours, contest.theirs)
        shaken, moved = [], []
        for turn in range(sizes.rounds):
            order = ends[:: 1 if turn % 2 else -1]
            shakes = {end: end.handshakes(contest.handshakes) for end in order}
            megabytes = {end: end.megabytes() for end in order}
            shaken.append([shakes[end] for end in ends])
            moved.append([megabytes[end] for end in ends])
        for name, unit, each in (("handshakes", "1/s", shaken), ("records", "MB/s", moved)):
            ours, theirs = zip(*each, strict=True)
            yield paired(SECTION, f"{contest.name}, {name}", unit, ours, contest.reference, theirs)


def _contests(credentials: CredentialSet) -> list[Contest]:
    tls, psk = "TLS ECDHE-ECDSA-AES128-GCM", "TLS PSK-AES128-CCM8"
    engine, keyed = Engine(credentials, GCM, datagram=False), Engine(credentials, CCM_8, datagram=False, psk=True)
    chained = Engine(credentials, CBC, datagram=False)
    return [
        Contest(tls, engine, "OpenSSL", OpenSsl(credentials, GCM), 10),
        Contest("TLS ECDHE-ECDSA-AES128-CBC-SHA256", chained, "OpenSSL", OpenSsl(credentials, CBC), 10),
        Contest(psk, keyed, tls, engine, 10),
        Contest("DTLS PSK-AES128-CCM8", Engine(credentials, CCM_8, datagram=True, psk=True), psk, keyed, 200),
        Contest("DTLS ECDHE-ECDSA-AES128-GCM", Engine(credentials, GCM, datagram=True), tls, engine, 10),
    ]
