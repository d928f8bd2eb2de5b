"""SLM's data mode: its settings, #XDATACTRL, and the commands that enter it. Data mode page of the documentation."""

import re
from dataclasses import dataclass

from bench.modem.answers import fields_in


@dataclass(frozen=True, slots=True)
class DataModeEntry:
    """A command that enters data mode when it has no data.

    Attributes:
        name: in capitals, without ``AT``.
        data: which parameter has the data, counted from 0.
        operation: the first parameter, in capitals, of commands that do several things; empty for any.
    """

    name: str
    data: int
    operation: str = ""


# The pages of sockets, TCP and UDP clients, MQTT, FTP and nRF Cloud. #XHTTPCREQ is not among them: its data mode begins
# with a URC, not with its OK.
ENTRIES = (
    DataModeEntry("#XSEND", 0),
    DataModeEntry("#XSENDTO", 2),
    DataModeEntry("#XTCPSEND", 0),
    DataModeEntry("#XUDPSEND", 0),
    DataModeEntry("#XMQTTPUB", 1),
    DataModeEntry("#XFTP", 2, "PUT"),
    DataModeEntry("#XFTP", 2, "MPUT"),
    DataModeEntry("#XFTP", 1, "UPUT"),
    DataModeEntry("#XNRFCLOUD", 1, "2"),
)
"""The commands whose OK enters data mode."""

_FORM = re.compile(rb"\s*AT(#[A-Z]+)(?:=(?!\?$)(.*))?$", re.IGNORECASE | re.DOTALL)


def slm_enters_data_mode(command: bytes) -> bool:
    """Return True for a command whose OK enters data mode: one that could have data, and has none."""
    form = _FORM.match(command)
    if form is None:
        return False
    name, fields = form[1].decode().upper(), fields_in((form[2] or b"").decode("latin-1"))
    return any(
        entry.name == name
        and entry.operation in ("", fields[0].upper())
        and not "".join(fields[entry.data : entry.data + 1])
        for entry in ENTRIES
    )
