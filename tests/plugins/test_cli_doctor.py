"""``nrf91-bench doctor``: what it finds wrong, and what it says to do.

A pty has no baud rate on the wire: a device that answers at one rate only reads the rate that its client has set.
"""

import subprocess
import termios
from pathlib import Path

import pytest

from bench.at import AtLink
from bench.processes import programs_with
from tests.support.inline import command_line
from tests.support.programs import simulator
from tests.support.responder import SLM_IDENTITY, device, gated, rate_of


class TestDoctor:
    def doctor(self, folder: Path, boards: str) -> subprocess.CompletedProcess[str]:
        (folder / "bench.toml").write_text(
            f"{boards}\n[credentials]\nsec_tags = [1, 9]\n[recovery]\nbaudrates = [9600]\n"
        )
        environment = {"XDG_STATE_HOME": str(folder / "state"), "NRF91_BENCH_LOCKS": str(folder / "locks")}
        return command_line("doctor", "--config", str(folder / "bench.toml"), folder=folder, environment=environment)

    def entry(self, port: str, name: str = "dk-1") -> str:
        return f'[[boards]]\nname = "{name}"\nport = "{port}"\n'

    def test_a_board_in_good_health(self, tmp_path: Path) -> None:
        with simulator() as boards:
            finished = self.doctor(tmp_path, self.entry(boards[0]["port"]))
        assert "ok    dk-1 answers: nRF9151-LACA" in finished.stdout
        assert "ok    dk-1 is registered" in finished.stdout
        assert "ok    dk-1 reaches the peer at 127.0.0.1" in finished.stdout

    @pytest.mark.parametrize(
        ("changes", "says", "cure"),
        [
            ({b"AT%XICCID": b"\r\nERROR\r\n"}, "has no SIM", "insert one"),
            ({b"AT+CEREG?": b"\r\n+CEREG: 5,2\r\n\r\nOK\r\n"}, "is not registered: searching for a network", "antenna"),
            (
                {b"AT#XSLMVER": b"\r\nERROR\r\n"},
                "runs another firmware",
                "does not run Serial Modem or Serial LTE Modem",
            ),
            ({b"AT#XSOCKET=1,1,0": b"\r\n#XSOCKET: 0,1,6\r\n\r\nOK\r\n"}, "does not reach the peer", "[peers] address"),
        ],
        ids=["SIM", "registration", "firmware", "peer"],
    )
    def test_what_ails_a_board(self, tmp_path: Path, changes: dict[bytes, bytes], says: str, cure: str) -> None:
        with device({**SLM_IDENTITY, **changes}) as board:
            finished = self.doctor(tmp_path, self.entry(board.path))
        assert finished.returncode == 1
        assert f"cure  dk-1 {says}" in finished.stdout
        assert cure in finished.stdout

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--radio-off",), "ok    dk-1 has its radio off (+CFUN: 0), as many builds have after a start"),
            (("--radio-off", "--sim-boot", "1"), "ok    dk-1 has a SIM that is ready"),
            (
                ("--radio-off", "--sim", "missing"),
                "cure  dk-1 has no SIM that it can use: the SIM does not answer (%XSIM: 0,9)",
            ),
            (
                ("--radio-off", "--pin", "1234"),
                "cure  dk-1 has no SIM that it can use: the SIM wants SIM PIN (%XSIM: 0,1)",
            ),
            (
                ("--deny", "11"),
                "cure  dk-1 is not registered: trying to attach in a cell that it has found, EMM cause 11",
            ),
            (("--dead-core",), "does not behave"),
        ],
        ids=["radio off", "SIM boots", "no SIM", "PIN", "refused", "dead core"],
    )
    def test_what_a_modem_says_is_told(self, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
        with simulator(*arguments) as boards:
            finished = self.doctor(tmp_path, self.entry(boards[0]["port"]))
            assert says in finished.stdout, finished.stdout
            if "--radio-off" in arguments:
                with AtLink.open(boards[0]["port"]) as link:
                    assert link.command("AT+CFUN?").lines == ("+CFUN: 0",), "it is left as it was found"
        if "--dead-core" in arguments:
            assert "the application answers (#XSLMVER" in finished.stdout

    def test_a_wrong_baud_rate(self, tmp_path: Path) -> None:
        with device(gated(lambda board: rate_of(board) == termios.B9600)) as board:
            finished = self.doctor(tmp_path, self.entry(board.path))
        assert "but at 9600 baud" in finished.stdout
        assert "set baudrate = 9600 for it in bench.toml" in finished.stdout

    def test_which_program_has_a_port_open(self, tmp_path: Path) -> None:
        path = tmp_path / "port"
        path.write_text("")
        assert programs_with(str(path)) == []
        with path.open() as port, subprocess.Popen(["sleep", "60"], stdin=port) as other:
            assert programs_with(str(path)) == [f"sleep (pid {other.pid})"]
            other.kill()

    def test_a_board_that_is_not_there(self, tmp_path: Path) -> None:
        finished = self.doctor(tmp_path, '[[boards]]\nname = "dk-1"\nserial = "1051202135"\n')
        assert "cure  dk-1 is not attached" in finished.stdout

    def test_programs_that_are_not_there(self, tmp_path: Path) -> None:
        hooks = (
            '[coverage]\nlose = ["no-such-attenuator"]\nrestore = ["true"]\n[notify]\ncommand = ["no-such-mailer"]\n'
        )
        finished = self.doctor(tmp_path, hooks)
        assert finished.returncode == 1
        for key, program in (("coverage.lose", "attenuator"), ("notify.command", "mailer")):
            assert f"{key}: there is no program no-such-{program}" in finished.stdout

    def test_the_udev_rule(self, tmp_path: Path) -> None:
        finished = command_line("doctor", "--fix-udev", folder=tmp_path)
        rules = [line for line in finished.stdout.splitlines() if not line.startswith("#")]
        assert [line.split('"')[3] for line in rules] == ["1366", "1915"]
        assert all('ENV{ID_MM_DEVICE_IGNORE}="1"' in line for line in rules)

    def test_what_bench_toml_names_is_looked_at(self, tmp_path: Path) -> None:
        """In words: no number of an error of the system, and never a secret that stands in the wrong place."""
        named = 'pin = "file:none/pin"\n[network.access_point]\napn = "x"\nuser = "u"\npassword = "env:NO_SUCH"\n'
        shown = self.doctor(tmp_path, self.entry("/dev/null") + named).stdout
        assert (
            "cure  boards #1.pin: cannot read none/pin, where bench.toml says that a secret is kept: No such" in shown
        )
        assert "cure  network.access_point.password: the environment has no NO_SUCH" in shown
        assert "Errno" not in shown
        told = self.doctor(tmp_path, self.entry("/dev/null") + 'pin = "4711"\n')
        assert (told.returncode, "4711" in told.stdout + told.stderr) == (2, False)

    def test_what_is_optional_is_nothing_wrong(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NRF91_BENCH_ALLURE", str(tmp_path / "none.js"))
        shown = self.doctor(tmp_path, self.entry("/dev/null")).stdout.splitlines()
        place = shown.index("optional, for what is named")
        assert shown[place + 1].startswith("none  Allure reports as pages (report --html) need ")
        assert shown[place + 2] == "      -> nrf91-bench report DIR --html --install"
        wrong = sum(line.startswith("cure") for line in shown)
        assert shown[-1] == f"{wrong} thing{'' if wrong == 1 else 's'} to cure"
