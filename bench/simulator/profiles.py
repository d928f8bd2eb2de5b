"""What differs between firmware versions and between board models, as rows.

A row's source: slm-3.1 is the recorded AT layer of nRF Connect SDK v3.1; slm-2.9 is 3.1 but for the rows that cite
another source; page is the vendor's reference page to the letter.
"""

import re
from dataclasses import dataclass, replace

from bench.errors import UsageError


@dataclass(frozen=True)
class Firmware:
    """One firmware version.

    Attributes:
        sockets: how many sockets #XSOCKET opens.
        handles: descriptors that sockets and accepted connections share.
        blank_line: whether an empty line stands between an information line and the final result.
        socket_test_glued: whether the answer of AT#XSOCKET=? lacks its last line end.
        accept_read_prefix: prefix of the answer to AT#XACCEPT?.
        select_test: whether AT#XSOCKETSELECT=? is answered OK though documented as not supported.
        accepted_has_no_timeout: whether #XRECV on a server sets its timeout on the listening socket, in vain.
        repeats_first_address: whether #XGETADDRINFO with several addresses repeats the first.
        command_limit: the longest command in characters.
        string_limit: the longest string that #XSEND takes.
        receive_limit: the most bytes that one #XRECV gives.
        data_mode_buffer: bytes that data mode collects before it sends.
        terminator: what ends a command in this build: CR LF, CR or LF.
        reports_flushes: whether data mode prints the size of each flush (CONFIG_SLM_DATAMODE_URC).
        minimum_time_limit: the least time limit of data mode in ms (115200 baud, 256-byte receive buffer).
    """

    name: str
    version: str
    sockets: int = 7
    handles: int = 8
    blank_line: bool = True
    socket_test_glued: bool = True
    accept_read_prefix: str = "#XTCPACCEPT"
    select_test: bool = True
    accepted_has_no_timeout: bool = True
    repeats_first_address: bool = True
    command_limit: int = 4096
    string_limit: int = 1024
    receive_limit: int = 2048
    data_mode_buffer: int = 4096
    minimum_time_limit: int = 32
    terminator: bytes = b"\r\n"
    reports_flushes: bool = False


_SLM_3_1 = Firmware("slm-3.1", '"3.1.0","3.1.0-host"')

FIRMWARE = {
    row.name: row
    for row in (
        _SLM_3_1,
        # NCS v2.x: SLM_MAX_SOCKET_COUNT is CONFIG_POSIX_OPEN_MAX, 8; from v3.1 one descriptor is kept for #XAPOLL.
        replace(_SLM_3_1, name="slm-2.9", version='"2.9.0","2.9.0"', sockets=8),
        replace(
            _SLM_3_1,
            name="page",
            version='"0.0.0","0.0.0"',  # a document, not a firmware: no known issue of one applies
            sockets=8,
            handles=16,
            blank_line=False,
            socket_test_glued=False,
            accept_read_prefix="#XACCEPT",
            select_test=False,
            accepted_has_no_timeout=False,
            repeats_first_address=False,
        ),
    )
}


@dataclass(frozen=True)
class Model:
    """What a board of one kind answers about itself."""

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
    """What a version of the modem firmware can do with secure sockets.

    Attributes:
        suite_used: tells the cipher suite that was agreed on.
        gcm: knows the AES-GCM suites.
        connection_id: knows DTLS Connection ID.
        rai_urc: tells what release assistance the cell knows (AT%RAI=2).
    """

    suite_used: bool
    gcm: bool
    connection_id: bool
    rai_urc: bool


# The first version of the modem firmware that can do it (Socket AT commands page; modem library documentation).
_SINCE = {"suite_used": (2, 0, 0), "gcm": (2, 0, 0), "connection_id": (1, 3, 5), "rai_urc": (2, 0, 2)}
_MODEM_FIRMWARE = re.compile(r"mfw_nrf91\w\w_(\d+)\.(\d+)\.(\d+)$")


def capabilities_of(modem_firmware: str) -> Capabilities:
    """What a modem firmware can do.

    Raises:
        UsageError: its name is not of the form ``mfw_nrf9160_1.3.7``.
    """
    match = _MODEM_FIRMWARE.match(modem_firmware)
    if match is None:
        raise UsageError(f"--modem-firmware {modem_firmware}: write it as mfw_nrf9160_1.3.7 or mfw_nrf91x1_2.0.2")
    version = tuple(map(int, match.groups()))
    return Capabilities(**{name: version >= first for name, first in _SINCE.items()})


MODELS = {
    model.name: model
    for model in (
        Model("nrf9151dk", "nRF9151-LACA", "mfw_nrf91x1_2.0.2", "nRF9151 LACA A0A"),
        Model("nrf9161dk", "nRF9161-LACA", "mfw_nrf91x1_2.0.2", "nRF9161 LACA A0A"),
        Model("nrf9160dk", "nRF9160-SICA", "mfw_nrf9160_1.3.7", "nRF9160 SICA B1A"),
        Model("thingy91", "nRF9160-SICA", "mfw_nrf9160_1.3.7", "nRF9160 SICA B1A"),
        Model("thingy91x", "nRF9151-LACA", "mfw_nrf91x1_2.0.2", "nRF9151 LACA A0A"),
    )
}
