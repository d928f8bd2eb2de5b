"""What a network can do is tried out: each thing that a carrier withholds is found, and what needs it is skipped."""

from collections.abc import Iterator

import pytest

from bench.boards import Board, BoardSpec
from bench.errors import UsageError
from bench.measure import Survey, Surveyor
from bench.peers import Peers
from bench.privacy import Concealer
from bench.simulator.carrier import Carrier
from tests.support.lab import Lab
from tests.support.programs import simulator

NAME, CONCEALER = "peers.lab.test", Concealer(b"k" * 32)
SUITE = """
def test_over_ipv6(modem, peers, ipv6):
    echo = peers.tcp_echo(ipv6=True)
    with modem.tcp_client(echo.host, echo.port) as client:
        client.send(b"six")
        assert client.receive_exactly(3) == b"six"

def test_dialled(board, dialer):
    port = board.free_port()
    with board.modem.tcp_server(port) as server:
        dialer.connect(board.address(), port)
        server.accept(5)

def test_sized(network, modem):
    assert network.datagram == {size}
"""


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with Peers() as running:
        yield running


def survey(peers: Peers, carrier: str = "ipv6=1", **options: object) -> Survey:
    with simulator("--carrier", carrier, "--host", f"{NAME}=127.0.0.1,::1") as boards:
        spec = BoardSpec("dk-1", boards[0]["port"], hardware=False)
        with Board(spec, Concealer(b"k" * 32)) as board:
            board.registered(10)
            settings = {"seconds": 1, "attempts": 1, "name": NAME, **options}
            found = Surveyor(board, peers, **settings).survey()  # type: ignore[arg-type]
            assert board.modem.close_sockets() == 0
            return found


class TestFindings:
    def test_a_network_that_withholds_nothing(self, peers: Peers) -> None:
        found = survey(peers, nat_seconds=1.0)
        assert (found.ipv6, found.inbound, found.dns, found.mtu, found.nat) == ("", "", "", 1472, False)
        assert (found.nat_kept_s, found.nat_lost_s) == (1.0, None)

    def test_no_ipv6(self, peers: Peers) -> None:
        found = survey(peers, "ipv6=0")
        assert found.ipv6 == "the board has no IPv6 address"
        assert found.missing == ("ipv6",)

    def test_nobody_is_let_in(self, peers: Peers) -> None:
        found = survey(peers, "inbound=0")
        assert found.inbound
        assert found.missing == ("inbound",)

    def test_a_board_that_refuses_is_no_network_that_withholds(self, peers: Peers) -> None:
        """Its own server does not listen: that is for the scenarios to find."""
        with simulator() as boards, Board(BoardSpec("dk-1", boards[0]["port"], hardware=False), CONCEALER) as board:
            board.registered(10)
            board.modem.server.listen = lambda handle: board.link.command("AT")  # type: ignore[method-assign]
            found = Surveyor(board, peers, seconds=1).survey()
        assert found.inbound
        assert found.missing == ()

    @pytest.mark.parametrize("mtu", [600, 1280, 1400])
    def test_the_largest_datagram(self, peers: Peers, mtu: int) -> None:
        found = survey(peers, f"mtu={mtu}").mtu
        assert found is not None
        assert mtu - 16 <= found <= mtu

    def test_a_nat_and_how_long_it_remembers(self, peers: Peers) -> None:
        found = survey(peers, "nat=1.5,inbound=0", nat_seconds=4.0)
        assert found.nat
        assert found.own_address.startswith("100.64.")
        assert (found.nat_kept_s, found.nat_lost_s) == (1.0, 2.0)

    def test_a_port_that_is_blocked(self, peers: Peers) -> None:
        assert survey(peers, "blocked=28883", ports=(28883, 25683)).blocked == ("tcp 28883", "udp 28883")

    def test_names(self, peers: Peers) -> None:
        unknown = survey(peers, name="unknown.invalid").dns
        assert unknown is not None
        assert unknown.startswith("unknown.invalid is not resolved: ")
        with simulator("--host", "astray.test=127.0.0.9") as boards:
            spec = BoardSpec("dk-1", boards[0]["port"], hardware=False)
            with Board(spec, Concealer(b"k" * 32)) as board:
                board.registered(10)
                astray = Surveyor(board, peers, seconds=1, name="astray.test").survey().dns
        assert astray is not None
        assert astray.startswith("astray.test is resolved to 127.0.0.9, the peers are at ")


class TestRun:
    @pytest.mark.long
    def test_scenarios_skip_and_size_themselves_with_the_reason(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text("[network]\nsurvey = true\n")
        with simulator("--carrier", "ipv6=0,inbound=0,mtu=1000") as boards:
            run = lab.run(
                SUITE.replace("{size}", str(survey_grid(1000))),
                ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml")),
            )
        assert run.code == 0, run.output
        rows = {row["test"].partition("::")[2]: row for row in run.rows if row["type"] == "finish"}
        assert rows["test_over_ipv6"]["message"].startswith(
            "no IPv6 on this network, as was measured: the board has no IPv6 address"
        )
        assert rows["test_dialled"]["message"].startswith("nobody can dial a board on this network, as was measured: ")
        assert rows["test_sized"]["outcome"] == "passed"
        assert "tried out: no IPv6" in (run.folder / "verdict.html").read_text()
        (row,) = (row for row in run.rows if row["type"] == "survey")
        assert row["text"][0] == "no IPv6: the board has no IPv6 address"
        assert row["text"][1].startswith("nobody can dial the board: ")
        assert "own_address" not in row

    def test_what_a_lab_vouches_for_is_the_devices_fault(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text("[network]\nsurvey = true\nipv6 = true\n")
        with simulator("--carrier", "ipv6=0") as boards:
            run = lab.run(
                SUITE.partition("def test_dialled")[0],
                ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml")),
            )
        assert run.code == 1, run.output
        assert run.summary["failed"] == 1


def survey_grid(mtu: int) -> int:
    """The largest size that the halving from 512 and 1,473 tries and that passes."""
    passes, fails = 512, 1473
    while fails - passes > 16:
        middle = (passes + fails) // 2
        passes, fails = (middle, fails) if middle <= mtu else (passes, middle)
    return passes


@pytest.mark.parametrize("text", ["nat=x", "unknown=1", "ipv6=2", "mtu=70000", "ipv6"])
def test_a_carrier_that_is_none(text: str) -> None:
    with pytest.raises(UsageError):
        Carrier.parse(text)
