"""``nrf91-bench run --estimate``: what a run would spend, told before anything is spent."""

from bench.exit_code import ExitCode
from bench.history import Store
from tests.support.inline import command_line
from tests.support.lab import TALK, Lab
from tests.support.programs import simulator
from tests.support.records import night_record


def test_an_estimate_sends_nothing_and_learns(lab: Lab) -> None:
    (lab.folder / "bench.toml").write_text("[budget]\nattaches_per_day = 20\nbytes_per_day = 5_000_000\n")
    (lab.folder / "test_lab.py").write_text(TALK)
    arguments = ["--simulate", "1", "--suite", "test_lab.py", "--config", "bench.toml"]

    def asked(*more: str) -> str:
        done = command_line("run", "--estimate", *arguments, *more, folder=lab.folder, environment=lab.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = asked()
    assert "estimate  simulated-1   20 tests, up to 2.6 MB" in before
    assert "20 never ran" in before
    assert not (lab.folder / "reports").exists()
    assert lab.run(TALK, ("--simulate", "1")).code == 0
    assert "20 tests in each of 3 rounds, up to 3.7 MB" in asked("--repeat", "3")
    after = asked()
    assert "20 tests, up to 1.2 MB, 0 attaches" in after
    assert "never ran" not in after
    assert "attaches_per_day: 0 of 20 attaches spent, enough is left" in after


def estimated(lab: Lab, *arguments: str) -> str:
    command = ("run", "--estimate", "--suite", "test_lab.py", *arguments)
    done = command_line(*command, folder=lab.folder, environment=lab.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_boards_in_turn_learn_how_many_nights_a_tenth_takes(lab: Lab) -> None:
    (lab.folder / "test_lab.py").write_text(TALK)
    history = lab.folder / "history.sqlite"
    slots = [f"simulated-{number}" for number in range(1, 5)]
    asked = ("--simulate", "4", "--interleave", "simulated-1", "--interleave", "simulated-2", "--history", str(history))
    assert "power     not known yet" in estimated(lab, *asked)
    with Store(history) as store:
        for number in range(1, 7):
            boards = dict.fromkeys(slots, "mfw_1")
            store.add(night_record(number, "mfw_1", 1e6, boards=boards, rounds=3, simulated=True))
    text = estimated(lab, *asked)
    assert "by 6 nights of these boards in the history: where a change of 10 % is found 95 times in 100" in text
    assert "groups of 1 and 1 that swap firmware each night" in text
    assert "power      4 nights: in " in text
    assert "14 nights: in 1 of 1 measurement" in text
    assert "power" not in estimated(lab, "--simulate", "4", "--history", str(history)), "nothing to compare"


def test_control_boards_spend_too(lab: Lab) -> None:
    measuring = TALK + "\n\ndef test_measures(modem, measure):\n    measure('a', 1, unit='ns')\n"
    (lab.folder / "test_lab.py").write_text(measuring)
    with simulator("--count", "2") as boards:
        entries = [
            f'[[boards]]\nname = "{name}"\nport = "{board["port"]}"\ncontrol_board = {control}\n'
            for name, control, board in zip(("dk", "golden"), ("false", "true"), boards, strict=True)
        ]
        (lab.folder / "bench.toml").write_text("".join(entries))
        text = estimated(lab, "--config", "bench.toml")
    assert "estimate  dk   21 tests" in text
    assert "estimate  golden   1 test," in text


FEATURES = """
import pytest

def test_anything(modem): pass

@pytest.mark.needs("#XPOLL")
def test_of_slm(modem): pass

@pytest.mark.needs("receive length")
def test_of_serial_modem(modem): pass
"""


def test_tests_are_counted_as_the_end_of_a_run_counts_them(lab: Lab) -> None:
    """Those that the firmware leaves out are apart, once the history knows the firmware."""
    (lab.folder / "test_lab.py").write_text(FEATURES)
    history = ("--simulate", "1", "--history", str(lab.folder / "history.sqlite"))
    text = estimated(lab, *history)
    assert "3 tests (less those that its firmware, which is not known yet, leaves out), up to" in text
    command = ("run", "--suite", "test_lab.py", *history)
    told = command_line(*command, folder=lab.folder, environment=lab.environment).stdout
    assert "2 of 2 passed" in told
    assert "1 left out" in told
    text = estimated(lab, *history)
    assert "2 tests (1 more left out: SLM 3.1.0 does not have what they are about), up to" in text
    assert "3 tests (less" in estimated(lab, *history, "--firmware", "serial-modem")


def test_a_board_that_is_not_there_is_an_error(lab: Lab) -> None:
    (lab.folder / "test_lab.py").write_text("def test_a(modem): pass\n")
    (lab.folder / "bench.toml").write_text(
        '[[boards]]\nname = "gone"\nserial = "1"\n[[boards]]\nname = "here"\nport = "/dev/null"\n'
    )
    command = ("run", "--estimate", "--suite", "test_lab.py", "--config", "bench.toml")
    done = command_line(*command, folder=lab.folder, environment=lab.environment)
    assert done.returncode == ExitCode.LAB
    assert "absent    gone (serial 1) is not attached" in done.stdout
    assert "estimate  here   1 test, up to" in done.stdout
