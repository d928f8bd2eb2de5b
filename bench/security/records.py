"""Records of TLS 1.2 (RFC 5246 section 6.2), DTLS 1.2 (RFC 6347 section 4.1) and with Connection ID (RFC 9146).

Only what can be read without keys: which record it is, whether a datagram can begin a handshake, whose Connection ID it
carries, and alerts that go in the clear.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, CID_RECORD = 20, 21, 22, 23, 25
CLIENT_HELLO = 1
_STREAM_HEADER, _DATAGRAM_HEADER = 5, 13
_CID_AT = 11
_FATAL = 2

# RFC 5246 section 7.2, RFC 4279 section 2, RFC 6066 section 9.
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    110: "unsupported_extension",
    112: "unrecognized_name",
    115: "unknown_psk_identity",
    120: "no_application_protocol",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands on the wire. ``epoch`` is 0 for a stream, whose records do not tell it."""

    type: int
    epoch: int
    body: bytes

    @property
    def alert(self) -> str:
        """The name of a fatal alert that goes in the clear; empty for everything else."""
        if self.type != ALERT or self.epoch or len(self.body) != 2 or self.body[0] != _FATAL:
            return ""
        return ALERTS.get(self.body[1], f"alert {self.body[1]}")


def datagram_records(datagram: bytes, cid_length: int = 0) -> Iterator[Record]:
    """The records of one datagram; stops at the first thing that is none."""
    position = 0
    while position + _DATAGRAM_HEADER <= len(datagram):
        kind = datagram[position]
        header = _DATAGRAM_HEADER + (cid_length if kind == CID_RECORD else 0)
        size = int.from_bytes(datagram[position + header - 2 : position + header])
        end = position + header + size
        if datagram[position + 1] != 0xFE or end > len(datagram):
            return
        epoch = int.from_bytes(datagram[position + 3 : position + 5])
        yield Record(kind, epoch, datagram[position + header : end])
        position = end


class StreamRecords:
    """Finds records in a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[Record]:
        """The records that ``data`` completes."""
        self._waiting += data
        found = []
        while len(self._waiting) >= _STREAM_HEADER:
            end = _STREAM_HEADER + int.from_bytes(self._waiting[3:5])
            if len(self._waiting) < end:
                break
            found.append(Record(self._waiting[0], 0, bytes(self._waiting[_STREAM_HEADER:end])))
            del self._waiting[:end]
        return found


def starts_handshake(datagram: bytes) -> bool:
    """Whether a datagram begins with a ClientHello in the clear: nothing else makes a server remember a stranger."""
    return (
        len(datagram) > _DATAGRAM_HEADER + 12
        and datagram[0] == HANDSHAKE
        and datagram[1] == 0xFE
        and datagram[3:5] == b"\0\0"
        and datagram[_DATAGRAM_HEADER] == CLIENT_HELLO
    )


def connection_id(datagram: bytes, length: int) -> bytes | None:
    """The Connection ID of a datagram's first record (RFC 9146 section 4); None when it carries none of that length."""
    if not length or len(datagram) < _DATAGRAM_HEADER + length or datagram[0] != CID_RECORD:
        return None
    return datagram[_CID_AT : _CID_AT + length]
