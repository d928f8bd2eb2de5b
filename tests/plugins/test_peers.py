"""Peers: what a scenario can make them do, what their journal says, and that nothing survives."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.clock import now_ns
from bench.config.lab import PeersConfig
from bench.errors import LabError
from bench.peers import Peer, PeerError, Peers
from tests.support.lab import Lab


@pytest.fixture(scope="module")
def program() -> Iterator[Peers]:
    with Peers() as peers:
        yield peers


def dial(peer: Peer) -> socket.socket:
    return socket.create_connection((peer.host, peer.port), 5)


def datagram_socket() -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    return client


def read(client: socket.socket, size: int) -> bytes:
    data = b""
    client.settimeout(5)
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


class TestTcp:
    def test_echo_and_its_journal_on_our_clock(self, program: Peers) -> None:
        echo = program.tcp_echo()
        before = now_ns()
        with dial(echo) as client:
            client.sendall(b"hello")
            assert read(client, 5) == b"hello"
            after = now_ns()
        assert echo.wait_for("ended")
        journal = echo.journal()
        assert [entry.event for entry in journal] == ["accepted", "received", "sent", "ended", "closed"]
        assert [entry.data for entry in journal[1:3]] == [b"hello", b"hello"]
        assert all(before < entry.t_ns < after for entry in journal[:3])
        assert [entry.t_ns for entry in journal] == sorted(entry.t_ns for entry in journal)

    def test_hold_and_release(self, program: Peers) -> None:
        echo = program.tcp_echo(hold=True)
        with dial(echo) as client:
            client.sendall(b"abc")
            assert echo.wait_for("held")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            echo.release()
            assert read(client, 3) == b"abc"

    def test_does_not_read_until_it_may(self, program: Peers) -> None:
        """The sender soon finds no room; nothing is lost when the peer reads on."""
        sink = program.tcp_echo(echo=False, reads=False)
        with dial(sink) as client:
            client.setblocking(False)
            sent, refused = 0, 0
            while refused < 10:
                try:
                    sent += client.send(b"x" * 4096)
                    refused = 0
                except BlockingIOError:
                    refused += 1
                    time.sleep(0.01)
            assert [entry.event for entry in sink.journal()] == ["accepted"]
            sink.behave(reads=True)
            assert sink.wait_for("received", size=sent)
            sink.behave(reads=False)
            client.send(b"more")
            assert not sink.wait_for("received", size=sent + 4, timeout=0.1)

    def test_delay_split_and_drop(self, program: Peers) -> None:
        echo = program.tcp_echo(delay_ms=100.0, split=2, split_gap_ms=1.0)
        with dial(echo) as client:
            client.sendall(b"abcde")
            assert read(client, 5) == b"abcde"
        sent = [entry for entry in echo.journal() if entry.event == "sent"]
        received = next(entry for entry in echo.journal() if entry.event == "received")
        assert [entry.size for entry in sent] == [2, 2, 1]
        assert sent[0].t_ns - received.t_ns >= 100_000_000
        dropping = program.tcp_echo(drop=1)
        with dial(dropping) as client:
            client.sendall(b"lost")
            assert dropping.wait_for("dropped")
            client.sendall(b"kept")
            assert read(client, 4) == b"kept"

    def test_every_way_to_end(self, program: Peers) -> None:
        echo = program.tcp_echo()
        with dial(echo) as client:
            assert echo.wait_for("accepted")
            echo.push(b"bye")
            echo.close_connection()
            assert read(client, 10) == b"bye"
        with dial(echo) as client:
            assert echo.wait_for("accepted", count=2)
            echo.half_close()
            assert client.recv(1) == b""
            client.sendall(b"still heard")
            assert echo.wait_for("received", size=11)
        with dial(echo) as client:
            assert echo.wait_for("accepted", count=3)
            echo.reset_connection()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with dial(program.tcp_echo(on_connect="close", greeting=b"hi")) as client:
            assert read(client, 10) == b"hi"
        with dial(program.tcp_echo(close_after=3)) as client:
            client.sendall(b"abc")
            assert read(client, 10) == b"abc"

    def test_a_refusing_port(self, program: Peers) -> None:
        closed = program.closed_port()
        with pytest.raises(ConnectionRefusedError):
            dial(closed)

    def test_more_than_memory_should_hold_is_digested(self, program: Peers) -> None:
        sink = program.tcp_echo(echo=False)
        with dial(sink) as client:
            client.sendall(b"x" * 5_000_000)
            assert sink.wait_for("received", size=5_000_000)

    def test_a_client_that_never_reads_does_not_fill_memory(self, program: Peers) -> None:
        echo = program.tcp_echo()
        with dial(echo) as client:
            client.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.sendall(b"x" * 64_000_000)
            assert not echo.wait_for("received", size=32_000_000, timeout=1)

    def test_ipv6(self, program: Peers) -> None:
        with dial(program.tcp_echo(ipv6=True)) as client:
            client.sendall(b"six")
            assert read(client, 3) == b"six"


class TestUdp:
    def test_echo_keeps_borders_and_empty_datagrams(self, program: Peers) -> None:
        echo = program.udp_echo()
        with datagram_socket() as client:
            for data in (b"one", b"", b"\x00" * 1400):
                client.sendto(data, (echo.host, echo.port))
                assert client.recv(2000) == data
        assert echo.datagrams() == [b"one", b"", b"\x00" * 1400]

    def test_push_copies_drop_and_hold(self, program: Peers) -> None:
        echo = program.udp_echo(copies=2, drop=1)
        with datagram_socket() as client:
            client.sendto(b"lost", (echo.host, echo.port))
            client.sendto(b"two", (echo.host, echo.port))
            assert [client.recv(10), client.recv(10)] == [b"two", b"two"]
            echo.push(b"news")
            assert client.recv(10) == b"news"
            echo.behave(hold=True)
            client.sendto(b"held", (echo.host, echo.port))
            assert echo.wait_for("held")
            echo.release()
            assert client.recv(10) == b"held"

    def test_a_long_journal_comes_in_parts(self, program: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each part has its own time for an answer: hours of datagrams must not make a peer seem dead."""
        monkeypatch.setattr("bench.peers.peer._AT_ONCE", 8)
        for count in (7, 8, 17):
            sink = program.udp_echo(echo=False)
            with datagram_socket() as client:
                for number in range(count):
                    client.sendto(bytes([number]), (sink.host, sink.port))
                assert sink.wait_for("received", count=count, size=count)
            assert not sink.wait_for("received", count=count + 1, timeout=0.01)
            assert sink.datagrams() == [bytes([number]) for number in range(count)]
            assert [entry.data for entry in sink.stop()] == [bytes([number]) for number in range(count)]
            assert sink.stop() == [], "it was stopped before"

    def test_push_to_nobody_is_refused_in_words(self, program: Peers) -> None:
        with pytest.raises(PeerError, match="no address to send to"):
            program.udp_echo().push(b"x")

    def test_relay_loses_repeatably_and_rebinds(self, program: Peers) -> None:
        counts = []
        for _ in range(2):
            sink = program.udp_echo(echo=False)
            relay = program.udp_relay(sink, loss=0.5, seed=7)
            with datagram_socket() as client:
                for number in range(40):
                    client.sendto(b"%d" % number, (relay.host, relay.port))
                assert relay.wait_for("received", count=40)
            dropped = sum(entry.event == "dropped" for entry in relay.journal())
            assert sink.wait_for("received", count=40 - dropped)
            counts.append(sink.datagrams())
        assert counts[0] == counts[1]
        assert 5 < len(counts[0]) < 35
        echo = program.udp_echo()
        relay = program.udp_relay(echo, delay_ms=20.0)
        with datagram_socket() as client:
            client.sendto(b"a", (relay.host, relay.port))
            assert client.recv(10) == b"a"
            relay.rebind()
            client.sendto(b"b", (relay.host, relay.port))
            assert client.recv(10) == b"b"
        assert len({entry.address for entry in echo.journal() if entry.event == "received"}) == 2


class TestProgram:
    @pytest.mark.parametrize(
        ("behaviour", "says"),
        [
            ({"speed": 3}, "unknown behaviour speed"),
            ({"drop": -1}, "drop is -1; it must be a number from 0"),
            ({"delay_ms": float("nan")}, "delay_ms is nan"),
            ({"delay_ms": "soon"}, "delay_ms is 'soon'; it must be a number"),
            ({"hold": "no"}, "hold is 'no'; it must be true or false"),
            ({"on_connect": "dance"}, "dance"),
        ],
    )
    def test_bad_behaviour_is_refused_in_words(self, program: Peers, behaviour: dict[str, object], says: str) -> None:
        echo = program.tcp_echo()
        with pytest.raises(PeerError, match=says):
            echo.behave(**behaviour)
        with dial(echo) as client:
            client.sendall(b"unharmed")
            assert read(client, 8) == b"unharmed"

    def test_an_action_without_a_connection_is_refused_in_words(self, program: Peers) -> None:
        with pytest.raises(PeerError, match="check that the board has connected"):
            program.tcp_echo().push(b"x")

    @pytest.mark.parametrize(
        "line",
        [b"\n", b"{}\n", b"[1]\n", b'{"op":"start"}\n', b"\xff\xfe\n", b'{"id":1,"op":"x"}\n', b"[" * 100_000 + b"\n"],
        ids=range(7),
    )
    def test_garbage_on_its_input_is_answered(self, line: bytes) -> None:
        command = [sys.executable, "-m", "bench.peers", "--stdio"]
        hello = b'{"id":9,"op":"hello"}\n'
        finished = subprocess.run(command, input=line + hello, capture_output=True, timeout=30, check=True)
        refused, greeted = finished.stdout.splitlines()
        assert b'"ok":false' in refused
        assert b'"ok":true' in greeted

    def test_ports_from_a_range_and_their_end(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as spare:
            low = spare.getsockname()[1]
        with Peers(PeersConfig(ports=(low, low))) as peers:
            echo = peers.tcp_echo()
            assert echo.port == low
            with pytest.raises(PeerError, match=f"none of the ports {low} to {low}"):
                peers.tcp_echo()
            echo.stop()
            assert peers.tcp_echo().port == low

    def test_it_dies_with_us_and_says_so(self) -> None:
        with Peers() as peers:
            pid = peers.request("hello")["pid"]
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(PeerError, match="has ended") as failure:
                peers.tcp_echo()
            assert isinstance(failure.value, LabError)

    def test_one_that_hangs_is_not_believed_again(self) -> None:
        """Its answer may still come, to a request that nobody remembers."""
        with Peers() as peers:
            pid = peers.request("hello")["pid"]
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(PeerError, match=r"did not answer within 0\.3 s"):
                peers.request("hello", 0.3)
            os.kill(pid, signal.SIGCONT)
            with pytest.raises(PeerError, match="did not answer"):
                peers.check()

    def test_an_answer_that_was_given_up_is_passed_over(self) -> None:
        """Ctrl-C in the middle of a request; the test's clean-up asks on."""

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with Peers() as peers:
            pid = peers.request("hello")["pid"]
            os.kill(pid, signal.SIGSTOP)
            before = signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            try:
                with pytest.raises(KeyboardInterrupt):
                    peers.request("clock")
            finally:
                signal.signal(signal.SIGALRM, before)
            os.kill(pid, signal.SIGCONT)
            assert peers.request("hello")["pid"] == pid

    def test_it_is_gone_within_a_second_of_its_parents_sigkill(self) -> None:
        script = (
            "import time\nfrom bench.peers import Peers\n"
            "with Peers() as peers:\n    print(peers.request('hello')['pid'], flush=True)\n    time.sleep(60)\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert parent.stdout
        with parent.stdout:
            pid = int(parent.stdout.readline())
            parent.kill()
            parent.wait()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def test_through_ssh(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A stand-in for ssh that runs the command here: the program, the pipes and the clock comparison are real."""
        stand_in = tmp_path / "ssh"
        stand_in.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
        stand_in.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        config = PeersConfig(ssh="lab-echo", python=sys.executable)
        with Peers(config) as peers:
            assert "lab-echo (ssh), clock within" in peers.where
            assert abs(peers.offset.offset_ns) <= peers.offset.uncertainty_ns
            with dial(peers.tcp_echo()) as client:
                client.sendall(b"far away")
                assert read(client, 8) == b"far away"
        with pytest.raises(PeerError, match="ssh lab-echo no-such-python"):
            Peers(PeersConfig(ssh="lab-echo", python="no-such-python")).__enter__()

    def test_what_a_login_script_prints_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        stand_in = tmp_path / "ssh"
        stand_in.write_text('#!/bin/sh\necho "Welcome to the lab"\nfor last; do :; done\nexec sh -c "$last"\n')
        stand_in.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(PeerError, match=r"Welcome to the lab.*: check that no login script"):
            Peers(PeersConfig(ssh="lab-echo", python=sys.executable)).__enter__()

    def test_by_hand(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.cli", "peers", "--json"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        with process.stdout:
            lines = [process.stdout.readline(), process.stdout.readline()]
            assert '"tcp-echo"' in lines[0]
            assert '"udp-echo"' in lines[1]
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


KILLED = """
import os, signal, time, pytest

PIDS = []

@pytest.mark.parametrize("number", range(3))
def test_talks(modem, peers, tcp_echo, number):
    PIDS.append(peers.request("hello")["pid"])
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"hello")
        assert client.receive_exactly(5) == b"hello"

@pytest.fixture(autouse=True)
def dies_between_tests(session_peers, request):
    yield
    if request.node.name.endswith("[0]"):
        os.kill(PIDS[0], signal.SIGKILL)
"""


def test_peers_that_die_between_two_tests_are_started_anew(lab: Lab) -> None:
    """The night goes on, and the page says what happened."""
    run = lab.run(KILLED)
    assert run.code == 0, run.output
    assert run.summary["passed"] == 3
    told = [row["text"] for row in run.rows if row["type"] == "progress"]
    assert any("has ended; they are started anew" in text for text in told), told
