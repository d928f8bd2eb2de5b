"""Who a board is, from its own answers."""

import re
from dataclasses import dataclass, replace

from bench.at import AtLink, CommandError
from bench.config.firmware import application_text
from bench.errors import LabError
from bench.modem.answers import Answers

_VERSION = re.compile(r"_(\d+(?:\.\d+)+)")


class DialectUnsupported(LabError):
    """The board runs a firmware that the bench does not speak."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A board's own answers. ``imei``, ``imsi`` and ``iccid`` are secrets of the lab: reports show keyed short ids.

    Attributes:
        manufacturer: AT+CGMI.
        part: AT+CGMM, such as nRF9151-LACA.
        modem_firmware: AT+CGMR.
        hardware: AT%HWVERSION.
        slm_version: AT#XSLMVER, the application's version.
        ncs_version: AT#XSLMVER, what it was built with, where it says so.
        imei: AT+CGSN.
        imsi: AT+CIMI; empty without a SIM that is powered.
        iccid: AT%XICCID; empty likewise.
        uuid: AT#XUUID; empty where the firmware has none.
    """

    manufacturer: str
    part: str
    modem_firmware: str
    hardware: str
    slm_version: str
    ncs_version: str
    imei: str
    imsi: str
    iccid: str
    uuid: str

    @property
    def application(self) -> str:
        """The application's name."""
        return "slm"

    @property
    def application_version(self) -> str:
        """The application's version."""
        return self.slm_version

    @property
    def application_text(self) -> str:
        """The application and its version, for a person."""
        return application_text(self.application, self.application_version)

    @property
    def modem_version(self) -> tuple[int, ...]:
        """The numbers of the modem firmware: (1, 3, 7) of mfw_nrf9160_1.3.7; empty when it has none."""
        match = _VERSION.search(self.modem_firmware)
        return tuple(map(int, match[1].split("."))) if match else ()


def identify(link: AtLink) -> Identity:
    """Asks a board who it is.

    Raises:
        DialectUnsupported: it runs the successor firmware, Serial Modem, or no Serial LTE Modem at all.
        CommandTimeout, PortLost, MalformedAnswer: as any command.
    """
    if _answers(link, "AT#XSMVER") is not None:
        raise DialectUnsupported(
            f"{link.name} runs Serial Modem (it answers AT#XSMVER), whose AT commands differ from Serial LTE Modem's:"
            " dialect not supported yet; flash Serial LTE Modem (nRF Connect SDK up to v3.1) to test this board"
        )
    version = _answers(link, "AT#XSLMVER")
    if version is None:
        raise DialectUnsupported(
            f"{link.name} answers AT, but not AT#XSLMVER: it does not run Serial LTE Modem; flash that firmware, or"
            " name the port that speaks it"
        )
    versions = version.one("#XSLMVER")
    return Identity(
        manufacturer=_bare(link, "AT+CGMI"),
        part=_bare(link, "AT+CGMM"),
        modem_firmware=_bare(link, "AT+CGMR"),
        hardware=_field(link, "AT%HWVERSION", "%HWVERSION"),
        slm_version=versions[0],
        ncs_version=versions[1] if len(versions) > 1 else "",
        imei=_bare(link, "AT+CGSN"),
        imsi=_bare(link, "AT+CIMI"),
        iccid=_field(link, "AT%XICCID", "%XICCID"),
        uuid=_field(link, "AT#XUUID", "#XUUID"),
    )


def with_sim(link: AtLink, identity: Identity) -> Identity:
    """The same with what the SIM says, which can be read once it has power."""
    return replace(identity, imsi=_bare(link, "AT+CIMI"), iccid=_field(link, "AT%XICCID", "%XICCID"))


def _answers(link: AtLink, command: str) -> Answers | None:
    """The answers, or None when the board answers ERROR: it does not know the command, or has no SIM."""
    try:
        return Answers(link, link.command(command, timeout=5.0))
    except CommandError:
        return None


def _bare(link: AtLink, command: str) -> str:
    try:
        lines = link.command(command, timeout=5.0).lines
    except CommandError:
        return ""
    return lines[0].strip() if lines else ""


def _field(link: AtLink, command: str, prefix: str) -> str:
    answers = _answers(link, command)
    return answers.one(prefix)[0] if answers else ""
