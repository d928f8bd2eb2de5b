"""The AT wire: parser, dialect tables, transport, link and transcript."""

from bench.at.dialects import Dialect
from bench.at.link import AtLink
from bench.at.response import (
    CommandError,
    CommandTimeout,
    DeviceRestarted,
    LinkBlocked,
    LinkState,
    MalformedAnswer,
    PortBusy,
    PortLost,
    PortNotFound,
    ReplayMismatch,
    Response,
    Urc,
    UrcTimeout,
)
from bench.at.serial_modem import SERIAL_MODEM
from bench.at.slm import SLM
from bench.at.transcript import Entry, Transcript, printable
from bench.at.transport import SerialTransport, is_pty, pty_made_ns

__all__ = [
    "SERIAL_MODEM",
    "SLM",
    "AtLink",
    "CommandError",
    "CommandTimeout",
    "DeviceRestarted",
    "Dialect",
    "Entry",
    "LinkBlocked",
    "LinkState",
    "MalformedAnswer",
    "PortBusy",
    "PortLost",
    "PortNotFound",
    "ReplayMismatch",
    "Response",
    "SerialTransport",
    "Transcript",
    "Urc",
    "UrcTimeout",
    "is_pty",
    "printable",
    "pty_made_ns",
]
