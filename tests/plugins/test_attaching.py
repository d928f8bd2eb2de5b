"""How real modems attach, or do not, played by a small device: each is read right, and the right one is blamed.

The exchanges are put together from published logs of boards with Serial LTE Modem 2.5 to 2.9; times are shortened.
"""

import pytest

from bench.at import AtLink, DeviceRestarted
from bench.errors import Suspect
from bench.modem import Modem, NotRegistered, RadioOff, SimFault, SimLocked
from tests.support.attaching_board import REGISTERED, SEARCHES, attaching, board, wait
from tests.support.responder import Answer, Device, device, info


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
