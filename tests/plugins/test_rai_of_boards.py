"""Release assistance: the radio's model, its judgement in virtual time, and what boards and reports say of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.at import AtLink, CommandError, LinkState
from bench.modem import Modem, PollEvent, Rai, RaiSupport, ReceiveFlag, SocketOption
from bench.peers import Peers
from tests.support.lab import Lab
from tests.support.programs import simulator


@pytest.fixture
def board() -> Iterator[Modem]:
    with simulator() as boards, AtLink.open(boards[0]["port"]) as at:
        yield Modem(at)


class TestBoard:
    """The simulated board's radio on its wire, through the typed calls."""

    def test_the_serving_cell(self, board: Modem) -> None:
        cell = board.radio.cell()
        assert cell is not None
        assert (cell.access, cell.band, cell.rsrp_dbm, cell.snr_db) == ("LTE-M", 20, -97, 11)
        board.link.command("AT+CFUN=4")
        assert board.radio.cell() is None

    def test_the_connection_comes_and_goes(self, board: Modem, peers: Peers) -> None:
        sink = peers.udp_echo(echo=False)
        with board.udp_client(sink.host, sink.port) as client, board.radio.signalling() as watch:
            assert watch.settle(5)
            assert not board.radio.connected()
            sent = client.send_string(b"wake up").response
            stood = watch.wait_connected(5, since_ns=sent.sent_ns)
            released = watch.wait_idle(5, since_ns=sent.sent_ns)
            assert stood is not None
            assert released is not None
            assert sent.sent_ns < stood < released
            assert watch.wait_connected(0.1, since_ns=released) is None
        assert board.link.command("AT+CSCON?").lines == ("+CSCON: 0,0",)

    def test_no_command_holds_a_urc_back(self, board: Modem, peers: Peers) -> None:
        echo = peers.udp_echo()
        with board.udp_client(echo.host, echo.port) as client:
            with board.radio.signalling():
                for blocks in (
                    lambda: client.receive(1),
                    lambda: client.receive_from(1),
                    lambda: board.polling.poll(10),
                    lambda: board.server.accept(client.handle, 1),
                ):
                    with pytest.raises(LinkState, match="it would hold back the URC"):
                        blocks()
                assert board.polling.poll(0, client.handle).of(client.handle) is PollEvent.NONE
                with pytest.raises(CommandError):
                    client.receive(1, ReceiveFlag.DONT_WAIT)
            client.send_string(b"x")
            assert client.receive(5).data == b"x"

    def test_release_assistance_is_switched_on_and_off(self, board: Modem) -> None:
        with board.radio.rai() as support:
            assert support == RaiSupport("0000A101", access_stratum=True, control_plane=False)
            assert board.link.command("AT%RAI?").lines == ("%RAI: 2",)
        assert board.link.command("AT%RAI?").lines == ("%RAI: 0",)

    def test_older_firmware_cannot_tell(self) -> None:
        with simulator("--model", "nrf9160dk") as boards, AtLink.open(boards[0]["port"]) as at:
            with Modem(at).radio.rai() as support:
                assert support is None
                assert at.command("AT%RAI?").lines == ("%RAI: 1",)
            assert at.command("AT%RAI?").lines == ("%RAI: 0",)

    def test_urcs_wait_for_the_end_of_a_command(self, board: Modem, peers: Peers) -> None:
        """As the firmware does: a blocking receive hides when the network released the connection."""
        echo = peers.udp_echo(delay_ms=900)
        with board.udp_client(echo.host, echo.port) as client:
            board.link.command("AT+CSCON=1")
            client.send_string(b"x")
            received = client.receive(5).response
            idle = board.link.wait_for_urc("+CSCON: 0", timeout=1, since_ns=received.sent_ns)
            assert idle.received_ns >= received.final_ns
            board.link.command("AT+CSCON=0")

    def test_rai_shortens_on_the_wire(self, board: Modem, peers: Peers, tmp_path: Path) -> None:
        sink = peers.udp_echo(echo=False)
        took = {}
        with (
            board.udp_client(sink.host, sink.port) as client,
            board.radio.rai(),
            board.radio.signalling() as watch,
        ):
            for option in (None, Rai.LAST):
                assert watch.settle(5)
                if option:
                    client.set_option(SocketOption.RAI, option)
                sent = client.send_string(b"x").response
                idle = watch.wait_idle(5, since_ns=sent.final_ns)
                assert idle is not None
                took[option] = idle - sent.final_ns
        assert took[Rai.LAST] < took[None] / 2


class TestRun:
    """The suite on other cells, in real time: the network's refusal is the lab's to know, never the board's failure."""

    @pytest.mark.parametrize(
        ("cell", "code", "words"),
        [
            ("grant=0", 3, "RAI not shortened: median time to idle"),
            ("as_rai=0", 5, "this cell says that it knows no RAI"),
        ],
    )
    def test_cells_that_do_not_grant(self, lab: Lab, cell: str, code: int, words: str) -> None:
        suite = Path(__file__).parents[2] / "tests_hil" / "test_rai.py"
        with simulator("--cell", cell) as boards:
            arguments = ("--port", boards[0]["port"], "--", "-k", "TestUdp and test_no_more_data", "--rounds", "3")
            run = lab.run(suite.read_text(), arguments)
        assert run.code == code, run.output
        assert words in run.output

    def test_a_cell_that_the_lab_vouches_for(self, lab: Lab) -> None:
        config = lab.folder / "bench.toml"
        config.write_text('[network]\nrai = "granted"\n')
        suite = Path(__file__).parents[2] / "tests_hil" / "test_rai.py"
        with simulator("--cell", "grant=0") as boards:
            arguments = ("--port", boards[0]["port"], "--config", str(config), "--", "-k", "test_no_more_data")
            run = lab.run(suite.read_text(), arguments)
        assert run.code == 1
        assert "UDP NO_DATA   not indicated: median time to idle" in run.output
        page = next((run.folder / "allure-results").glob("*measured-attachment.html")).read_text()
        assert page.count(">connected<") == 6
        assert "not indicated" in (run.folder / "verdict.html").read_text()
