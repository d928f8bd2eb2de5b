"""The modem firmware: its family and version, and since which version each family has a feature.

Each family has version numbers of its own, so that versions are compared within one family only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"(?P<family>mfw_[A-Za-z0-9-]+)_(?P<version>\d+(?:\.\d+)+)")

NRF9160, NRF91X1, NRF9151_NTN = "mfw_nrf9160", "mfw_nrf91x1", "mfw_nrf9151-ntn"


@dataclass(frozen=True, slots=True)
class ModemFirmware:
    """``mfw_nrf91x1_2.0.2-FOTA-TEST`` taken apart; a name of another form has neither family nor version.

    Attributes:
        family: mfw_nrf9160, mfw_nrf91x1, mfw_nrf9151-ntn.
        version: its numbers, such as (2, 0, 2).
    """

    family: str = ""
    version: tuple[int, ...] = ()

    @classmethod
    def parse(cls, name: str) -> "ModemFirmware":
        """Return what the answer to AT+CGMR names."""
        match = _NAME.search(name)
        return cls(match["family"], tuple(map(int, match["version"].split(".")))) if match else cls()


@dataclass(frozen=True)
class ModemFeature:
    """A feature of the modem.

    Attributes:
        name: for a message.
        since: the first version with it, by family; None for a family that has it in no version.
    """

    name: str
    since: Mapping[str, tuple[int, ...] | None]

    def missing_in(self, firmware: str) -> str:
        """Return why a modem firmware does not have it; empty where it has, or where nothing is known of its family."""
        parsed = ModemFirmware.parse(firmware)
        if parsed.family not in self.since:
            return ""
        first = self.since[parsed.family]
        if first is not None and parsed.version >= first:
            return ""
        needed = "of another family" if first is None else ".".join(map(str, first))
        return f"{self.name} needs modem firmware {needed}; this board has {firmware}"


# Socket AT commands page, notes on modem firmware; release notes of the modem firmwares.
CIPHER_SUITE_USED = ModemFeature("TLS_CIPHERSUITE_USED", {NRF9160: None, NRF91X1: (2, 0, 0)})
AES_GCM = ModemFeature("AES-GCM", {NRF9160: None, NRF91X1: (2, 0, 0)})
CONNECTION_ID = ModemFeature("DTLS Connection ID", {NRF9160: (1, 3, 5), NRF91X1: (2, 0, 0)})
# Serial Modem, at_socket, flag 8192 of #XSEND: an option of the modem that only the family for satellites has.
SEND_NOTICE = ModemFeature("a notice of acknowledged sends", {NRF9160: None, NRF91X1: None, NRF9151_NTN: ()})
