"""Features of the application firmwares: which version has which."""

import pytest

from bench.errors import UsageError
from bench.modem import DIALECTS
from bench.modem.dialects import SERIAL_LTE_MODEM, SERIAL_MODEM
from tests.support.toy_dialect import TOY

HEAD = "1.99.0.post67+ga9e396bc3d58"


@pytest.mark.parametrize(
    ("feature", "version"),
    [
        ("#XLISTEN", HEAD),
        ("#XLISTEN", "2.0.0"),
        ("#XLISTEN", "2.0.0rc1"),
        ("#XCLOSE", "1.0.1"),
        ("#XLISTEN", "our own"),
    ],
)
def test_serial_modem_has_it(feature: str, version: str) -> None:
    assert SERIAL_MODEM.missing(feature, version) == ""


def test_what_is_gone_or_not_there_yet_is_said() -> None:
    assert SERIAL_MODEM.missing("#XPOLL", HEAD) == f"this firmware (Serial Modem {HEAD}) has no #XPOLL"
    assert SERIAL_MODEM.missing("#XLISTEN", "1.0.1") == "this firmware (Serial Modem 1.0.1) has no #XLISTEN"
    assert SERIAL_LTE_MODEM.missing("#XRECVCFG", "3.1.0") == "this firmware (SLM 3.1.0) has no #XRECVCFG"
    assert SERIAL_LTE_MODEM.missing("#XRECVCFG", "our own") != ""
    assert SERIAL_LTE_MODEM.missing("#XLISTEN", "2.9.0") == ""


def test_the_first_preview_of_2_is_older_than_1_99() -> None:
    assert SERIAL_MODEM.missing("#XLISTEN", "2.0.0rc1") == ""
    assert SERIAL_MODEM.missing("socket option 34", "2.0.0rc1") != ""
    assert [SERIAL_MODEM.missing("socket option 34", version) for version in (HEAD, "2.0.0rc2", "2.0.0")] == [""] * 3


def test_a_dialect_outside_of_the_table_counts() -> None:
    assert TOY.missing("toy", "2.1") == ""
    assert TOY.missing("toy", "1.0") == "this firmware (toy 1.0) has no toy"


def test_a_name_that_no_firmware_has_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="no firmware has a feature '#XPOL'; there are: #XAPOLL by handle, "):
        DIALECTS[0].missing("#XPOL", HEAD)
