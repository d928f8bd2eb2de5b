"""The simulated modem plays what was recorded of real ones, and the bench reads it.

The exchanges are put together from published logs of boards with Serial LTE Modem 2.5 to 2.9; times are shortened.
"""

import threading

import pytest

from bench.at import AtLink, CommandError, DeviceRestarted
from bench.boards import (
    Board,
    BoardSpec,
    SimulatedBoards,
    ask_simulator,
)
from bench.boards.board import CURES
from bench.boards.recovery import ModemRefuses, synchronise
from bench.modem import Modem, NotRegistered, SimFault, SimLocked
from bench.privacy import Concealer
from tests.support.programs import simulator


class TestSimulated:
    def wait(self, *arguments: str, pin: str = "", timeout: float = 30.0) -> AtLink:
        with simulator("--radio-off", *arguments) as boards, AtLink.open(boards[0]["port"]) as link:
            synchronise(link)
            Modem(link, pin=(lambda: pin) if pin else None, cures=CURES).registration.wait(timeout)
        return link

    def test_a_realistic_board_reports_each_step(self) -> None:
        with simulator("--realistic", "--carrier", "ipv6=0") as boards, AtLink.open(boards[0]["port"]) as link:
            synchronise(link)
            assert link.command("AT+CFUN?").lines == ("+CFUN: 0",)
            with pytest.raises(CommandError):
                link.command("AT+CPIN?")
            for command in ("AT+CSCON=3", "AT+CGEREP=1", "AT%XMODEMSLEEP=1,0,10240"):
                link.command(command)
            modem = Modem(link)
            modem.registration.wait(60)
            told = [entry.data for entry in link.transcript.entries if entry.direction == "rx"]
            text = b"".join(told).decode("latin-1")
            order = [
                "Ready",
                "%XMODEMSLEEP: 4\r\n",
                "%XMODEMSLEEP: 4,0",
                "%XSIM: 1",
                "%MDMEV: SEARCH STATUS 1",
                '+CEREG: 2,"0001","',
                "%MDMEV: PRACH CE-LEVEL 0",
                "+CGEV: ME PDN ACT 0,0",
                "+CNEC_ESM: 50,0",
                "%MDMEV: SEARCH STATUS 2",
                ',,,"11100000","11100000"',
            ]
            places = [text.index(line) for line in order]
            assert places == sorted(places)
            assert link.command("AT+CGDCONT?").lines[0].startswith('+CGDCONT: 0,"IP","simulated.example","')
            link.command("AT+CFUN=4", timeout=60)
            link.wait_for_urc("%XSIM: 0", timeout=10)
            text = b"".join(e.data for e in link.transcript.entries if e.direction == "rx").decode("latin-1")
            left = text.rpartition("%MDMEV: SEARCH STATUS 2")[2]
            order = ["+CGEV: ME PDN DEACT 0", "+CEREG: 0", "+CGEV: ME DETACH", "%XSIM: 0"]
            places = [left.index(line) for line in order]
            assert places == sorted(places)

    @pytest.mark.parametrize("arguments", [("--sim-boot", "1.5"), ("--sim-boot", "0"), ("--realistic",)])
    def test_a_pin_is_given_when_the_sim_is_up(self, arguments: tuple[str, ...]) -> None:
        self.wait("--pin", "1234", *arguments, pin="1234")

    def test_a_locked_sim_says_what_real_ones_do(self) -> None:
        with simulator("--pin", "1234") as boards, AtLink.open(boards[0]["port"]) as link:
            assert link.command("AT%XSIM?").lines == ("%XSIM: 0,1",)
            assert link.command("AT+CEREG?").lines == ("+CEREG: 0,90",)
            assert link.command("AT%XICCID").lines
            with pytest.raises(CommandError):
                link.command("AT+CIMI")

    @pytest.mark.parametrize("kind", ["missing", "inactive"])
    def test_no_sim_is_the_sims_fault(self, kind: str) -> None:
        with pytest.raises(SimFault, match=r"no working SIM: \+CEREG says 90.*%XSIM: 0,9") as failure:
            self.wait("--sim", kind, timeout=120)
        assert failure.value.permanent
        assert not isinstance(failure.value, SimLocked)

    def test_a_network_that_refuses_first(self) -> None:
        self.wait("--network", "24201:11", "--network", "24202", "--register-after", "0.5")

    def test_a_cause_that_is_kept(self) -> None:
        with simulator("--network", "24201:18") as boards, AtLink.open(boards[0]["port"]) as link:
            link.command("AT+CEREG=5")
            assert link.command("AT+CEREG?").lines[0].endswith(",7,0,18")
            Modem(link).registration.wait(5)

    def test_a_supply_that_gives_way(self) -> None:
        with pytest.raises(DeviceRestarted, match="too weak for the modem's transmitter"):
            self.wait("--brown-out", "1", "--noise", "--register-after", "0.5", timeout=120)

    def test_a_network_that_was_selected_by_hand(self) -> None:
        with simulator("--radio-off", "--register-after", "0.2") as boards, AtLink.open(boards[0]["port"]) as link:
            link.command('AT+COPS=1,2,"24202"')
            with pytest.raises(NotRegistered, match=r"EMM cause 11.*network selection is manual, set to 24202"):
                Modem(link).registration.wait(1)
            link.command("AT+COPS=0")
            Modem(link).registration.wait(10)
            assert link.command("AT+COPS?").lines == ('+COPS: 0,2,"00101",7',)

    @pytest.mark.parametrize("off", ["AT+CFUN=0", "AT+CFUN=4"])
    def test_a_sim_without_power_is_examined_with_power(self, off: str) -> None:
        with simulator("--sim-boot", "0.5") as boards, AtLink.open(boards[0]["port"]) as link:
            link.command(off, timeout=10)
            assert Modem(link).sim.examine().state == "READY"
            assert link.command("AT+CFUN?").lines == (f"+CFUN: {off[-1]}",)

    def test_what_happens_while_it_attaches_counts(self) -> None:
        with SimulatedBoards(1, realistic=True) as boards, AtLink.open(boards.specs[0].port) as link:
            synchronise(link)
            spec = boards.specs[0]
            threading.Timer(1.2, ask_simulator, [spec, {"op": "trouble", "what": "refuse", "value": 8}]).start()
            with pytest.raises(NotRegistered, match="EMM cause 8"):
                Modem(link).registration.wait(60)
            ask_simulator(spec, {"op": "trouble", "what": "refuse", "value": None})
            link.command("AT+CFUN=4", timeout=10)
            ask_simulator(spec, {"op": "coverage", "covered": False})
            with pytest.raises(NotRegistered, match="searching for a network"):
                Modem(link).registration.wait(5)
            ask_simulator(spec, {"op": "coverage", "covered": True})
            Modem(link).registration.wait(60)

    def test_a_restart_leaves_a_command_without_an_answer(self) -> None:
        with SimulatedBoards(1, realistic=True) as boards, AtLink.open(boards.specs[0].port) as link:
            synchronise(link)
            modem = Modem(link)
            modem.registration.wait(60)
            threading.Timer(0.5, ask_simulator, [boards.specs[0], {"op": "trouble", "what": "restart"}]).start()
            with pytest.raises(DeviceRestarted, match=r"in the middle of AT\+CFUN=4"):
                link.command("AT+CFUN=4", timeout=30)

    def test_modes_of_sim_and_positioning_leave_the_network_alone(self) -> None:
        with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
            for mode in (41, 31, 30, 1):
                link.command(f"AT+CFUN={mode}")
                assert link.command("AT+CEREG?").lines == ("+CEREG: 0,1",), mode
            link.command('AT+COPS=1,2,"24201"')
            assert link.command("AT+CGATT?").lines == ("+CGATT: 0",)

    def test_a_dead_core(self) -> None:
        with simulator("--dead-core") as boards, pytest.raises(ModemRefuses, match=r'answers \(#XSLMVER: "3.1.0"'):
            Board(BoardSpec("dk-1", boards[0]["port"], hardware=False), Concealer(b"k" * 32)).open()

    def test_satellite_firmware_gets_every_field_back(self) -> None:
        with simulator("--modem-firmware", "mfw_nrf9151-ntn_1.0.1") as boards, AtLink.open(boards[0]["port"]) as link:
            modem = Modem(link)
            mode = modem.system_modes.read()
            assert mode.ntn
            modem.registration.wait(5)
            assert link.command("AT+CEREG?").lines
            cell = modem.radio.cell()
            assert cell is not None
            assert (cell.access, cell.band) == ("NB-IoT NTN", 256)
            assert link.command("AT%XSYSTEMMODE?").lines == ("%XSYSTEMMODE: 0,0,0,0,1",)

    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            ("AT+CESQ", "+CESQ: 99,99,255,255,31,44"),
            ("AT%XTEMP?", "%XTEMP: 25"),
            ("AT%XVBAT", "%XVBAT: 5042"),
            ("AT+COPS?", '+COPS: 0,2,"00101",7'),
            ("AT+CNEC?", "+CNEC: 0"),
            ("AT+CGATT?", "+CGATT: 1"),
            ("AT+CGACT?", "+CGACT: 0,1"),
            ("AT+CGEREP?", "+CGEREP: 0,0"),
            ("AT%XCBAND", "%XCBAND: 20"),
            ("AT%XSIM?", "%XSIM: 1"),
        ],
    )
    def test_what_real_modems_answer(self, command: str, answer: str) -> None:
        with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
            assert link.command(command).lines == (answer,)
            assert link.command("AT%CONEVAL").lines[0].startswith("%CONEVAL: 0,1,7,")
            for more in ("AT+CSCON=3", "AT%MDMEV=2", "AT%CESQ=1"):
                assert link.command(more).ok
            assert link.command("AT+CSCON?").lines[0].startswith("+CSCON: 3,")

    def test_a_fault_of_the_modem_ends_its_command_and_leaves_the_radio_off(self) -> None:
        with SimulatedBoards(1) as boards, AtLink.open(boards.specs[0].port) as link:
            link.command("AT+CEREG=5")
            link.command("AT#XSOCKET=1,2,0")
            link.command("AT#XBIND=20001")
            fault = {"op": "trouble", "what": "fault"}
            threading.Timer(0.5, ask_simulator, [boards.specs[0], fault]).start()
            with pytest.raises(DeviceRestarted, match="modem crashed in the middle of AT#XRECV=30"):
                link.command("AT#XRECV=30", timeout=60)
            link.wait_for_urc("#XMODEM: INIT", timeout=10)
            assert link.command("AT+CFUN?").lines == ("+CFUN: 0",)
            assert link.command("AT+CEREG?").lines == ("+CEREG: 0,0",)

    def test_sockets_are_listed_by_slot_and_the_lowest_free_one_is_used_again(self) -> None:
        with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
            for command in ("AT#XSOCKET=1,1,0", "AT#XSOCKET=1,2,0", "AT#XSOCKETSELECT=0", "AT#XSOCKET=0"):
                link.command(command)
            link.command("AT#XSOCKET=1,2,0")
            listed = [line.split(",")[0] for line in link.command("AT#XSOCKETSELECT?").lines]
            assert listed == ["#XSOCKETSELECT: 0", "#XSOCKETSELECT: 1", "#XSOCKETSELECT: 0"]

    def test_a_tcp_socket_that_is_not_connected_sends_nothing(self) -> None:
        with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
            link.command("AT#XSOCKET=1,1,0")
            with pytest.raises(CommandError) as failure:
                link.command('AT#XSENDTO="127.0.0.1",9,"hello"')
            assert failure.value.response.lines == ("#XSENDTO: 0",)
            assert link.command("AT#XSOCKETOPT=2,20").lines == ()  # an op that does not exist
