"""The identity of a board, from its own answers."""

from dataclasses import dataclass, replace

from bench.at import AtLink, CommandError
from bench.config.firmware import application_text
from bench.modem.dialects import FirmwareDialect, answers_to, recognise


@dataclass(frozen=True, slots=True)
class Identity:
    """A board's own answers. ``imei``, ``imsi`` and ``iccid`` are secrets of the lab: reports show keyed short ids.

    Attributes:
        dialect: of its application.
        manufacturer: AT+CGMI.
        part: AT+CGMM, such as nRF9151-LACA.
        modem_firmware: AT+CGMR.
        hardware: AT%HWVERSION.
        application_version: AT#XSLMVER of SLM, AT#XSMVER of Serial Modem; in a form that version ranges can compare.
        ncs_version: of the SDK that the application was built with, where it tells.
        imei: AT+CGSN.
        imsi: AT+CIMI; empty without a SIM that is powered.
        iccid: AT%XICCID; empty likewise.
        uuid: AT#XUUID; empty where the firmware has none.
        customer_version: of the build, a third field of the version, where it has one.
    """

    dialect: FirmwareDialect
    manufacturer: str
    part: str
    modem_firmware: str
    hardware: str
    application_version: str
    ncs_version: str
    imei: str
    imsi: str
    iccid: str
    uuid: str
    customer_version: str = ""

    @property
    def application(self) -> str:
        """Return the name of the application, as in configuration and records: ``slm``, ``serial-modem``."""
        return self.dialect.application

    @property
    def application_text(self) -> str:
        """Return the application and its version for people: ``SLM 3.1.0``."""
        return application_text(self.application, self.application_version)


def identify(link: AtLink) -> Identity:
    """Ask a board for its firmware and its identity; the link speaks its dialect from then on.

    Raises:
        DialectUnsupported: it runs a firmware that the bench does not speak.
        CommandTimeout, PortLost, MalformedAnswer: as any command.
    """
    dialect, version = recognise(link)
    return Identity(
        dialect=dialect,
        manufacturer=_bare(link, "AT+CGMI"),
        part=_bare(link, "AT+CGMM"),
        modem_firmware=_bare(link, "AT+CGMR"),
        hardware=_field(link, "AT%HWVERSION", "%HWVERSION"),
        application_version=version[0],
        ncs_version=version[1] if len(version) > 1 else "",
        imei=_bare(link, "AT+CGSN"),
        imsi=_bare(link, "AT+CIMI"),
        iccid=_field(link, "AT%XICCID", "%XICCID"),
        uuid=_field(link, "AT#XUUID", "#XUUID"),
        customer_version=version[2] if len(version) > 2 else "",
    )


def with_sim(link: AtLink, identity: Identity) -> Identity:
    """Return the identity with that of the SIM, which can be read once it has power."""
    return replace(identity, imsi=_bare(link, "AT+CIMI"), iccid=_field(link, "AT%XICCID", "%XICCID"))


def _bare(link: AtLink, command: str) -> str:
    try:
        lines = link.command(command, timeout=5.0).lines
    except CommandError:
        return ""
    return lines[-1].strip() if lines else ""  # before it may stand a line of noise


def _field(link: AtLink, command: str, prefix: str) -> str:
    answers = answers_to(link, command)
    return answers.one(prefix)[0] if answers else ""
