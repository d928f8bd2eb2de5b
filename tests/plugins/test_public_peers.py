"""Peers in public: this run's boards are served, strangers get nothing back, whatever they send and however much."""

import asyncio
import base64
import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.boards import Board, SimulatedBoards, show_tokens
from bench.config.lab import PeersConfig
from bench.peers import Peer, PeerError, Peers
from bench.peers.datagram import Allowance
from bench.peers.gate import Gate, token
from bench.peers.service import Service
from bench.peers.source_filter import MOST_ADDRESSES
from bench.privacy import Concealer
from bench.security import TlsSettings
from tests.support.lab import Lab

CLIENT, STRANGER = "127.0.0.2", "127.0.0.66"
FLOOD = """
import socket, sys
host, port, stranger, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
    flood.bind((stranger, 0))
    flood.connect((host, port))
    flood.setblocking(False)
    print("flooding", flush=True)
    sent = 0
    while sent < count:
        try:
            sent += flood.send(b"x" * 64) > 0
        except BlockingIOError:
            pass
    flood.settimeout(0.5)
    try:
        print("answered", flood.recv(100))
    except (TimeoutError, ConnectionError):
        print("silence")
"""


@pytest.fixture
def peers() -> Iterator[Peers]:
    with Peers(PeersConfig(public=True)) as running:
        yield running


def datagram_socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.settimeout(5)
    return made


def admit(peers: Peers, address: str) -> None:
    gate = peers.gate()
    with datagram_socket(address) as sender:
        sender.sendto(peers.token(), (gate.host, gate.port))
        assert gate.wait_for("admitted", timeout=5)
    gate.stop()
    assert address in peers.list_admitted()


def echoes(echo: Peer, address: str, seconds: float = 5) -> bool:
    with datagram_socket(address) as client:
        client.settimeout(seconds)
        client.sendto(b"hello", (echo.host, echo.port))
        with contextlib.suppress(TimeoutError):
            return client.recv(100) == b"hello"
    return False


class TestClients:
    def test_whoever_shows_a_token_is_served_on_every_port(self, peers: Peers) -> None:
        echo, stream = peers.udp_echo(), peers.tcp_echo()
        assert not echoes(echo, CLIENT, 0.3)
        admit(peers, CLIENT)
        assert echoes(echo, CLIENT)
        assert not echoes(echo, STRANGER, 0.3)
        with socket.create_connection((stream.host, stream.port), 5, (CLIENT, 0)) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
        assert not [entry for entry in echo.journal() if entry.address.startswith(STRANGER)]

    def test_the_first_bytes_of_a_stream_do_as_well(self, peers: Peers) -> None:
        gate = peers.gate(stream=True)
        with socket.create_connection((gate.host, gate.port), 5, (CLIENT, 0)) as client:
            shown = peers.token()
            client.sendall(shown[:7])
            time.sleep(0.05)
            client.sendall(shown[7:])
            assert client.recv(100) == b""
        assert peers.list_admitted() == (CLIENT,)

    def test_a_changed_address_shows_the_next_token(self, peers: Peers) -> None:
        echo = peers.udp_echo()
        for address in (CLIENT, "127.0.0.3"):
            admit(peers, address)
            assert echoes(echo, address)

    def test_a_secure_peer_serves_whom_the_others_serve(self, peers: Peers) -> None:
        settings = TlsSettings(server=True, datagram=False, psks={b"me": b"0123456789abcdef"})
        secure = peers.tls_echo(settings)
        assert not connects(secure, CLIENT)
        admit(peers, CLIENT)
        assert connects(secure, CLIENT)
        assert not connects(secure, STRANGER)

    def test_a_board_shows_it_by_itself(self, peers: Peers) -> None:
        with SimulatedBoards(1) as boards, Board(boards.specs[0], Concealer(b"k" * 32)) as board:
            assert show_tokens(board, peers, attempts=1, seconds=5)[0] == board.address()
            echo = peers.udp_echo()
            with board.modem.udp_client(echo.host, echo.port) as client:
                client.send(b"hello")
                assert client.receive(5).data == b"hello"

    def test_a_board_that_nobody_hears_is_a_lab_error(self, peers: Peers) -> None:
        with SimulatedBoards(1) as boards, Board(boards.specs[0], Concealer(b"k" * 32)) as board:
            blocked = PeersConfig.model_validate({"public": True, "address": "127.0.0.99"})
            peers.config = blocked  # where nothing listens
            with pytest.raises(PeerError, match=r"the peers at 127\.0\.0\.99 did not see it: are their ports"):
                show_tokens(board, peers, attempts=1, seconds=0.5)

    def test_a_run_passes_as_it_does_in_private(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text("[peers]\npublic = true\n")
        suite = """
def test_ipv4(modem, tcp_echo, udp_echo):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"one")
        assert client.receive_exactly(3) == b"one"
    with modem.registration.offline(10):
        pass
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        client.send(b"two")
        assert client.receive(5).data == b"two"

def test_ipv6(modem, peers, ipv6):
    echo = peers.tcp_echo(ipv6=True)
    with modem.tcp_client(echo.host, echo.port) as client:
        client.send(b"six")
        assert client.receive_exactly(3) == b"six"
"""
        run = lab.run(suite, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
        assert run.code == 0, run.output
        (row,) = (row for row in run.rows if row["type"] == "peers")
        assert "in public: answers this run's boards only" in row["where"]


def connects(peer: Peer, address: str) -> bool:
    """Whether a connection comes about and stays; a stranger's meets silence, or a reset where the kernel takes it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.bind((address, 0))
        client.settimeout(0.5)
        try:
            client.connect((peer.host, peer.port))
        except (TimeoutError, ConnectionResetError):
            return False
        try:
            assert client.recv(100) == b"", "a stranger was answered"
        except TimeoutError:
            return True
        except ConnectionResetError:
            pass
        return False


class TestStrangers:
    def test_a_million_datagrams_and_ten_thousand_connections(self, peers: Peers) -> None:
        """Not one is answered, and the client beside them does not notice."""
        echo, stream = peers.udp_echo(), peers.tcp_echo()
        admit(peers, CLIENT)
        command = [sys.executable, "-c", FLOOD, echo.host, str(echo.port), STRANGER, "1000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flood:
            assert flood.stdout is not None
            assert flood.stdout.readline() == "flooding\n"
            rounds = 0
            while flood.poll() is None:
                assert echoes(echo, CLIENT), "the flood has disturbed a client"
                rounds += 1
            assert flood.stdout.read() == "silence\n"
        assert rounds > 1
        assert not knocked(stream, 10_000, in_kernel=peers.in_kernel)
        assert [e.address.split()[0] for e in echo.journal() if e.event == "received"] == [CLIENT] * rounds
        assert stream.journal() == []
        assert connects(stream, CLIENT)

    def test_the_gates_themselves_answer_nothing(self, peers: Peers) -> None:
        datagrams, streams = peers.gate(), peers.gate(stream=True)
        forged = [b"", b"x", b"0" * 40, token(b"another run's key", 5), peers.token()[:-1], b"\xff" * 1400]
        with datagram_socket(STRANGER) as stranger:
            for data in forged:
                stranger.sendto(data, (datagrams.host, datagrams.port))
            for data in forged:
                with socket.create_connection((streams.host, streams.port), 5, (STRANGER, 0)) as client:
                    client.sendall(data)
                    with contextlib.suppress(OSError):  # what is too long is reset at once
                        client.shutdown(socket.SHUT_WR)
                        assert client.recv(100) == b""
            stranger.settimeout(0.3)
            with pytest.raises(TimeoutError):
                stranger.recv(100)
        assert peers.list_admitted() == ()
        assert peers.count_strangers() == 2 * len(forged)

    def test_a_token_that_was_overheard_is_spent(self, peers: Peers) -> None:
        gate, shown = peers.gate(), peers.token()
        for address in (CLIENT, STRANGER):
            with datagram_socket(address) as sender:
                sender.sendto(shown, (gate.host, gate.port))
        assert gate.wait_for("admitted", timeout=5)
        admit(peers, "127.0.0.3")
        assert peers.list_admitted() == (CLIENT, "127.0.0.3")

    def test_who_came_longest_ago_goes_first(self) -> None:
        gate = Gate(b"k" * 32)
        for number in range(MOST_ADDRESSES + 10):
            gate.admit(f"10.0.0.{number}")
        assert len(gate.admitted) == MOST_ADDRESSES - 2, "two are our own"
        assert gate.admitted[-1] == f"10.0.0.{MOST_ADDRESSES + 9}"

    @given(st.binary(max_size=60))
    def test_no_other_bytes_are_a_token(self, data: bytes) -> None:
        assert not Gate(b"k" * 32).redeem(data)

    @given(st.lists(st.integers(0, 50), max_size=20))
    def test_each_token_is_good_once(self, serials: list[int]) -> None:
        gate, key = Gate(b"k" * 32), b"k" * 32
        good = [serial for serial in serials if gate.redeem(token(key, serial))]
        assert good == sorted(set(good))

    def test_even_a_client_is_answered_within_bounds(self) -> None:
        allowance = Allowance(10_000.0)
        answered = sum(allowance.allows(1000) for _ in range(1000))
        assert 10 <= answered < 100


def hears(client: socket.socket) -> bool:
    try:
        return client.recv(100) != b""
    except OSError:
        return False


def knocked(peer: Peer, count: int, *, in_kernel: bool) -> bool:
    """Whether any of so many strangers is answered; where the kernel filters, not even their handshake is."""
    for _ in range(count // 100):
        clients = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(100)]
        try:
            for client in clients:
                client.setblocking(False)
                client.bind((STRANGER, 0))
                client.connect_ex((peer.host, peer.port))
            heard = select.select(clients, [], [], 0.01)[0]
            if (heard and in_kernel) or any(map(hears, heard)):
                return True
        finally:
            for client in clients:
                client.close()
    return False


class TestWithoutFilters:
    """A kernel that lets only CAP_NET_ADMIN filter packets: the same in the program, or a refusal that says so."""

    @pytest.fixture
    def _no_filter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr("bench.peers.gate.only_from", refuse)

    @pytest.mark.usefixtures("_no_filter")
    def test_a_stranger_is_reset_and_a_client_is_served(self) -> None:
        async def play() -> None:
            service = Service()
            guarded = await service.answer(request("guard", key=base64.b64encode(b"k" * 32).decode()))
            assert guarded == {"id": 1, "ok": True, "in_kernel": False}
            started = await service.answer(request("start", kind="tcp-echo", bind="127.0.0.1"))
            await service.answer(request("admit", addresses=[CLIENT]))
            for address, served in ((STRANGER, False), (CLIENT, True), (STRANGER, False)):
                assert await is_echoed(started["port"], address) is served
            entries = (await service.answer(request("journal", peer=started["peer"], since=0, most=9)))["entries"]
            assert [entry.event for entry in entries if entry.address.startswith(STRANGER)] == []
            assert [entry.event for entry in entries][:2] == ["accepted", "received"]
            service.close()

        asyncio.run(play())

    @pytest.mark.usefixtures("_no_filter")
    def test_datagrams_are_refused_with_what_is_missing(self) -> None:
        async def play() -> None:
            service = Service()
            await service.answer(request("guard", key=base64.b64encode(b"k" * 32).decode()))
            refused = await service.answer(request("start", kind="udp-echo", bind="127.0.0.1"))
            assert "lets only CAP_NET_ADMIN filter datagrams" in refused["error"]
            assert "port" not in refused["error"].partition(":")[0]
            service.close()

        asyncio.run(play())


def request(operation: str, **fields: object) -> bytes:
    return json.dumps({"id": 1, "op": operation, **fields}).encode()


async def is_echoed(port: int, address: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        with contextlib.closing(writer):
            writer.write(b"hello")
            await writer.drain()
            return await asyncio.wait_for(reader.read(100), 5) == b"hello"
    except ConnectionError:
        return False


def test_a_peer_without_a_gate_refuses_to_make_one() -> None:
    with Peers() as private, pytest.raises(PeerError, match="there is no gate: send guard first"):
        private.gate()


def test_the_address_of_a_simulated_board_is_its_own() -> None:
    """Else the tests above would prove nothing."""
    with SimulatedBoards(2) as boards:
        addresses = []
        for spec in boards.specs:
            with Board(spec, Concealer(b"k" * 32)) as board:
                addresses.append(board.address())
    assert len(set(addresses)) == 2
