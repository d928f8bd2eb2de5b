"""The kinds of boards, and what each version of their modem firmware can do."""

import re
from dataclasses import dataclass

from bench.errors import UsageError


@dataclass(frozen=True)
class SimulatedModel:
    """A kind of board, by what it answers about itself."""

    name: str
    part: str
    modem_firmware: str
    hardware: str

    @property
    def short_version(self) -> str:
        """The answer to AT%SHORTSWVER: the modem firmware without its prefix."""
        return "nrf" + self.modem_firmware.removeprefix("mfw_nrf")


@dataclass(frozen=True)
class Capabilities:
    """The abilities of a version of the modem firmware.

    Attributes:
        suite_used: reports the cipher suite that was agreed on.
        gcm: knows the AES-GCM suites.
        connection_id: knows DTLS Connection ID.
        device_keys: makes private keys itself, and signs with a key of its own.
        rai_urc: reports which kinds of RAI the cell knows (AT%RAI=2).
        satellite: uses NB-IoT by satellite.
    """

    suite_used: bool
    gcm: bool
    connection_id: bool
    device_keys: bool
    rai_urc: bool
    satellite: bool = False


# The first version of the modem firmware with the ability (Socket AT commands page; modem library documentation).
# Since when keys are made: README of nRF Cloud's utilities, "modem firmware v1.3 and later".
_SINCE = {
    "suite_used": (2, 0, 0),
    "gcm": (2, 0, 0),
    "connection_id": (1, 3, 5),
    "device_keys": (1, 3, 0),
    "rai_urc": (2, 0, 2),
}
# A build for tests has a suffix; firmware for satellites is a family with numbers of its own.
_MODEM_FIRMWARE = re.compile(r"mfw_nrf91\w\w(?P<satellite>-ntn)?_(\d+)\.(\d+)\.(\d+)(?:-[A-Za-z0-9-]+)?$")


def capabilities_of(modem_firmware: str) -> Capabilities:
    """Return the abilities of a modem firmware.

    Raises:
        UsageError: its name is not of the form ``mfw_nrf9160_1.3.7``.
    """
    match = _MODEM_FIRMWARE.match(modem_firmware)
    if match is None:
        raise UsageError(
            f"{modem_firmware!r} is not a modem firmware: write mfw_nrf9160_1.3.7, mfw_nrf91x1_2.0.2 or"
            " mfw_nrf9151-ntn_1.0.1"
        )
    version = tuple(map(int, match.groups()[1:]))
    if match["satellite"]:
        return Capabilities(**dict.fromkeys(_SINCE, True), satellite=True)
    return Capabilities(**{name: version >= first for name, first in _SINCE.items()})


MODELS = {
    model.name: model
    for model in (
        SimulatedModel("nrf9151dk", "nRF9151-LACA", "mfw_nrf91x1_2.0.2", "nRF9151 LACA A0A"),
        SimulatedModel("nrf9161dk", "nRF9161-LACA", "mfw_nrf91x1_2.0.2", "nRF9161 LACA A0A"),
        SimulatedModel("nrf9160dk", "nRF9160-SICA", "mfw_nrf9160_1.3.7", "nRF9160 SICA B1A"),
        SimulatedModel("thingy91", "nRF9160-SICA", "mfw_nrf9160_1.3.7", "nRF9160 SICA B1A"),
        SimulatedModel("thingy91x", "nRF9151-LACA", "mfw_nrf91x1_2.0.2", "nRF9151 LACA A0A"),
    )
}
