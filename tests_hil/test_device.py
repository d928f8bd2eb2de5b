"""The application itself: versions, UUID, bootloader, modes of sleep, the rate of its UART.

Specification: Serial Modem, at_generic. No scenario puts a board to sleep: only DTR would wake it.
"""

import re

import pytest

from bench.at import CommandError
from bench.boards.recovery import synchronise

RATES = (115200, 230400, 460800, 921600, 1_000_000)


@pytest.fixture
def device(modem):
    return modem.serial_modem.device


@pytest.mark.needs("#XSMVER")
@pytest.mark.spec("GENERIC.version")
class TestVersion:
    """#XSMVER."""

    def test_names_application_and_sdk(self, device):
        versions = device.versions()

        assert re.fullmatch(r'#XSMVER: "[^"]+","[^"]+"(,"[^"]+")?', "\n".join(versions.response.lines))
        assert re.match(r"\d+\.\d+", versions.ncs)

    def test_parameters_are_ignored(self, modem, device):
        assert modem.link.command("AT#XSMVER=1").lines == device.versions().response.lines

    @pytest.mark.parametrize("form", ["?", "=?"])
    def test_other_forms(self, modem, form):
        with pytest.raises(CommandError) as refused:
            modem.link.command(f"AT#XSMVER{form}")

        assert refused.value.response.lines == ()


@pytest.mark.needs("#XSMVER")
@pytest.mark.spec("GENERIC.uuid")
class TestUuid:
    """#XUUID."""

    def test_has_its_form_and_stays_the_same(self, device):
        text = device.uuid()

        assert re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text)
        assert device.uuid() == text

    @pytest.mark.parametrize("form", ["?", "=?"])
    def test_other_forms(self, modem, form):
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XUUID{form}")


@pytest.mark.needs("#XBOOTINFO")
@pytest.mark.spec("GENERIC.bootinfo")
class TestBootLoader:
    """#XBOOTINFO."""

    def test_version_and_slot(self, device):
        assert device.boot_loader_version() >= 0
        assert device.boot_slot() in (0, 1)

    def test_the_test_form(self, device):
        assert device.test_boot_info().lines == ("#XBOOTINFO: (0,1)",)

    @pytest.mark.parametrize("rest", ["=2", "=-1", '="0"', "=", "", "?"])
    def test_refused(self, modem, rest):
        with pytest.raises(CommandError) as refused:
            modem.link.command(f"AT#XBOOTINFO{rest}")

        assert refused.value.response.lines == ()


@pytest.mark.needs("#XSLEEP")
@pytest.mark.spec("GENERIC.sleep.test")
class TestSleep:
    """#XSLEEP, without putting the board to sleep."""

    def test_the_test_form(self, device):
        assert device.test_sleep().lines == ("#XSLEEP: (1,2)",)

    @pytest.mark.parametrize("rest", ["=0", "=3", "=-1", "=", "", "?"])
    def test_refused_and_awake(self, modem, rest):
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XSLEEP{rest}")

        assert modem.link.command("AT").ok


@pytest.mark.needs("AT+IPR")
@pytest.mark.spec("GENERIC.rate")
class TestRate:
    """AT+IPR."""

    def test_is_that_of_the_port(self, board, device, lab):
        rate = device.baud_rate()

        assert rate in RATES
        if not board.spec.port.startswith("tcp://"):  # there the server knows the rate
            assert lab.baudrate in (None, rate)

    def test_the_test_form(self, device):
        assert device.test_baud_rate().lines == (f"+IPR: (),({','.join(map(str, RATES))})",)

    @pytest.mark.parametrize("rest", ["=9600", "=0", "=-1", "=115201", '="115200"', "=115200,1", "=", ""])
    def test_refused_and_kept(self, modem, device, rest):
        rate = device.baud_rate()
        with pytest.raises(CommandError):
            modem.link.command(f"AT+IPR{rest}")

        assert device.baud_rate() == rate

    @pytest.mark.abuse  # a board that goes on at another rate than it said is deaf for this host
    @pytest.mark.parametrize("rate", RATES)
    def test_board_and_host_go_on_at_each(self, board, modem, device, tcp_echo, network, rate):
        if board.spec.port.startswith("tcp://"):
            pytest.skip("the rate of this port is set by the server at its other end")
        before = device.baud_rate()
        with device.at_rate(rate):
            assert device.baud_rate() == rate
            with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
                client.send_string(b"at another rate")
                assert client.receive_exactly(15, timeout=network.receive_timeout) == b"at another rate"

        assert device.baud_rate() == before

    @pytest.mark.abuse  # a UART that goes on at another rate is deaf for this host
    def test_the_present_one_can_be_set(self, modem, device):
        rate = device.baud_rate()
        assert device.set_baud_rate(rate).ok
        synchronise(modem.link)  # a character that comes while the UART is set up anew may be lost

        assert device.baud_rate() == rate
