"""Transcripts in which known identities are replaced: of devices, contracts, places and hosts.

A made-up value has the length and the form of what it replaces, so that the transcript is read as before. Distances in
time are kept. Payloads are left as they are: a person must look through them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.at.transcript import Entry, concealed

Make = Callable[[bytes], bytes]
"""Makes up a value of the same length."""


def _repeated(pattern: bytes) -> Make:
    return lambda value: (pattern * (len(value) // len(pattern) + 1))[: len(value)]


_ADDRESSES = {
    7: b"0.0.0.0",
    8: b"10.0.0.1",
    9: b"10.0.0.10",
    10: b"10.0.10.10",
    11: b"10.10.10.10",
    12: b"10.10.10.100",
    13: b"10.10.100.100",
    14: b"10.100.100.100",
    15: b"192.168.100.100",
}
_DOCUMENTATION = b"2001:db8::"


def _address(value: bytes) -> bytes:
    return _ADDRESSES[len(value)]


def _address6(value: bytes) -> bytes:
    beginning = _DOCUMENTATION if len(value) > len(_DOCUMENTATION) else b"::"
    return beginning.ljust(len(value), b"1")


def _host(value: bytes) -> bytes:
    """Return a name for a name, and leave an address or a number to the other places."""
    if not re.search(rb"[A-Za-z]", value) or b":" in value:
        return value
    ending = b".example"
    return b"h" * (len(value) - len(ending)) + ending if len(value) > len(ending) else b"h" * len(value)


def _plmn(value: bytes) -> bytes:
    return b"001010"[: len(value)]


def _network(value: bytes) -> bytes:
    return _plmn(value) if value.isdigit() else _name(value)


def _digits(value: bytes) -> bytes:
    """Return the same text with every digit a zero: a date, a position."""
    return re.sub(rb"[0-9]", b"0", value)


_number = _repeated(b"0123456789")
_cell = _repeated(b"0A1B")
_name = _repeated(b"x")
_zeros = _repeated(b"0")


@dataclass(frozen=True)
class _Place:
    """Where values stand: in a part of a line, which group 1 of ``line`` is, each as group 1 of ``value``."""

    line: re.Pattern[bytes]
    value: re.Pattern[bytes]
    make: Make


def _place(line: bytes, make: Make, value: bytes = rb"(.+)") -> _Place:
    return _Place(re.compile(line), re.compile(value, re.DOTALL), make)


_QUOTED = rb'"([^"\r\n]*)"'  # an empty one too, or the text between two strings would be taken for one
_REST = rb"([^\r\n]*)"
_WITH_HOSTS = (
    rb"#X(?:CONNECT|SENDTO|GETADDRINFO|PING|TCPCLI|UDPCLI|HTTPCCON|HTTPCREQ|MQTTCON|MQTTCFG|FTP|TFTP|FOTA|NRFCLOUD|"
    rb"COAPCREQ)[=:] ?" + _REST
)
# In this order: the first that finds a value has it.
_PLACES = (
    # IMEI, IMSI, ICCID, wherever they stand; what stands for them where a run has concealed them.
    _place(rb"%XICCID: ?(\d{17,20}F?)", _number),
    _place(rb"(?<![0-9A-Fa-f])(\d{14,20})(?![0-9A-Fa-f])", _number),
    _place(rb"((?:imei|imsi|iccid|id)-[0-9a-f]+)", _number),
    _place(rb"(cell-[0-9a-f]*)", _cell),
    # Device ids and tokens, telephone numbers, times, positions.
    _place(rb"(?:#XUUID|%DEVICEUUID|%XMODEMUUID): ?\"?([0-9a-fA-F-]+)", _zeros),
    _place(rb"%(?:ATTESTTOKEN|KEYGEN): ?" + _REST, _repeated(b"A"), _QUOTED),
    _place(rb"\+(?:CNUM|CMT|CMGS)[=:] ?" + _REST, _zeros, _QUOTED),
    _place(rb"(?:\+CCLK|%XTIME)[=:] ?" + _REST, _digits, _QUOTED),
    _place(rb"#X(?:GPS|GNSS)[:=] ?" + _REST, _digits),
    # Tracking areas and cells.
    _place(rb'\+CEREG: ?(?:\d,)?\d+,("[0-9A-Fa-f]*","[0-9A-Fa-f]*")', _cell, rb'"([0-9A-Fa-f]+)"'),
    _place(rb'%RAI: ?"([0-9A-Fa-f]+)"', _cell),
    _place(rb'%XMONITOR: ?\d+,(?:"[^"]*",){3}"([0-9A-Fa-f]+)"', _cell),
    _place(rb'%XMONITOR: ?\d+,(?:"[^"]*",){4}\d*,\d*,"([0-9A-Fa-f]+)"', _cell),
    _place(rb'%CONEVAL: ?(?:[^",]*,){6}"([0-9A-Fa-f]+)"', _cell),
    # Operators: names, and the network's code.
    _place(rb'%XMONITOR: ?\d+,("[^"]*","[^"]*")', _name, _QUOTED),
    _place(rb'%XMONITOR: ?\d+,(?:"[^"]*",){2}"(\d+)"', _plmn),
    _place(rb'%RAI: ?"[^"]*","(\d+)"', _plmn),
    _place(rb'%CONEVAL: ?(?:[^",]*,){6}"[^"]*","(\d+)"', _plmn),
    _place(rb"%NCELLMEAS: ?" + _REST, _plmn, rb'"(\d{5,6})"'),
    _place(rb"%NCELLMEAS: ?" + _REST, _cell, rb'"([0-9A-Fa-f]{4}|[0-9A-Fa-f]{7,8})"'),
    _place(rb"(?:\+COPS|%XOPNAME|\+COPN)[=:] ?" + _REST, _network, _QUOTED),
    # Access points, their users, hosts, addresses.
    _place(rb'\+CGDCONT[=:] ?\d+,"[^"]*","([^"]+)"', _host),
    _place(rb"(?:\+CGCONTRDP|%XAPNSTATUS|%XAPNRATE)[=:] ?" + _REST, _host, _QUOTED),
    _place(rb"\+CGAUTH[=:] ?" + _REST, _name, rb'"([^"*]+)"'),
    _place(_WITH_HOSTS, _host, _QUOTED),
    _place(rb"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])", _address),
    _place(rb'"([0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)"', _address6),
    _place(rb'\+CG(?:PADDR|CONTRDP)[:=] ?[^\r\n]*?"(\d{1,3}(?:\.\d{1,3}){15})"', _digits),
)


def anonymous(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with made-up values in place of known identities, and times from 0 on. Notes are left out."""
    traffic = [entry for entry in entries if entry.direction != "note"]
    start = traffic[0].t_ns if traffic else 0
    moved = [
        entry._replace(t_ns=entry.t_ns - start, empty_ns=max(0, entry.empty_ns - start) if entry.empty_ns else 0)
        for entry in traffic
    ]
    return concealed(moved, _make_up)


def _make_up(stream: bytes) -> bytes:
    """Return the bytes of one direction with made-up values."""
    for place in _PLACES:
        stream = place.line.sub(lambda found, place=place: _replaced(found, place), stream)  # type: ignore[misc]
    return stream


def _replaced(found: re.Match[bytes], place: _Place) -> bytes:
    """Return what a pattern has found, with the values in its group 1 replaced."""
    start, end = (position - found.start() for position in found.span(1))
    whole = found.group()
    inner = place.value.sub(lambda value: _one(value, place.make), whole[start:end])
    return whole[:start] + inner + whole[end:]


def _one(found: re.Match[bytes], make: Make) -> bytes:
    start, end = (position - found.start() for position in found.span(1))
    whole = found.group()
    made = make(found.group(1))[: end - start].ljust(end - start, b"0")
    return whole[:start] + made + whole[end:]
