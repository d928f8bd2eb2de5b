"""TLS and DTLS peers: many clients, hostile ones, and what their journal says."""

import contextlib
import random
import select
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.peers import Peer, PeerError, Peers
from bench.security import PreSharedKey, TlsConnection, TlsContext, TlsSettings, client_hello
from bench.security.credentials import HOST_NAME, CredentialSet, ServerCertificate, make_credentials
from tests.support.dtls_client import DtlsClient, serve

KEY = PreSharedKey(b"board", b"k" * 16)
SERVER = TlsSettings(server=True, datagram=True, psks={KEY.identity: KEY.key}, cid_length=8)


@pytest.fixture(scope="module")
def program() -> Iterator[Peers]:
    with Peers() as running:
        yield running


@pytest.fixture(scope="module")
def credentials() -> CredentialSet:
    return make_credentials()


@pytest.fixture
def context() -> Iterator[TlsContext]:
    with TlsContext(TlsSettings(server=False, datagram=True, psk=KEY, cid_length=0)) as made:
        yield made


@pytest.fixture
def client(program: Peers, context: TlsContext) -> Iterator[DtlsClient]:
    """An established association with a DTLS peer."""
    peer = program.dtls_echo(SERVER)
    made = DtlsClient(context, (peer.host, peer.port), cid=b"")
    made.peer = peer  # type: ignore[attr-defined]
    serve([made], lambda each: each.connection.established)
    yield made
    made.close()
    peer.stop()


def peer_of(client: DtlsClient) -> Peer:
    peer: Peer = client.peer  # type: ignore[attr-defined]
    return peer


def echo(client: DtlsClient, data: bytes) -> None:
    before = len(client.received)
    client.send(data)
    serve([client], lambda each: len(each.received) >= before + len(data))
    assert client.received[before:] == data


def _answered(client: DtlsClient) -> None:
    assert select.select([client.socket], [], [], 10)[0]


class TestDtls:
    def test_two_hundred_clients_at_once(self, program: Peers, context: TlsContext) -> None:
        peer = program.dtls_echo(SERVER)
        clients = [DtlsClient(context, (peer.host, peer.port), cid=b"") for _ in range(200)]
        serve(clients, lambda each: each.connection.established)
        for index, each in enumerate(clients):
            each.send(b"client %d" % index)
        serve(clients, lambda each: bool(each.received))
        assert [each.received for each in clients] == [b"client %d" % index for index in range(200)]
        assert len(peer.handshakes()) == 200
        for each in clients:
            each.move()
            each.received = b""
            each.send(b"moved")
        serve(clients, lambda each: each.received == b"moved")
        assert len(peer.handshakes()) == 200
        for each in clients:
            each.close()
        peer.stop()

    def test_garbage_leaves_an_established_client_alone(self, client: DtlsClient) -> None:
        hello = self._first_hello(client.context)
        noise = random.Random(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(client.server)
            for index in range(10_000):
                changed = bytearray(hello)
                changed[noise.randrange(len(hello))] ^= 1 << noise.randrange(8)
                candidates = (noise.randbytes(noise.randrange(1, 100)), hello[: noise.randrange(len(hello))], changed)
                with contextlib.suppress(OSError):
                    (stranger if index % 2 else client.socket).send(bytes(candidates[index % 3]))
                if index % 500 == 0:
                    echo(client, b"still here %d" % index)
        echo(client, b"to the end")
        assert len(peer_of(client).handshakes()) == 1

    @staticmethod
    def _first_hello(context: TlsContext) -> bytes:
        stranger = TlsConnection(context)
        stranger.handshake()
        (hello,) = stranger.take()
        stranger.free()
        return hello

    def test_a_replayed_record_is_not_answered_again(self, client: DtlsClient) -> None:
        (record,) = client.send(b"once")
        serve([client], lambda each: each.received == b"once")
        for _ in range(5):
            client.socket.send(record)
            client.socket.send(record[:-3])
        echo(client, b"next")
        assert peer_of(client).received() == b"oncenext"

    def test_a_board_that_reboots_comes_back_from_the_same_port(self, client: DtlsClient) -> None:
        for boot in range(3):
            client.reboot()
            serve([client], lambda each: each.connection.established)
            echo(client, b"boot %d" % boot)
        events = [entry.event for entry in peer_of(client).journal()]
        assert events.count("reconnected") == 3
        assert events.count("handshake") == 4
        assert events.count("accepted") == 1

    def test_a_hello_of_an_earlier_boot_ends_nothing(self, client: DtlsClient) -> None:
        hellos = []
        for boot in range(2):
            client.reboot()
            client.sent.clear()
            serve([client], lambda each: each.connection.established)
            hellos += [datagram for datagram in client.sent if client_hello(datagram)]
            echo(client, b"boot %d" % boot)
        for hello in hellos:
            client.socket.send(hello)
        echo(client, b"still here")
        assert [entry.event for entry in peer_of(client).journal()].count("reconnected") == 2

    def test_a_board_that_reboots_in_mid_handshake(self, program: Peers, context: TlsContext) -> None:
        peer = program.dtls_echo(SERVER)
        client = DtlsClient(context, (peer.host, peer.port), cid=b"")
        client.step()  # ClientHello
        _answered(client)
        client.step()  # HelloVerifyRequest in, ClientHello with the cookie out
        _answered(client)
        client.reboot()
        serve([client], lambda each: each.connection.established, patience=10)
        echo(client, b"after all")
        client.close()
        peer.stop()

    def test_strangers_without_a_key_push_nobody_out(self, client: DtlsClient) -> None:
        strangers = [DtlsClient(client.context, client.server) for _ in range(400)]
        for stranger in strangers:
            stranger.step()
        for stranger in strangers:
            _answered(stranger)
            stranger.step()
        assert peer_of(client).wait_for("evicted", count=100)
        echo(client, b"still here")
        for stranger in strangers:
            stranger.close()

    def test_an_alert_is_one_byte(self, client: DtlsClient) -> None:
        with pytest.raises(PeerError, match="an alert is one byte, not 300"):
            peer_of(client).alert(300)

    def test_flights_that_the_peer_drops_are_sent_again(self, program: Peers, context: TlsContext) -> None:
        peer = program.dtls_echo(SERVER, drop_flights=2)
        client = DtlsClient(context, (peer.host, peer.port))
        serve([client], lambda each: each.connection.established)
        assert [entry.event for entry in peer.journal()].count("dropped") == 2
        client.close()

    def test_an_alert_and_a_close_reach_the_client(self, client: DtlsClient) -> None:
        peer = peer_of(client)
        echo(client, b"hello")
        peer.close_connection()
        serve([client], lambda each: each.ended)
        with pytest.raises(PeerError, match="no such association"):
            peer.alert(40)

    def test_it_holds_delays_and_splits_as_the_plain_one_does(self, client: DtlsClient) -> None:
        peer = peer_of(client)
        peer.behave(hold=True)
        client.send(b"held")
        assert peer.wait_for("held")
        peer.behave(hold=False, split=2)
        peer.release()
        serve([client], lambda each: each.received == b"held")

    def test_the_journal_tells_what_was_agreed_on(self, client: DtlsClient, credentials: CredentialSet) -> None:
        (handshake,) = peer_of(client).handshakes()
        assert handshake["psk_identity"] == "board"
        assert handshake["suite_name"].startswith("TLS_PSK_")
        assert (len(handshake["cid_in"]), handshake["cid_out"]) == (16, "")
        assert handshake["resumed"] is False


class TestTls:
    @pytest.fixture
    def peer(self, program: Peers, credentials: CredentialSet) -> Iterator[Peer]:
        settings = TlsSettings(
            server=True,
            datagram=False,
            certificates=(credentials.servers[ServerCertificate.ECDSA],),
            session_cache=True,
        )
        made = program.tls_echo(settings)
        yield made
        made.stop()

    @pytest.fixture
    def connect(self, peer: Peer, credentials: CredentialSet) -> Iterator[ssl.SSLSocket]:
        plain = socket.create_connection((peer.host, peer.port), 5)
        with self._context(credentials).wrap_socket(
            plain, server_hostname=HOST_NAME, suppress_ragged_eofs=False
        ) as secure:
            yield secure

    @staticmethod
    def _context(credentials: CredentialSet) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=credentials.authorities["ecdsa"].decode())
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0x80)
        return context

    def test_echo(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        data = bytes(range(256)) * 400
        connect.sendall(data)
        got = b""
        while len(got) < len(data):
            got += connect.recv(65536)
        assert got == data
        assert peer.received() == data

    def test_close_notify_or_not(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        connect.sendall(b"x")
        assert connect.recv(1) == b"x"
        peer.close_connection()
        assert connect.recv(1) == b""

    def test_an_end_without_close_notify(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        peer.behave(close_notify=False)
        peer.close_connection()
        with pytest.raises(ssl.SSLError, match=r"(?i)eof"):  # a class of its own in later versions
            connect.recv(1)

    def test_a_fatal_alert(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        peer.alert(80)
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            connect.recv(1)

    def test_a_handshake_that_is_refused(self, peer: Peer, credentials: CredentialSet) -> None:
        peer.behave(handshake="refuse")
        with (
            socket.create_connection((peer.host, peer.port), 5) as plain,
            pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"),
        ):
            self._context(credentials).wrap_socket(plain, server_hostname=HOST_NAME)

    def test_a_handshake_that_is_held(self, peer: Peer, credentials: CredentialSet) -> None:
        peer.behave(handshake="hold")
        with socket.create_connection((peer.host, peer.port), 5) as plain:
            plain.settimeout(0.3)
            with pytest.raises(TimeoutError):
                self._context(credentials).wrap_socket(plain, server_hostname=HOST_NAME)
        assert peer.wait_for("hello")

    def test_streams_of_garbage_leave_others_alone(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        noise = random.Random(2)
        for _ in range(300):
            with socket.create_connection((peer.host, peer.port), 5) as stranger:
                stranger.sendall(noise.randbytes(noise.randrange(1, 300)))
        connect.sendall(b"still here")
        assert connect.recv(100) == b"still here"
        assert peer.wait_for("handshake failed", count=200)

    def test_small_records(self, connect: ssl.SSLSocket, peer: Peer) -> None:
        peer.behave(split=1, split_gap_ms=0)
        connect.sendall(b"abc")
        assert [connect.recv(100) for _ in range(3)] == [b"a", b"b", b"c"]

    def test_handshakes_do_not_stop_the_plain_peers(self, program: Peers, peer: Peer) -> None:
        """They run in a process of their own."""
        assert program.request("hello")["pid"] != peer.process_id()


class TestKeyLog:
    def test_the_key_log_is_its_owners_alone(self, program: Peers, context: TlsContext, tmp_path: Path) -> None:
        log = tmp_path / "keys.log"
        peer = program.dtls_echo(replace(SERVER, cid_length=None), key_log=log)
        client = DtlsClient(context, (peer.host, peer.port))
        serve([client], lambda each: each.connection.established)
        assert peer.wait_for("handshake")
        assert log.read_text().strip() == client.connection.key_log_line
        assert log.stat().st_mode & 0o777 == 0o600
        client.close()
