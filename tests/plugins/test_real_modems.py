"""What real modems do, played by small devices and by the simulator: each is read right, and the right one is blamed.

The exchanges are put together from published logs of boards with Serial LTE Modem 2.5 to 2.9; times are shortened.
"""

import threading
import time
from collections.abc import Callable

import pytest

from bench.at import AtLink, CommandError, CommandTimeout, DeviceRestarted
from bench.boards import (
    Board,
    BoardSpec,
    BoardUnintelligible,
    Escalation,
    ResetBudget,
    SimulatedBoards,
    ask_simulator,
)
from bench.boards.board import CURES
from bench.boards.recovery import ModemRefuses, synchronise
from bench.config.lab import Recovery
from bench.errors import Suspect
from bench.modem import Modem, NotRegistered, RadioOff, SimFault, SimLocked
from bench.privacy import Concealer
from tests.support.programs import simulator
from tests.support.responder import Answer, Device, device

OK = b"\r\nOK\r\n"


def info(*lines: bytes) -> bytes:
    return b"".join(b"\r\n%b\r\n" % line for line in lines) + OK


def board(**answers: Answer) -> dict[bytes, Answer]:
    """A board with its radio off whose SIM is ready, and what it answers otherwise."""
    usual: dict[bytes, Answer] = {
        b"AT+CEREG?": info(b"+CEREG: 5,0"),
        b"AT+CFUN?": info(b"+CFUN: 0"),
        b"AT+CPIN?": info(b"+CPIN: READY"),
        **dict.fromkeys((b"AT+CEREG=5", b"AT+CNEC=24", b"AT%MDMEV=1", b"AT%XSIM=1"), OK),
    }
    return usual | {name.encode(): answer for name, answer in answers.items()}


def attaching(*steps: tuple[float, bytes]) -> Callable[[Device], None]:
    """The answer to AT+CFUN=1, and what comes so many seconds behind it."""

    def answer(one: Device) -> None:
        one.say(OK)
        for seconds, line in steps:
            text = line if line.endswith(b"Ready\r\n") else b"\r\n%b\r\n" % line
            threading.Timer(seconds, one.say, [text]).start()

    return answer


def wait(answers: dict[bytes, Answer], timeout: float = 20.0) -> int:
    with device(answers) as one, AtLink.open(one.path) as link:
        link.command("AT")
        try:
            return Modem(link).registration.wait(timeout)
        finally:
            time.sleep(0.3)  # what the device still says must not meet a closed port


REGISTERED = b'+CEREG: 5,"A2AA","00510015",7,,,"11100000","11100000"'
SEARCHES = b'+CEREG: 2,"41AA","03390010",7'


class TestWalks:
    @pytest.mark.parametrize(
        "steps",
        [
            [SEARCHES, SEARCHES + b",0,11", b'+CEREG: 2,"A2AA","00510015",7', REGISTERED],
            [SEARCHES, b"+CNEC_EMM: 11", SEARCHES + b",0,11", b'+CEREG: 2,"A2AA","00510015",7', REGISTERED],
            [SEARCHES, b"+CNEC_ESM: 27,0", b'+CEREG: 2,"A2AA","00510015",7', REGISTERED],
            [SEARCHES, b"+CNEC_ESM: 33,1", REGISTERED],
            [b"+CEREG: 0", b"%MDMEV: SEARCH STATUS 1", b"+CSCON: 1", b"+CNEC_ESM: 50,0", REGISTERED],
            [b'+CEREG: 2,"76C1","0102DA04",14', b"+CSCON: 1,7,4", b'+CEREG: 5,"76C1","0102DA04",14,,,"1","2"'],
            [b"+CEREG: 90", b"+CEREG: 2", REGISTERED],
        ],
        ids=[
            "refused first",
            "told as EMM",
            "ESM first",
            "another context",
            "dual stack",
            "satellite",
            "90 in passing",
        ],
    )
    def test_that_end_registered(self, steps: list[bytes]) -> None:
        timed = [(0.1 * number, line) for number, line in enumerate(steps, 1)]
        assert wait(board(**{"AT+CFUN=1": attaching(*timed)})) > 0

    def test_time_that_is_up_in_the_next_network(self) -> None:
        now = info(b'+CEREG: 5,2,"A2AA","00510015",7')
        walk = attaching((0.1, SEARCHES + b",0,11"), (0.3, b'+CEREG: 2,"A2AA","00510015",7'))
        answers: dict[str, Answer] = {"AT+CFUN=1": walk, "AT+CEREG?": now}
        with pytest.raises(NotRegistered) as failure:
            wait(board(**answers), timeout=1.5)
        assert "trying to attach in a cell that it has found, EMM cause 11 (PLMN not allowed)" in str(failure.value)
        assert not failure.value.permanent

    def test_what_the_modem_says_of_its_settings_is_told(self) -> None:
        answers = board(
            **{
                "AT+CFUN?": info(b"+CFUN: 1"),
                "AT+CEREG?": info(b'+CEREG: 5,2,"09AA","020C0016",7,0,11'),
                "AT+COPS?": info(b'+COPS: 1,2,"24201"'),
                "AT%XSYSTEMMODE?": info(b"%XSYSTEMMODE: 0,1,0,0"),
                "AT%XBANDLOCK?": info(b'%XBANDLOCK: "","10000000000000000100"'),
                "AT%XCBAND": info(b"%XCBAND: 20"),
            }
        )
        with pytest.raises(NotRegistered) as failure:
            wait(answers, timeout=0.5)
        for told in (
            "network selection is manual, set to 24201: AT+COPS=0 makes it automatic",
            "system mode NB-IoT",
            "bands are locked to 3, 20 (AT%XBANDLOCK?), band 20",
            "the SIM is ready",
            "EMM cause 11",
        ):
            assert told in str(failure.value)

    def test_bands_without_a_lock_are_not_told(self) -> None:
        answers = board(**{"AT+CFUN?": info(b"+CFUN: 1"), "AT%XBANDLOCK?": info(b'%XBANDLOCK: "",""')})
        with pytest.raises(NotRegistered) as failure:
            wait(answers, timeout=0.5)
        assert "bands are locked" not in str(failure.value)

    def test_silence_while_it_is_described_costs_one_question(self) -> None:
        answers = board(**{"AT+CFUN?": info(b"+CFUN: 1"), "AT+CEER": b""})
        with pytest.raises(NotRegistered) as failure:
            wait(answers, timeout=0.5)
        assert "the SIM" not in str(failure.value), "nothing more was asked"

    def test_a_restart_while_it_is_described_is_a_restart(self) -> None:
        with pytest.raises(DeviceRestarted, match="restarted by itself while it attached"):
            wait(board(**{"AT+CFUN?": info(b"+CFUN: 1"), "AT+CEER": b"Ready\r\n"}), timeout=0.5)

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (b"%MDMEV: ME BATTERY LOW", "its supply gives too little voltage"),
            (b"%MDMEV: ME OVERHEATED", "it is too hot"),
        ],
    )
    def test_a_modem_that_protects_itself_ends_the_wait(self, line: bytes, words: str) -> None:
        walk = attaching((0.1, SEARCHES), (0.2, line), (0.3, b"+CEREG: 0"))
        with pytest.raises(RadioOff, match=words) as failure:
            wait(board(**{"AT+CFUN=1": walk}), timeout=60)
        assert failure.value.permanent
        assert failure.value.suspect is Suspect.DEVICE

    def test_a_radio_that_cannot_be_switched_on_is_not_the_networks_fault(self) -> None:
        with pytest.raises(RadioOff, match="could not switch its radio on"):
            wait(board(**{"AT+CFUN=1": b"\r\nERROR\r\n"}), timeout=5)

    @pytest.mark.parametrize("code", [b"SIM PIN2", b"SIM PUK2"])
    def test_a_code_for_services_of_the_sim_keeps_nobody_out(self, code: bytes) -> None:
        told: dict[str, Answer] = {"AT+CPIN?": info(b"+CPIN: " + code), "AT+CFUN=1": attaching((0.2, REGISTERED))}
        assert wait(board(**told)) > 0

    def test_a_sim_that_answers_beside_a_steady_90_wants_a_reset(self) -> None:
        told: dict[str, Answer] = {"AT+CFUN=1": attaching((0.1, b"+CEREG: 90")), "AT+CEREG?": info(b"+CEREG: 5,90")}
        with pytest.raises(SimFault, match="a SIM that answers, but the modem reports that it failed") as failure:
            wait(board(**told), timeout=60)
        assert not failure.value.permanent
        assert "is one inserted" not in str(failure.value)

    def test_tries_that_are_not_told_are_not_spent(self) -> None:
        locked = board(**{"AT+CFUN?": info(b"+CFUN: 1"), "AT+CPIN?": info(b'+CPIN: "SIM PIN"')})
        with device(locked) as one, AtLink.open(one.path) as link:
            with pytest.raises(SimLocked, match="does not say how many tries"):
                Modem(link, pin=lambda: "1234").registration.wait(5)
            assert b"AT+CPIN=" not in one.heard

    def test_a_sim_that_was_pulled_out_is_not_the_networks_fault(self) -> None:
        gone = board(**{"AT+CEREG?": info(b"+CEREG: 5,90"), "AT+CPIN?": b"\r\nERROR\r\n"})
        with device(gone) as one, AtLink.open(one.path) as link, pytest.raises(SimFault, match="no working SIM"):
            Modem(link).registration.check()

    def test_a_cause_of_zero_is_no_cause(self) -> None:
        denied = info(b'+CEREG: 5,3,"124A","02ED0202",7,0,0')
        answers = board(**{"AT+CFUN?": info(b"+CFUN: 1"), "AT+CEREG?": denied, "AT+CEER": info(b"+CEER: 0,NONE")})
        with pytest.raises(NotRegistered, match="registration denied") as failure:
            wait(answers, timeout=0.5)
        assert "cause" not in failure.value.headline
        assert "NONE" not in failure.value.headline


class TestRestarts:
    @pytest.mark.parametrize("rubbish", [b"", b"\xff\x00", b'\r\n+CEREG: 2,"76', b"\r\n#XMO"])
    def test_a_brown_out_names_the_supply(self, rubbish: bytes) -> None:
        walk = attaching((0.1, SEARCHES), (0.5, rubbish + b"Ready\r\n"))
        with pytest.raises(DeviceRestarted, match="a supply that is too weak") as failure:
            wait(board(**{"AT+CFUN=1": walk}), timeout=60)
        assert "restarted by itself while it attached: it said" in str(failure.value)

    def test_a_crash_of_the_modem_does_not(self) -> None:
        walk = attaching((0.1, SEARCHES), (0.3, b"#XMODEM: FAULT,0x10,0x119f0a"), (0.4, b"#XMODEM: INIT,0"))
        with pytest.raises(DeviceRestarted, match="modem crashed while it attached") as failure:
            wait(board(**{"AT+CFUN=1": walk}), timeout=60)
        assert failure.value.crashed
        assert "supply" not in str(failure.value)

    def test_one_that_nobody_heard_is_seen_by_what_was_forgotten(self) -> None:
        levels = iter([b"5", b"5"])
        answers = board(**{"AT+CFUN=1": attaching((0.1, SEARCHES))})

        def level(one: Device) -> None:
            one.say(info(b"+CEREG: %b,0" % next(levels, b"0")))

        answers[b"AT+CEREG?"] = level
        with pytest.raises(DeviceRestarted, match="nothing was heard of it, but"):
            wait(answers, timeout=60)

    @pytest.mark.parametrize("order", [(b"", b"\r\nERROR\r\n"), (b"\r\n#XMODEM: SHUTDOWN,0\r\n", b"\r\nERROR\r\n")])
    def test_the_error_that_ends_a_command_in_a_crash_is_not_the_next_ones(self, order: tuple[bytes, ...]) -> None:
        def crash(one: Device) -> None:
            one.say(b"\r\n#XMODEM: FAULT,0x10,0x119f0a\r\n")
            time.sleep(0.05)
            one.say(*order)
            time.sleep(0.1)
            one.say(b"\r\n#XMODEM: INIT,0\r\n")

        with device({b'AT#XSEND="x"': crash, b"AT+CGMR": info(b"mfw")}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match=r"modem crashed in the middle of AT#XSEND") as failure:
                link.command('AT#XSEND="x"', timeout=30)
            assert failure.value.crashed
            assert link.command("AT+CGMR").lines == ("mfw",)
            assert [urc.line for urc in link.take_restarts()] == ["#XMODEM: FAULT,0x10,0x119f0a"]

    def test_in_an_announced_payload(self) -> None:
        half = b"\r\n#XRECV: 64\r\nhalf a payl\xffReady\r\n"
        with device({b"AT#XRECV=1": half}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match="restarted by itself in the middle of AT#XRECV=1"):
                link.command("AT#XRECV=1", timeout=0.5)
            assert link.command("AT").ok

    def test_while_a_command_hangs(self) -> None:
        with device({b"AT#XRECV=1": b""}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(CommandTimeout):
                link.command("AT#XRECV=1", timeout=0.2)
            one.say(b"\xffReady\r\n")
            assert link.command("AT", timeout=10).ok, "no answer of the command before it is waited for"


def open_board(one: Device, patience: float = 15.0, said: list[str] | None = None) -> Board:
    spec = BoardSpec("dk-1", one.path, hardware=False)
    told = [] if said is None else said
    escalation = Escalation(spec, Recovery(), ResetBudget(0), lambda text, reset=False: told.append(text))
    return Board(spec, Concealer(b"k" * 32), escalation=escalation, patience=patience)


class TestWhatIsAtThePort:
    def test_a_dead_core_is_not_a_wrong_port(self) -> None:
        answers: dict[bytes, Answer] = {
            b"AT": b"\r\nERROR\r\n",
            b"AT#XSLMVER": info(b'#XSLMVER: "2.9.0","2.9.0"'),
        }
        with device(answers) as one, pytest.raises(ModemRefuses) as failure:
            open_board(one).open()
        assert "the modem refuses every command" in str(failure.value)
        assert "Port and baud rate are right" in str(failure.value)
        assert "baud rates" not in str(failure.value).partition("tried:")[2]

    def test_one_that_comes_up_meanwhile_is_in_order(self) -> None:
        since = time.monotonic()

        def later(answer: bytes) -> Callable[[Device], None]:
            return lambda one: one.say(answer if time.monotonic() - since > 2 else b"\r\nERROR\r\n")

        answers: dict[bytes, Answer] = {
            b"+++AT": later(OK),
            b"AT": later(OK),
            b"AT+CFUN?": later(info(b"+CFUN: 0")),
            b"AT#XSLMVER": info(b'#XSLMVER: "2.9.0","2.9.0"'),
        }
        with device(answers) as one, AtLink.open(one.path) as link:
            synchronise(link)
            assert link.command("AT").ok

    def test_errors_alone_are_at_all_the_same(self) -> None:
        told = pytest.raises(BoardUnintelligible, match="answers ERROR to every command")
        with device({b"AT": b"\r\nERROR\r\n"}) as one, AtLink.open(one.path) as link, told:
            synchronise(link, timeout=2)

    def test_log_lines_show_that_the_rate_is_right(self) -> None:
        lines = b"*** Booting nRF Connect SDK v2.9.0-7787b2649840 ***\r\n[INF] Booting TF-M v2.1.1\r\n"
        told = pytest.raises(BoardUnintelligible, match="the baud rate is right, so this is the board's log port")
        with device({b"+++AT": lines, b'"': b""}) as one, AtLink.open(one.path) as link, told:
            synchronise(link, timeout=1.5)


class TestSimulated:
    """The simulator plays what was recorded, and the bench reads it."""

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
