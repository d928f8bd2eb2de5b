"""Records of TLS 1.2 (RFC 5246 section 6.2), DTLS 1.2 (RFC 6347 section 4.1) and with Connection ID (RFC 9146).

Only the parts that can be read without keys: the kind of record, whether a datagram can begin a handshake, its
Connection ID, and alerts that are not encrypted.
"""

from dataclasses import dataclass

ALERT, HANDSHAKE, CID_RECORD = 21, 22, 25
CLIENT_HELLO = 1
_STREAM_HEADER, _DATAGRAM_HEADER = 5, 13
_CID_AT = 11
# Positions in a handshake message with a ClientHello: fragment offset, random, session id.
_FRAGMENT_AT, _HELLO_AT, _RANDOM_AT, _SESSION_ID_AT = 6, 9, 14, 46
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
    """One record on the wire. ``epoch`` is 0 for a stream, whose records have none."""

    type: int
    epoch: int
    body: bytes

    @property
    def alert(self) -> str:
        """The name of a fatal alert that is not encrypted; empty for any other record."""
        if self.type != ALERT or self.epoch or len(self.body) != 2 or self.body[0] != _FATAL:
            return ""
        return ALERTS.get(self.body[1], f"alert {self.body[1]}")


def datagram_records(datagram: bytes, cid_length: int = 0) -> list[Record]:
    """Return the records of a datagram; none when it does not consist of records from its first byte to its last."""
    found = []
    position = 0
    while position < len(datagram):
        header = _DATAGRAM_HEADER + (cid_length if datagram[position] == CID_RECORD else 0)
        begin = position + header
        end = begin + int.from_bytes(datagram[begin - 2 : begin])
        if begin > len(datagram) or end > len(datagram) or datagram[position + 1] != 0xFE:
            return []
        epoch = int.from_bytes(datagram[position + 3 : position + 5])
        found.append(Record(datagram[position], epoch, datagram[begin:end]))
        position = end
    return found


class StreamRecords:
    """A finder of records in a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that ``data`` completes."""
        self._waiting += data
        found = []
        while len(self._waiting) >= _STREAM_HEADER:
            end = _STREAM_HEADER + int.from_bytes(self._waiting[3:5])
            if len(self._waiting) < end:
                break
            found.append(Record(self._waiting[0], 0, bytes(self._waiting[_STREAM_HEADER:end])))
            del self._waiting[:end]
        return found


def client_hello(datagram: bytes) -> bytes | None:
    """Return the random bytes of the unencrypted ClientHello at the start of a datagram (RFC 6347 section 4.2.1).

    None for any other datagram, and for a ClientHello that ends before the end of its cookie. A server remembers a
    stranger only after a ClientHello.
    """
    records = datagram_records(datagram)
    body = records[0].body if records and _is_hello(records[0]) else b""
    if len(body) <= _SESSION_ID_AT or body[_FRAGMENT_AT:_HELLO_AT] != b"\0\0\0":
        return None
    cookie_at = _SESSION_ID_AT + 1 + body[_SESSION_ID_AT]
    if len(body) <= cookie_at or len(body) <= cookie_at + body[cookie_at]:
        return None
    return body[_RANDOM_AT:_SESSION_ID_AT]


def is_hostile(datagram: bytes, cid_length: int) -> bool:
    """Return whether an established association must not see a datagram.

    Such a datagram is not a sequence of records, or holds an unencrypted ClientHello where none may stand. It is not
    authentic, but the library would take it for an error of the association.
    """
    records = datagram_records(datagram, cid_length)
    return not records or any(map(_is_hello, records[1:])) or (_is_hello(records[0]) and client_hello(datagram) is None)


def _is_hello(record: Record) -> bool:
    return record.type == HANDSHAKE and not record.epoch and record.body[:1] == bytes((CLIENT_HELLO,))


def connection_id(datagram: bytes, length: int) -> bytes | None:
    """Return the Connection ID of a datagram's first record (RFC 9146 section 4); None without one of that length."""
    if not length or len(datagram) < _DATAGRAM_HEADER + length or datagram[0] != CID_RECORD:
        return None
    return datagram[_CID_AT : _CID_AT + length]
