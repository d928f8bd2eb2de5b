"""What the TLS and DTLS engine costs beside OpenSSL: python benchmarks/secure.py [--rounds 10].

One thread drives both ends in memory, in alternating blocks of one run: handshakes per second, and 1 KiB records one
way in MB/s. OpenSSL is the one that Python's ssl module is linked with; it has no DTLS there, so DTLS stands alone.
Compare inside one table only.
"""

import argparse
import contextlib
import ssl
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.security import PreSharedKey, SecurityError, TlsConnection, TlsContext, TlsSettings, Verify, library
from bench.security.credentials import HOST_NAME, CredentialSet, ServerCertificate, make_credentials

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="alternating blocks of each row")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("at least one round")
    credentials = make_credentials()
    print(f"{library().version}, {ssl.OPENSSL_VERSION}; medians of {rounds} alternating rounds")
    rows: list[tuple[str, Engine, OpenSsl | None, int]] = [
        ("TLS ECDHE-ECDSA-AES128-GCM", Engine(credentials, GCM, datagram=False), OpenSsl(credentials, GCM), 10),
        ("TLS ECDHE-ECDSA-AES128-CBC-SHA256", Engine(credentials, CBC, datagram=False), OpenSsl(credentials, CBC), 10),
        ("TLS PSK-AES128-CCM8", Engine(credentials, CCM_8, datagram=False, psk=True), None, 200),
        ("DTLS PSK-AES128-CCM8", Engine(credentials, CCM_8, datagram=True, psk=True), None, 200),
        ("DTLS ECDHE-ECDSA-AES128-GCM", Engine(credentials, GCM, datagram=True), None, 10),
    ]
    print(f"{'':34} {'handshakes/s':>13} {'OpenSSL':>9} {'ratio':>6} {'MB/s':>8} {'OpenSSL':>9} {'ratio':>6}")
    for name, ours, theirs, count in rows:
        ends = [end for end in (ours, theirs) if end is not None]
        shaken = [[end.handshakes(count) for end in ends] for _ in range(rounds)]
        moved = [[end.megabytes() for end in ends] for _ in range(rounds)]
        print(f"{name:34} {_cells(shaken, 13)} {_cells(moved, 8)}")


def _cells(rounds: list[list[float]], width: int) -> str:
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    if len(medians) == 1:
        return f"{medians[0]:{width}.1f} {'':>9} {'':>6}"
    return f"{medians[0]:{width}.1f} {medians[1]:9.1f} {medians[0] / medians[1]:6.2f}"


if __name__ == "__main__":
    main()
