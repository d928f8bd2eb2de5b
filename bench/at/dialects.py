"""The type of a wire dialect: tables that give lines their meaning, in place of an ``if`` in the parser."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# V.250 section 5.7.1 and 3GPP TS 27.007 section 9.1. CONNECT and RING do not end an answer here.
FINAL_RESULTS = (b"OK", b"ERROR", b"NO CARRIER", b"NO ANSWER", b"NO DIALTONE", b"BUSY")
FINAL_RESULT_PREFIXES = (b"+CME ERROR:", b"+CMS ERROR:")

# 3GPP TS 27.007 sections 10.1.22 and 10.1.30: the read form has <n> before <stat> or <mode>, the URC does not.
MODEM_URC_FORMS: Mapping[bytes, re.Pattern[bytes]] = {
    b"+CEREG": re.compile(rb'\+CEREG: ?\d+(,".*)?$'),
    b"+CSCON": re.compile(rb"\+CSCON: ?\d+$"),
    # The read form has a number, the URC a cell in quotes.
    b"%RAI": re.compile(rb'%RAI: ?".*$'),
}
"""URCs of the modem itself, whatever application runs beside it."""

_COMMAND = re.compile(rb"[Aa][Tt]([+#%&]?[A-Za-z0-9_]*)")
_NEXT_COMMAND = re.compile(rb";([+#%][A-Za-z0-9_]+)")
_QUOTED = re.compile(rb'"[^"]*"')


def command_names(command: bytes) -> tuple[bytes, ...]:
    """Return the names in a command line in upper case without ``AT``: (b"+CFUN", b"+CEREG") for AT+CFUN?;+CEREG?."""
    match = _COMMAND.match(command)
    if match is None:
        return ()
    first = match.group(1).upper()
    if b";" not in command:
        return (first,)
    return (first, *(name.upper() for name in _NEXT_COMMAND.findall(_QUOTED.sub(b"", command))))


@dataclass(frozen=True)
class Dialect:
    """The wire format of one firmware.

    Attributes:
        name: for messages.
        terminator: ends a command; builds of one firmware differ in it.
        answers: command name -> prefixes of its information lines, where they differ from the command's own name.
        payloads: prefix of a line that announces raw bytes -> index of the comma-separated field with their number.
        payload_limit: the largest number that may be announced.
        urc_forms: prefix -> form of the URC, where a command of the same name answers with that prefix too.
        restarts: ends of the lines, which have no prefix, that report a restart of the device. Before them may stand
            what the restart cut off, or what a UART without a driver makes of noise.
        crashes: URCs of the application that report a crash of the modem.
        data_mode_terminator: leaves data mode.
        data_mode_report: prefix of the URC that reports the end of data mode; empty for a firmware without data mode.
    """

    name: str
    terminator: bytes
    answers: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    payloads: Mapping[bytes, int] = field(default_factory=dict)
    payload_limit: int = 65536
    urc_forms: Mapping[bytes, re.Pattern[bytes]] = field(default_factory=dict)
    restarts: tuple[bytes, ...] = ()
    crashes: tuple[bytes, ...] = ()
    data_mode_terminator: bytes = b"+++"
    data_mode_report: bytes = b""

    def prefixes(self, command: bytes) -> frozenset[bytes]:
        """Return the prefixes of the information lines that answer ``command``."""
        found: set[bytes] = set()
        for name in command_names(command):
            found.update(self.answers.get(name, (name,)))
        return frozenset(found)

    def tells_restart(self, line: bytes) -> bool:
        """Return whether a URC reports a restart of the device or a crash of its modem."""
        return line.endswith(self.restarts) or any(crash in line for crash in self.crashes)

    def ending_in(self, terminator: bytes) -> "Dialect":
        """Return the dialect of a build whose commands end in ``terminator``."""
        return replace(self, terminator=terminator)
