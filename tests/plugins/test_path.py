"""The simulated board as a ruler: its path and its UART do what they were told, and the journal says when."""

import asyncio
import hashlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import AtLink
from bench.at.transport import transport_for
from bench.boards import Board, BoardSpec, Escalation, ResetBudget
from bench.boards.recovery import synchronise
from bench.config.lab import Recovery
from bench.errors import UsageError
from bench.modem import Modem, recognise
from bench.peers import Peers
from bench.privacy import Concealer
from bench.simulator.alarm import Alarm
from bench.simulator.path import Direction, Lane
from tests.support.inline import command_line
from tests.support.programs import simulator

MS = 1_000_000


def truth(journal: Path, event: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    return [row for row in rows if row["event"] == event]


class TestPath:
    def test_a_datagram_takes_its_time_both_ways(self, peers: Peers, tmp_path: Path) -> None:
        journal = tmp_path / "truth.jsonl"
        echo = peers.udp_echo()
        path = ("--uplink", "delay=40", "--downlink", "delay=25", "--journal", str(journal))
        with simulator(*path) as boards, AtLink.open(boards[0]["port"]) as at:
            with Modem(at).udp_client(echo.host, echo.port) as client:
                sent = client.send_string(b"there and back").response
                received = client.receive(5)
            assert received.data == b"there and back"
            assert received.response.final_ns - sent.sent_ns >= 65 * MS
        (left,), (arrived,), (delivered,) = (truth(journal, name) for name in ("left", "arrived", "delivered"))
        answered = truth(journal, "uart out")[3]  # after Ready and the answers to #XSOCKET and #XCONNECT
        assert answered["t_ns"] < left["t_ns"], "the modem takes it at once"
        came = next(entry.t_ns for entry in echo.journal() if entry.event == "received")
        assert sent.sent_ns + 40 * MS <= left["t_ns"] <= came <= arrived["t_ns"]
        assert arrived["t_ns"] + 25 * MS <= delivered["t_ns"] <= received.response.final_ns

    def test_a_connection_takes_a_round_trip(self, peers: Peers) -> None:
        echo = peers.tcp_echo()
        with (
            simulator("--uplink", "delay=30", "--downlink", "delay=30") as boards,
            AtLink.open(boards[0]["port"]) as at,
            Modem(at).tcp_socket() as client,
        ):
            assert client.connect(echo.host, echo.port).duration_ns >= 60 * MS

    def test_a_stream_stays_whole_whatever_the_path_does(self, peers: Peers) -> None:
        echo = peers.tcp_echo()
        data = b"".join(b"%07d " % number for number in range(8192))
        path = ("--uplink", "delay=5,jitter=20,rate=4000000,queue=8192", "--downlink", "jitter=20,rate=4000000")
        with (
            simulator(*path) as boards,
            AtLink.open(boards[0]["port"]) as at,
            Modem(at).tcp_client(echo.host, echo.port) as client,
        ):
            client.send_in_data_mode(data)
            back = client.receive_exactly(len(data), timeout=20)
        assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
        assert echo.received() == data

    def test_a_stream_stays_in_order_though_the_peer_does_not_read(self) -> None:
        data = b"".join(b"%07d " % number for number in range(25_000))
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            server.bind(("127.0.0.1", 0))
            server.listen()
            with (
                simulator("--uplink", "delay=5") as boards,
                AtLink.open(boards[0]["port"]) as at,
                Modem(at).tcp_client(*server.getsockname()) as client,
            ):
                peer, _ = server.accept()
                came = bytearray()

                def read_slowly() -> None:
                    while len(came) < len(data):
                        time.sleep(0.002)
                        came.extend(peer.recv(8192))

                reader = threading.Thread(target=read_slowly)
                time.sleep(0.1)
                reader.start()
                client.send_in_data_mode(data)
                reader.join(30)
                peer.close()
        assert bytes(came) == data

    def test_what_is_lost_never_arrives(self, peers: Peers, tmp_path: Path) -> None:
        journal = tmp_path / "truth.jsonl"
        sink = peers.udp_echo(echo=False)
        with (
            simulator("--uplink", "loss=0.3", "--seed", "5", "--journal", str(journal)) as boards,
            AtLink.open(boards[0]["port"]) as at,
            Modem(at).udp_client(sink.host, sink.port) as client,
        ):
            for number in range(200):
                assert client.send_string(b"%03d" % number).response.ok, "a modem does not know what becomes of it"
            lost = len(truth(journal, "lost up"))
            assert 30 < lost < 90
            assert sink.wait_for("received", count=200 - lost)
        assert len(sink.datagrams()) == 200 - lost

    def test_the_next_datagram_overtakes(self, peers: Peers) -> None:
        sink = peers.udp_echo(echo=False)
        with (
            simulator("--uplink", "reorder=1") as boards,
            AtLink.open(boards[0]["port"]) as at,
            Modem(at).udp_client(sink.host, sink.port) as client,
        ):
            for number in range(5):
                client.send_string(b"%d" % number)
            assert sink.wait_for("received", count=5), "the last one is let go when nothing overtakes it"
        assert sink.datagrams() == [b"1", b"0", b"3", b"2", b"4"]

    def test_power_off_drops_what_is_under_way(self, peers: Peers) -> None:
        """The program ends with exit 0 and says nothing, though sockets have data on their way (tests.support)."""
        sink = peers.udp_echo(echo=False)
        with simulator("--uplink", "delay=60000") as boards, AtLink.open(boards[0]["port"]) as at:
            client = Modem(at).udp_client(sink.host, sink.port)
            client.send_string(b"late")
            client.close()
        assert sink.datagrams() == []

    @pytest.mark.parametrize("option", ["--uplink", "--downlink"])
    @pytest.mark.parametrize(
        "text", ["delay", "delay=x", "loss=2", "speed=9", "delay=-1", "jitter=inf", "queue=0", "rate=1e-320", ""]
    )
    def test_a_path_that_is_none(self, option: str, text: str) -> None:
        finished = command_line("simulate", option, text)
        assert finished.returncode == 2
        assert option in finished.stderr + finished.stdout


class TestUart:
    def test_a_paced_line_takes_the_wires_time(self) -> None:
        with simulator("--baudrate", "9600") as boards, AtLink.open(boards[0]["port"], baudrate=9600) as at:
            at.command("AT")  # behind what the boot has said to a host of another rate
            response = at.command("AT+CGMI")
        wire = (len("AT+CGMI\r\n") + len("\r\nNordic Semiconductor ASA\r\n\r\nOK\r\n")) * 10 / 9600
        assert response.duration_ns >= wire * 1e9
        assert response.lines == ("Nordic Semiconductor ASA",)

    def test_another_rate_is_noise_and_the_escalation_finds_the_right_one(self) -> None:
        with simulator("--baudrate", "460800") as boards:
            port = boards[0]["port"]
            with AtLink.open(port, baudrate=115200) as at:
                at.write_raw(b"AT\r\n")
                assert b"OK" not in at.listen(lambda data: b"OK" in data, timeout=0.5)
            said: list[str] = []
            spec = BoardSpec("dk-1", port, baudrate=115200, hardware=False)
            escalation = Escalation(spec, Recovery(), ResetBudget(0), lambda text, **_: said.append(text))
            board = Board(spec, Concealer(b"k" * 32), escalation=escalation)
            try:
                board.open()
                assert board.link.command("AT").ok
            finally:
                board.close()
            assert any("460800" in text for text in said), said

    def test_board_and_host_go_on_at_another_rate(self) -> None:
        with (
            simulator("--firmware", "serial-modem", "--baudrate", "115200") as boards,
            AtLink.open(boards[0]["port"], baudrate=115200) as at,
        ):
            synchronise(at)
            dialect, _ = recognise(at)
            device = Modem(at, dialect).serial_modem.device
            with device.at_rate(460800):
                assert device.baud_rate() == 460800
                assert at.command("AT").ok
                at.set_rate(115200)  # the host alone
                at.write_raw(b"AT\r")
                assert b"OK" not in at.listen(lambda data: b"OK" in data, timeout=0.5)
                at.set_rate(460800)
                synchronise(at)
            assert device.baud_rate() == 115200
            with pytest.raises(UsageError, match="cannot go on at -1 baud"):
                at.set_rate(-1)
            assert at.command("AT").ok

    @pytest.mark.parametrize("port", ["tcp://127.0.0.1:1"])
    def test_the_rate_of_a_servers_port_is_not_this_hosts(self, port: str) -> None:
        with pytest.raises(UsageError, match="the server at its other end sets the baud rate"):
            transport_for(port).set_rate(9600)

    def test_a_rate_that_no_uart_has(self) -> None:
        finished = command_line("simulate", "--baudrate", "115201")
        assert (finished.returncode, "is not a rate of a UART" in finished.stderr) == (2, True)


class TestLane:
    """The model by itself, in virtual time."""

    models = st.builds(
        Direction,
        delay=st.floats(0, 1000),
        jitter=st.floats(0, 1000),
        loss=st.floats(0, 1),
        rate=st.sampled_from([0.0, 1e3, 1e6]),
        queue=st.floats(1500, 1e6),
    )

    @given(models, st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 2000)), max_size=30))
    def test_a_stream_stays_in_order_and_nothing_is_early(self, model: Direction, sends: list[tuple[int, int]]) -> None:
        lane, now, before = Lane(model, "seed"), 0, 0
        for pause, size in sends:
            now += pause
            due = lane.arrival(now, size)
            assert due >= max(before, now + round(model.delay * MS) - 1)
            before = due

    def test_what_does_not_fit_the_queue_is_lost(self) -> None:
        lane = Lane(Direction(rate=8000, queue=2000), "seed")
        fates = [lane.datagram(0, 1000) for _ in range(4)]
        assert fates == [1_000_000_000, 2_000_000_000, None, None]
        assert lane.datagram(2_000_000_000, 1000) == 3_000_000_000


def test_alarms_strike_in_order_and_never_early() -> None:
    asyncio.run(alarms_strike_in_order_and_never_early())


async def alarms_strike_in_order_and_never_early() -> None:
    alarm, struck = Alarm(), []
    start = time.monotonic_ns()
    done = asyncio.Event()
    for due in (30, 10, 20, 10):
        alarm.at(start + due * MS, lambda due=due: struck.append((due, time.monotonic_ns())))  # type: ignore[misc]
    alarm.at(start + 40 * MS, done.set)
    await asyncio.wait_for(done.wait(), 10)
    alarm.close()
    alarm.close()
    assert [due for due, _ in struck] == [10, 10, 20, 30]
    assert all(stamp >= start + due * MS for due, stamp in struck)
