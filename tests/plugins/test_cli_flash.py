"""``run --image`` and its kin on the command line: mistakes, digests, plans, the estimate. No board is programmed."""

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.lab.preparation import prepare_in_lab
from bench.run import RunRequest
from tests.support.images import application, modem_firmware
from tests.support.inline import command_line

_BOARD = '[[boards]]\nmodel = "nrf9151dk"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    application(tmp_path / "a.hex")
    modem_firmware(tmp_path / "mfw.zip")
    (tmp_path / "empty.hex").touch()
    (tmp_path / "corrupt.hex").write_bytes((tmp_path / "a.hex").read_bytes().replace(b":10", b":11", 1))
    return tmp_path


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--image", "none.hex"], "image none.hex cannot be read: No such file"),
            (["--image", "empty.hex"], "empty.hex is empty: build it anew"),
            (["--image", "corrupt.hex"], "corrupt.hex is not Intel HEX (line 1)"),
            (["--image", "mfw.zip"], "a modem image is named by --modem-image"),
            (["--modem-image", "a.hex"], "an application image is named by --image"),
            (["--flash-always"], "--flash-always needs an image"),
            (["--image", "a.hex", "--restore"], "--restore needs [flash] golden_image in bench.toml"),
        ],
    )
    def test_end_with_2_before_anything_is_programmed(self, folder: Path, arguments: list[str], says: str) -> None:
        finished = command_line("run", "--simulate", "1", *arguments, folder=folder)
        assert (finished.returncode, says in finished.stderr) == (2, True), finished.stderr
        assert not list(folder.glob("reports/runs/*"))

    @pytest.mark.parametrize(
        ("lab", "says"),
        [
            ('[flash]\nprogrammer = "jtag"\n', "flash.programmer"),
            ('[flash]\nprogrammer = "command"\n', 'programmer = "command" needs command'),
            ('[flash]\ncommand = ["no-such-programmer", "{image}"]\n', "there is no program no-such-programmer"),
            ('[flash]\ncommand = ["west", "{file}"]\n', "{file} stands for nothing; there are {serial}, {port}"),
            ('[flash]\nbootloader = ["x", "{image}"]\n', "{image} stands for nothing"),
            ("[flash]\nrestore = true\n", "restore needs golden_image"),
            ("[flash]\nat_once = 0\n", "flash.at_once"),
            ("[flash]\nrestore = true\ngolden_image = 'none.hex'\n", "image none.hex cannot be read"),
        ],
    )
    def test_in_bench_toml(self, folder: Path, lab: str, says: str) -> None:
        (folder / "bench.toml").write_text(lab)
        finished = command_line("run", "--simulate", "1", "--config", "bench.toml", "--image", "a.hex", folder=folder)
        assert (finished.returncode, says in finished.stderr) == (2, True), finished.stderr

    @pytest.mark.parametrize(
        ("firmware", "arguments", "says"),
        [
            ('image = "a.hex"\nsha256 = "' + "0" * 64 + '"', [], "it is another file"),
            ('image = "a.hex"', ["--image", "a.hex"], "--image with --plan: the plan names its image, a.hex"),
            (
                'says = "SLM 3.1.0"',
                [],
                "the plan is about an application image that it does not name: add --image FILE",
            ),
            ('modem_sha256 = "' + "0" * 64 + '"', [], "about a modem image that it does not name: add --modem-image"),
            ('sha256 = "0123"', [], "a SHA-256: 64 hexadecimal digits"),
            ('sha256 = "' + "0" * 64 + '"', ["--image", "a.hex"], "it is another file"),
            ('modem_image = "none.zip"', [], "image none.zip cannot be read"),
        ],
    )
    def test_in_a_plan(self, folder: Path, firmware: str, arguments: list[str], says: str) -> None:
        (folder / "plan.toml").write_text(f'name = "release"\nsuites = ["dns"]\n[firmware]\n{firmware}\n{_BOARD}')
        finished = command_line("run", "--simulate", "1", "--plan", "plan.toml", *arguments, folder=folder)
        assert (finished.returncode, says in finished.stderr) == (2, True), finished.stderr

    def test_a_board_that_no_programmer_can_find(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "bench.toml").write_text('[[boards]]\nname = "dk-1"\nport = "tcp://127.0.0.1:9"\nimage = "a.hex"\n')
        finished = command_line("run", "--board", "dk-1", "--config", "bench.toml", folder=folder)
        assert finished.returncode == 2
        assert "dk-1: nrfutil finds a board by its serial number" in finished.stderr


def test_the_estimate_counts_images(folder: Path) -> None:
    (folder / "bench.toml").write_text("[budget]\nflashes_per_day = 1\n")
    finished = command_line(
        "run", "--simulate", "1", "--suite", "dns", "--config", "bench.toml", "--estimate",
        "--image", "a.hex", "--modem-image", "mfw.zip", folder=folder,
    )  # fmt: skip
    assert "2 resets, 2 images programmed," in finished.stdout
    assert "flashes_per_day: 0 of 1 flashes spent, not enough is left" in finished.stdout
    assert finished.returncode == 1


def test_the_command_that_plays_a_test_again_names_the_image(folder: Path) -> None:
    again = RunRequest(simulate=1, image=folder / "a.hex").again(["dns"], [])
    assert again == ["--simulate", "1", "--image", str(folder / "a.hex"), "--suite", "dns"]


def test_boards_of_other_hosts_are_not_silently_left_with_what_they_hold(folder: Path) -> None:
    (folder / "bench.toml").write_text('[lab]\ncoordinator = "127.0.0.1:20408"\n')
    (folder / "plan.toml").write_text(f'name = "release"\n[firmware]\nimage = "a.hex"\n{_BOARD}')
    config = folder / "bench.toml"
    for request in (
        RunRequest(image=folder / "a.hex", config=config),
        RunRequest(plan=folder / "plan.toml", config=config),
    ):
        with pytest.raises(UsageError, match="not programmed by a run yet"):
            prepare_in_lab(request)
