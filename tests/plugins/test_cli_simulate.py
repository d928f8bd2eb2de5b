"""``nrf91-bench simulate``: what its command line refuses."""

import pytest

from tests.support.inline import command_line


class TestProgram:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (
                ["--firmware", "slm-1"],
                "unknown --firmware 'slm-1'; did you mean 'slm-3.1' or 'slm-2.9'? available: slm-3.1, slm-2.9, page",
            ),
            (["--model", "nrf52"], "nrf9151dk"),
            (["--count", "0"], "at least one"),
            (["--host", "name"], "NAME=IP"),
            (["--host", "name=300.1.1.1"], "not an IP address"),
            (["--count", "2", "--link", "x"], "--link names one port"),
            (["--link", "/etc/hostname"], "will not be overwritten"),
            (["--psk", "42"], "--psk: write TAG:IDENTITY:HEX"),
            (["--ca", "42"], "--ca 42: write TAG:FILE"),
            (["--ca", "42:/nowhere.pem"], "--ca: cannot read /nowhere.pem"),
            (["--pin", "12"], "--pin: write 4 to 8 digits"),
            (["--apn", "lab:me"], "--apn: write NAME, or NAME:USER:PASSWORD"),
            (["--cell", "grant=9"], "--cell: "),
            (["--modem-firmware", "new"], "--modem-firmware: 'new' is not a modem firmware: write"),
            (["--no-database"], "--no-database needs --rack"),
        ],
    )
    def test_mistakes_are_told_in_words(self, arguments: list[str], says: str) -> None:
        finished = command_line("simulate", *arguments)
        assert finished.returncode == 2
        assert says in finished.stderr


class TestSecureSockets:
    @pytest.mark.parametrize("option", ["--key-log", "--journal", "--link"])
    def test_a_file_that_cannot_be_written(self, option: str) -> None:
        finished = command_line("simulate", option, "/nowhere/file")
        assert finished.returncode == 2
        assert f"{option} /nowhere/file: " in finished.stderr
