"""Registration: PINs that are tried once, networks that refuse, modems that refuse, and what each is called."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.at import AtLink
from bench.boards import Board, BoardSpec
from bench.boards.board import CURES
from bench.config.lab import AccessPointConfig, load
from bench.config.toml_file import ConfigError
from bench.errors import LabError
from bench.modem import AttachBlocked, Modem, NotRegistered, SimLocked
from bench.privacy import Concealer
from bench.secret import secret
from tests.support.lab import Lab
from tests.support.programs import simulator

PIN = "47110815"
"""Eight digits: four stand among the stamps of a transcript by chance."""


def registered(port: str, pin: Callable[[], str] | None = None, timeout: float = 5.0) -> None:
    with AtLink.open(port) as link:
        Modem(link, pin=pin, cures=CURES).registration.wait(timeout)


class TestPin:
    def test_it_is_given_where_it_is_wanted(self) -> None:
        with simulator("--pin", "1234") as boards:
            registered(boards[0]["port"], lambda: "1234")
            registered(boards[0]["port"])  # unlocked for as long as it has power

    def test_a_wrong_one_is_tried_once_and_never_again(self) -> None:
        with simulator("--pin", "1234") as boards:
            port, asked = boards[0]["port"], list[str]()

            def wrong() -> str:
                asked.append("once")
                return "9999"

            with pytest.raises(SimLocked, match="the SIM refused the PIN; it is not tried again"):
                registered(port, wrong)
            with pytest.raises(SimLocked, match="2 of 3 tries for the PIN are left, so a wrong one was given"):
                registered(port, wrong)
            assert asked == ["once"]
            with AtLink.open(port) as link:
                assert link.command('AT+CPINR="SIM PIN"').lines == ('+CPINR: "SIM PIN",2',)

    def test_without_one_the_cure_is_told(self) -> None:
        with simulator("--pin", "1234") as boards, pytest.raises(SimLocked, match='pin = "file:PATH" or "env:NAME"'):
            registered(boards[0]["port"])

    def test_a_puk_is_a_persons_affair(self) -> None:
        with simulator("--pin", "1234") as boards, AtLink.open(boards[0]["port"]) as link:
            for _ in range(3):
                with pytest.raises(Exception, match="ERROR"):
                    link.command('AT+CPIN="0000"')
            with pytest.raises(SimLocked, match="the SIM wants SIM PUK, which the bench never gives"):
                Modem(link, pin=lambda: "1234").registration.wait(5)

    def test_it_stands_nowhere(self, tmp_path: Path) -> None:
        """From its file through the board to the transcript."""
        kept = tmp_path / "pin"
        kept.write_text(f"{PIN}\n")
        kept.chmod(0o600)
        with simulator("--pin", PIN) as boards:
            spec = BoardSpec("dk-1", boards[0]["port"], hardware=False, pin=f"file:{kept}")
            with Board(spec, Concealer(b"k" * 32)) as board:
                board.modem.registration.wait(5)
                shown = repr(board.transcript.entries) + repr(board.transcript.transactions)
        assert "CPIN=" in shown
        assert PIN not in shown
        assert PIN not in spec.to_json()

    def test_a_run_finds_it_in_the_environment(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAB_PIN", PIN)
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    assert modem.radio.cell()\n")
        with simulator("--pin", PIN) as boards:
            text = f'[[boards]]\nname = "dk-1"\nport = "{boards[0]["port"]}"\npin = "env:LAB_PIN"\n'
            (lab.folder / "bench.toml").write_text(text)
            arguments = ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml"))
            run = lab.run("def test_a(modem):\n    assert modem.radio.cell()\n", arguments)
        assert run.code == 0, run.output
        kept = [path.read_text(errors="replace") for path in run.folder.rglob("*.*") if path.is_file()]
        assert not any(re.search(rf"\b{PIN}\b", text) for text in kept)

    @pytest.mark.parametrize(
        ("mode", "text", "told"),
        [(0o644, "1234", "others can read it: chmod 600"), (0o600, "12a4", "does not hold a PIN of 4 to 8 digits")],
    )
    def test_files_that_keep_no_secret(self, tmp_path: Path, mode: int, text: str, told: str) -> None:
        kept = tmp_path / "pin"
        kept.write_text(text)
        kept.chmod(mode)
        with simulator("--pin", "1234") as boards:
            spec = BoardSpec("dk-1", boards[0]["port"], hardware=False, pin=f"file:{kept}")
            with Board(spec, Concealer(b"k" * 32)) as board, pytest.raises(LabError, match=told):
                board.modem.registration.wait(5)

    def test_a_pin_in_bench_toml_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bench.toml"
        path.write_text('[[boards]]\nname = "dk-1"\nport = "/dev/ttyACM0"\npin = "1234"\n')
        with pytest.raises(ConfigError, match=r"line 4, boards #1\.pin"):
            load(path)

    def test_secrets_that_are_not_there(self) -> None:
        assert "NO_SUCH_PIN" not in os.environ
        with pytest.raises(LabError, match="the environment has no NO_SUCH_PIN"):
            secret("env:NO_SUCH_PIN")
        with pytest.raises(LabError, match="cannot read /no/such"):
            secret("file:/no/such")


class TestRefusals:
    def test_a_loop_of_resets_is_its_own_state(self) -> None:
        with simulator("--reset-loop") as boards, pytest.raises(AttachBlocked, match="does not attach for 30 min"):
            registered(boards[0]["port"])

    def test_a_permanent_cause_ends_the_waiting_at_once(self) -> None:
        with (
            simulator("--deny", "3", "--radio-off", "--register-after", "0.5") as boards,
            pytest.raises(NotRegistered, match=r"illegal UE") as failure,
        ):
            registered(boards[0]["port"], timeout=60)
        assert "EMM cause 3 (illegal UE), permanent, the modem says EMM cause" in str(failure.value)
        assert failure.value.permanent

    def test_a_cause_of_a_network_is_not_the_last_word(self) -> None:
        """The modem tries the next network, as a board did that was recorded; only the time ends the waiting."""
        with simulator("--network", "24201:11", "--network", "24202", "--register-after", "1", "--radio-off") as boards:
            registered(boards[0]["port"], timeout=30)
        with simulator("--deny", "11") as boards, pytest.raises(NotRegistered, match="PLMN not allowed") as failure:
            registered(boards[0]["port"], timeout=1)
        assert "of this network or tracking area: another one may accept the board" in str(failure.value)
        assert not failure.value.permanent

    def test_a_network_in_trouble_is_worth_another_try(self) -> None:
        with simulator("--deny", "22") as boards, pytest.raises(NotRegistered, match=r"congestion") as failure:
            registered(boards[0]["port"], timeout=0.5)
        assert "worth another try" in str(failure.value)
        assert not failure.value.permanent

    def test_a_slow_network_is_waited_for(self) -> None:
        with simulator("--register-after", "6") as boards:
            registered(boards[0]["port"], timeout=30)


def test_where_a_board_was_stands_beside_its_failure(lab: Lab) -> None:
    run = lab.run("def test_a(modem):\n    assert False, 'no'\n\n\ndef test_b(modem):\n    pass\n")
    assert run.code == 1
    told = [row for row in run.rows if row["type"] == "radio"]
    # A second row tells that the connection was released meanwhile, where the host took its time.
    assert {(row["access"], row["operator"], row["band"], row["rsrp_dbm"]) for row in told} == {
        ("LTE-M", "00101", 20, -97)
    }
    assert "LTE-M 00101, band 20, RSRP -97 dBm, SNR 11 dB" in run.output.split("failed    ")[1]
    assert "LTE-M 00101, band 20, RSRP -97 dBm, SNR 11 dB" in (run.folder / "verdict.html").read_text()
    assert "0000A101" not in json.dumps(run.rows)


class TestAccessPoint:
    """The context by which a SIM's contract lets a board attach."""

    def attach(self, port: str, point: dict[str, str], timeout: float = 5.0) -> None:
        spec = BoardSpec("dk-1", port, hardware=False, access_point=AccessPointConfig.model_validate(point))
        with Board(spec, Concealer(b"k" * 32)) as board:
            board.registered(timeout)
            assert board.modem.packet_data.attach_context().apn == point["apn"]
            text = json.dumps([str(entry) for entry in board.transcript.cut()[0]])
            assert "s3cret-word" not in text

    def test_it_is_set_and_put_back(self, tmp_path: Path) -> None:
        word = tmp_path / "word"
        word.touch(mode=0o600)
        word.write_text("s3cret-word")
        with simulator("--apn", "lab.example:me:s3cret-word") as boards:
            port = boards[0]["port"]
            self.attach(port, {"apn": "lab.example", "user": "me", "password": f"file:{word}"})
            with AtLink.open(port) as link:
                assert link.command("AT+CGDCONT?").lines == ('+CGDCONT: 0,"IPV4V6","","",0,0',)
                assert link.command("AT+CFUN?").lines == ("+CFUN: 1",)

    def test_what_fits_already_is_left_alone(self) -> None:
        with simulator("--apn", "lab.example") as boards, AtLink.open(boards[0]["port"]) as link:
            for command in ("AT+CFUN=4", 'AT+CGDCONT=0,"IPV4V6","lab.example"', "AT+CFUN=1"):
                link.command(command)
            link.close()
            self.attach(boards[0]["port"], {"apn": "lab.example"})

    @pytest.mark.parametrize(
        ("point", "said"),
        [
            ({"apn": "elsewhere"}, "ESM cause 27 (missing or unknown APN: see [network.access_point] in bench.toml)"),
            ({"apn": "lab.example"}, "ESM cause 29 (user authentication failed: see [network.access_point]"),
        ],
    )
    def test_a_wrong_one_is_told_at_once(self, point: dict[str, str], said: str) -> None:
        with (
            simulator("--apn", "lab.example:me:s3cret-word") as boards,
            pytest.raises(NotRegistered) as failure,
        ):
            self.attach(boards[0]["port"], point, timeout=60)
        assert said in str(failure.value)
        assert failure.value.permanent

    def test_a_permanent_refusal_is_not_tried_again_by_every_test(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text('[network.access_point]\napn = "elsewhere"\n')
        with simulator("--apn", "lab.example") as boards:
            run = lab.run(
                "def test_one(modem): pass\ndef test_two(modem): pass\ndef test_three(modem): pass\n",
                ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml")),
            )
        assert run.code == 3
        told = [row.get("message", "") for row in run.rows if row["type"] == "finish" and row["attempt"] == 1]
        assert "ESM cause 27" in told[0]
        assert "was given up: " in told[1]


def test_the_time_to_register_is_a_measurement(lab: Lab) -> None:
    with simulator("--register-after", "1.5") as boards:
        with AtLink.open(boards[0]["port"]) as link:
            link.command("AT+CFUN=4")
        run = lab.run("def test_one(modem): pass\ndef test_two(modem): pass\n", ("--port", boards[0]["port"]))
    assert run.code == 0, run.output
    (row,) = (row for row in run.rows if row["type"] == "measurement")
    assert row["name"] == "time to register"
    assert row["value"] >= 1.4e9
