"""Firmware dialects as tables: what a line means depends on the firmware, never on an ``if`` in the parser."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# V.250 section 5.7.1 and 3GPP TS 27.007 section 9.1. CONNECT and RING are no ends of an answer here.
FINAL_RESULTS = (b"OK", b"ERROR", b"NO CARRIER", b"NO ANSWER", b"NO DIALTONE", b"BUSY")
FINAL_RESULT_PREFIXES = (b"+CME ERROR:", b"+CMS ERROR:")

_COMMAND = re.compile(rb"[Aa][Tt]([+#%&]?[A-Za-z0-9_]*)")
_NEXT_COMMAND = re.compile(rb";([+#%][A-Za-z0-9_]+)")
_QUOTED = re.compile(rb'"[^"]*"')


def command_names(command: bytes) -> tuple[bytes, ...]:
    """The names in a command line, upper case, without ``AT``: (b"+CFUN", b"+CEREG") for AT+CFUN?;+CEREG?."""
    match = _COMMAND.match(command)
    if match is None:
        return ()
    first = match.group(1).upper()
    if b";" not in command:
        return (first,)
    return (first, *(name.upper() for name in _NEXT_COMMAND.findall(_QUOTED.sub(b"", command))))


@dataclass(frozen=True)
class Dialect:
    """How one firmware speaks.

    Attributes:
        terminator: what ends a command.
        answers: command name -> prefixes of its information lines, where they are not the command's own name.
        payloads: prefix of a line that announces raw bytes -> which of its comma-separated fields is their number.
        payload_limit: the largest number that may be announced.
        urc_forms: prefix -> form of the URC, where a command of the same name answers with that prefix too.
        bare_urcs: URCs without a prefix.
        restarts: beginnings of URCs that say that the device has restarted, or its modem has crashed.
        secrets: command name -> pattern whose groups must never be written down.
        data_mode_terminator: what leaves data mode.
        data_mode_report: prefix of the line that says that data mode has ended.
    """

    name: str
    terminator: bytes
    answers: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    payloads: Mapping[bytes, int] = field(default_factory=dict)
    payload_limit: int = 65536
    urc_forms: Mapping[bytes, re.Pattern[bytes]] = field(default_factory=dict)
    bare_urcs: frozenset[bytes] = frozenset()
    restarts: tuple[bytes, ...] = ()
    secrets: Mapping[bytes, re.Pattern[bytes]] = field(default_factory=dict)
    data_mode_terminator: bytes = b"+++"
    data_mode_report: bytes = b"#XDATAMODE"

    def prefixes(self, command: bytes) -> frozenset[bytes]:
        """The prefixes of the information lines that answer ``command``."""
        found: set[bytes] = set()
        for name in command_names(command):
            found.update(self.answers.get(name, (name,)))
        return frozenset(found)

    def masked(self, command: bytes) -> bytes:
        """The command with its secrets replaced by asterisks, length kept."""
        for name in command_names(command):
            pattern = self.secrets.get(name)
            match = pattern.search(command) if pattern else None
            if match:
                start, end = match.span(1)
                command = command[:start] + b"*" * (end - start) + command[end:]
        return command


SLM = Dialect(
    name="Serial LTE Modem",
    terminator=b"\r\n",
    answers={
        b"#XACCEPT": (b"#XACCEPT", b"#XTCPACCEPT"),
        b"#XSSOCKET": (b"#XSSOCKET", b"#XSOCKET"),
    },
    payloads={b"#XRECV": 0, b"#XRECVFROM": 0},
    # 3GPP TS 27.007 sections 10.1.22 and 10.1.30: the read form has <n> before <stat> or <mode>, the URC has not.
    urc_forms={
        b"+CEREG": re.compile(rb'\+CEREG: ?\d+(,".*)?$'),
        b"+CSCON": re.compile(rb"\+CSCON: ?\d+$"),
        # The read form has a number, the URC a cell in quotes.
        b"%RAI": re.compile(rb'%RAI: ?".*$'),
    },
    bare_urcs=frozenset((b"Ready", b"INIT ERROR")),
    restarts=(b"Ready", b"INIT ERROR", b"#XMODEM: FAULT"),
    secrets={
        # The content (and the password) of a credential; a PIN; the password of a packet data context.
        b"%CMNG": re.compile(rb'(?s)%CMNG=0,\d+,\d+,"(.*)"', re.IGNORECASE),
        b"+CPIN": re.compile(rb"\+CPIN=(.+)", re.IGNORECASE),
        b"+CGAUTH": re.compile(rb"\+CGAUTH=\d+,\d+,(.+)", re.IGNORECASE),
    },
)

SLM_CR = replace(SLM, name="Serial LTE Modem, CR build", terminator=b"\r")
