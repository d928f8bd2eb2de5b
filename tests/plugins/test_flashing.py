"""The programming of a simulated board: images, programmers that fail, and what the journal says after each."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.boards import BoardSpec, Ledger, SimulatedBoards
from bench.config.lab import Config
from bench.flashing import (
    FlashFailed,
    Flashing,
    FlashOutcome,
    FlashRequest,
    HalfImage,
    Image,
    flash_board,
    forget,
    refuse_half_image,
)
from bench.run.probe import query_identity
from tests.support.images import STAND_IN, application, modem_firmware, stand_in_command
from tests.support.lab import processes_of


@pytest.fixture(scope="module")
def boards() -> Iterator[Sequence[BoardSpec]]:
    with SimulatedBoards(1) as running:
        yield running.specs


class Bench:
    """A board, and a lab that programs it."""

    def __init__(self, board: BoardSpec, folder: Path) -> None:
        self.board = board
        self.folder = folder
        self.settings: dict[str, object] = {"retries": 0, "boot_seconds": 30.0}
        self.budget: dict[str, int] = {}
        self.said: list[str] = []

    def by(self, *command: str, **settings: object) -> None:
        """From here on the lab's own command programs it."""
        self.settings |= {"programmer": "command", "command": list(command), **settings}

    def flash(self, *images: Image, always: bool = False) -> Flashing:
        lab = Config.model_validate({"flash": self.settings, "budget": self.budget})
        flashing = Flashing(self.board, lab, None, self.folder, tell=self.said.append)
        self.after = flash_board(flashing, FlashRequest(images, always))
        return flashing

    def outcomes(self, *images: Image, always: bool = False) -> list[FlashOutcome]:
        return [result.outcome for result in self.flash(*images, always=always).results]

    @property
    def says(self) -> str:
        return query_identity(self.board).application_text

    @property
    def may_be_used(self) -> bool:
        with Ledger() as ledger:
            try:
                refuse_half_image(ledger, self.board)
            except HalfImage:
                return False
        return True


@pytest.fixture
def bench(boards: Sequence[BoardSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Bench(boards[0], tmp_path)


class TestGoodImages:
    def test_the_board_says_what_was_programmed(self, bench: Bench) -> None:
        image = application(bench.folder / "a.hex", "3.4.5", customer="blue", says="blue")
        (result,) = bench.flash(image).results
        assert (result.outcome, result.programmer) == (FlashOutcome.PROGRAMMED, "nrfutil")
        assert result.text == "it says SLM 3.4.5, blue"
        assert (bench.says, bench.after.unusable, bench.may_be_used) == ("SLM 3.4.5", "", True)
        assert "device program --firmware" in (bench.folder / "flash-simulated-1.txt").read_text()

    def test_another_application_and_modem_firmware(self, bench: Bench) -> None:
        modem = modem_firmware(bench.folder / "mfw.zip", "mfw_nrf91x1_2.0.9")
        results = bench.flash(application(bench.folder / "b.bin", "v2.0.1", firmware="serial-modem"), modem).results
        assert [result.image.kind for result in results] == ["modem", "application"]
        identity = query_identity(bench.board)
        assert (identity.application_text, identity.modem_firmware) == ("Serial Modem 2.0.1", "mfw_nrf91x1_2.0.9")

    def test_what_it_holds_already_is_kept_unless_asked(self, bench: Bench) -> None:
        image = application(bench.folder / "a.hex")
        assert bench.outcomes(image) == [FlashOutcome.PROGRAMMED]
        assert bench.outcomes(image) == [FlashOutcome.KEPT]
        assert bench.outcomes(image, always=True) == [FlashOutcome.PROGRAMMED]

    def test_a_board_that_says_something_else_than_the_journal_is_programmed(self, bench: Bench) -> None:
        image, other = application(bench.folder / "a.hex"), application(bench.folder / "b.hex", "9.9.9")
        bench.flash(image)
        by_hand = [word.format(image=other.path, name="simulated-1") for word in stand_in_command(bench.board)]
        subprocess.run(by_hand, check=True, capture_output=True)
        assert bench.outcomes(image) == [FlashOutcome.PROGRAMMED]
        assert bench.says == "SLM 3.1.1"


class TestBadImages:
    def test_that_say_something_else(self, bench: Bench) -> None:
        image = application(bench.folder / "a.hex", "3.0.0", says="SLM 3.1.0")
        (result,) = bench.flash(image).results
        assert result.outcome is FlashOutcome.FAILED
        assert "but says 'SLM 3.0.0', not 'SLM 3.1.0'" in bench.after.unusable
        assert bench.may_be_used  # it holds a whole image, though another one than was meant

    def test_that_are_corrupt_are_refused_by_the_programmer(self, bench: Bench) -> None:
        bench.flash(application(bench.folder / "good.hex", "3.3.3"))
        path = bench.folder / "a.bin"
        image = application(path)
        path.write_bytes(path.read_bytes().replace(b"3.1.1", b"3.1.2"))
        bench.flash(image)
        assert "programmer nrfutil failed with exit code 1: * simulated-1: corrupt" in bench.after.unusable
        assert "flash-simulated-1.txt" in bench.after.unusable
        assert not bench.may_be_used
        assert bench.outcomes(application(bench.folder / "good.hex", "3.3.3")) == [FlashOutcome.PROGRAMMED]
        assert bench.may_be_used

    def test_after_which_the_board_does_not_come_back(self, bench: Bench) -> None:
        bench.settings["boot_seconds"] = 1.0
        bench.flash(application(bench.folder / "a.hex", silent=True))
        assert "was not programmed with a.hex" in bench.after.unusable
        assert not bench.may_be_used
        bench.settings["boot_seconds"] = 30.0
        assert bench.outcomes(application(bench.folder / "b.hex")) == [FlashOutcome.PROGRAMMED]


class TestPowerLoss:
    """A programmer that is killed before, while and after it writes."""

    @pytest.mark.parametrize("step", ["erase", "write"])
    def test_leaves_a_board_that_the_next_run_programs_first(self, bench: Bench, step: str) -> None:
        bench.by(*stand_in_command(bench.board, "--stop-after", step))
        image = application(bench.folder / "a.hex")
        bench.flash(image)
        assert "programmer command was ended by SIGKILL" in bench.after.unusable
        assert not bench.may_be_used
        bench.by(*stand_in_command(bench.board))
        assert bench.outcomes(image) == [FlashOutcome.PROGRAMMED]
        assert (bench.says, bench.may_be_used) == ("SLM 3.1.1", True)

    def test_before_anything_is_written_is_not_known_to_be_harmless(self, bench: Bench) -> None:
        bench.by("/bin/sh", "-c", "kill -KILL $$")
        bench.flash(application(bench.folder / "a.hex"))
        assert not bench.may_be_used

    def test_of_the_modem_firmware(self, bench: Bench) -> None:
        bench.by(*stand_in_command(bench.board, "--stop-after", "erase"))
        modem = modem_firmware(bench.folder / "mfw.zip")
        bench.flash(modem)
        with Ledger() as ledger, pytest.raises(HalfImage, match="--modem-image FILE"):
            refuse_half_image(ledger, bench.board)
        bench.by(*stand_in_command(bench.board))
        assert bench.outcomes(modem) == [FlashOutcome.PROGRAMMED]

    def test_a_person_who_programmed_it_by_hand_says_so(self, bench: Bench) -> None:
        bench.by("/bin/false")
        bench.flash(application(bench.folder / "a.hex"))
        assert not bench.may_be_used
        with Ledger() as ledger:
            forget(ledger, bench.board)
        assert bench.may_be_used


class TestProgrammers:
    def test_that_is_not_installed_touches_nothing(self, bench: Bench) -> None:
        image = application(bench.folder / "a.hex")
        bench.flash(image)
        bench.by("no-such-programmer", retries=3)
        bench.flash(image, always=True)
        assert "no-such-programmer is not installed: see [flash] command" in bench.after.unusable
        assert (bench.may_be_used, bench.said) == (True, [])
        assert bench.outcomes(image) == [FlashOutcome.KEPT]

    def test_whose_module_is_not_installed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "smpclient", None)
        bench.settings["programmer"] = "smp"
        bench.flash(application(bench.folder / "a.bin"))
        assert "smpclient is not installed: pip install 'nrf91-bench[smp]'" in bench.after.unusable

    def test_that_takes_too_long_is_ended(self, bench: Bench) -> None:
        bench.by("/bin/sh", "-c", "echo connecting; sleep 600; echo {image}", seconds=1.0)
        image = application(bench.folder / "a.hex")
        bench.flash(image)
        assert "took longer than 1 s and was ended ([flash] seconds): connecting" in bench.after.unusable
        assert not processes_of(image.path)

    def test_that_fails_once_gets_another_try(self, bench: Bench) -> None:
        once = bench.folder / "once"
        words = " ".join(stand_in_command(bench.board))
        bench.by("/bin/sh", "-c", f"test -e {once} && exec {words}; touch {once}; exit 3", retries=1)
        assert bench.outcomes(application(bench.folder / "a.hex")) == [FlashOutcome.PROGRAMMED]
        assert "simulated-1: programmer command failed with exit code 3; it is tried once more" in bench.said

    def test_that_prints_without_end_fills_no_disk(self, bench: Bench) -> None:
        bench.by("/bin/sh", "-c", "exec yes", seconds=1.0)
        bench.flash(application(bench.folder / "a.hex"))
        assert (bench.folder / "flash-simulated-1.txt").stat().st_size < 2 << 20

    def test_that_closes_its_output_and_goes_on_is_followed(self, bench: Bench) -> None:
        words = " ".join(stand_in_command(bench.board))
        bench.by("/bin/sh", "-c", f"exec {words} >/dev/null 2>&1")
        assert bench.outcomes(application(bench.folder / "a.hex")) == [FlashOutcome.PROGRAMMED]

    def test_whose_words_are_hostile_stay_one_line(self, bench: Bench) -> None:
        bench.by("/bin/sh", "-c", r"printf 'first\n\033[2Jlast\n'; exit 1")
        bench.flash(application(bench.folder / "a.hex"))
        assert "failed with exit code 1: " in bench.after.unusable.splitlines()[0]


class TestBudget:
    def test_of_flashes_is_kept(self, bench: Bench) -> None:
        bench.budget["flashes_per_day"] = 1
        image = application(bench.folder / "a.hex")
        assert bench.outcomes(image) == [FlashOutcome.PROGRAMMED]
        assert bench.outcomes(image, always=True) == [FlashOutcome.FAILED]
        assert "1 of 1 flashes are spent" in bench.after.unusable
        assert bench.may_be_used  # nothing was begun


def test_what_cannot_be_programmed_is_one_error(bench: Bench) -> None:
    bench.by("/bin/false")
    flashing = Flashing(
        replace(bench.board),
        Config.model_validate({"flash": bench.settings}),
        None,
        bench.folder,
    )
    with pytest.raises(FlashFailed):
        flashing.flash(FlashRequest((application(bench.folder / "a.hex"),)))


class TestSerialRecovery:
    """MCUboot's serial recovery, spoken by smpclient."""

    @pytest.fixture
    def thingy(self, bench: Bench) -> Bench:
        control = f"@{bench.board.control[1:]}"
        recovery = [*STAND_IN, "--control", control, "recovery", "--serial-number", "{name}"]
        bench.settings |= {"programmer": "smp", "bootloader": recovery}
        return bench

    def test_an_image_is_uploaded_and_started(self, thingy: Bench) -> None:
        (result,) = thingy.flash(application(thingy.folder / "a.bin", "4.5.6")).results
        assert (result.outcome, result.programmer) == (FlashOutcome.PROGRAMMED, "smp"), result.text
        assert thingy.says == "SLM 4.5.6"

    def test_a_corrupt_one_is_not_accepted_and_the_board_waits_for_another(self, thingy: Bench) -> None:
        image = application(thingy.folder / "a.bin")
        image.path.write_bytes(image.path.read_bytes().replace(b"3.1.1", b"3.1.2"))
        thingy.flash(image)
        assert "the bootloader does not accept the image" in thingy.after.unusable
        assert not thingy.may_be_used
        assert thingy.outcomes(application(thingy.folder / "b.bin")) == [FlashOutcome.PROGRAMMED]

    def test_a_packet_without_a_header_is_dropped(self, thingy: Bench) -> None:
        control = f"@{thingy.board.control[1:]}"
        subprocess.run([*STAND_IN, "--control", control, "recovery", "--serial-number", "simulated-1"], check=True)
        with open(thingy.board.port, "wb", buffering=0) as port:
            port.write(b"\x06\x09AAA=\n")
        thingy.settings["bootloader"] = ["true"]
        assert thingy.outcomes(application(thingy.folder / "a.bin", "4.5.7")) == [FlashOutcome.PROGRAMMED]

    def test_a_board_that_is_not_in_its_bootloader(self, thingy: Bench) -> None:
        thingy.flash(application(thingy.folder / "a.bin"))
        thingy.settings["bootloader"] = ["true"]
        thingy.flash(application(thingy.folder / "b.bin", "9.9.9"))
        assert "is the board in its serial recovery?" in thingy.after.unusable
        assert thingy.says == "SLM 3.1.1"

    def test_a_bootloader_that_cannot_be_reached_touches_nothing(self, thingy: Bench) -> None:
        thingy.settings["bootloader"] = ["false"]
        thingy.flash(application(thingy.folder / "a.bin"))
        assert "[flash] bootloader: false ended with 1" in thingy.after.unusable
        assert thingy.may_be_used
