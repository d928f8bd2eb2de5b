"""The bytes that Serial Modem gives raw, or as hexadecimal digits."""

import re

from bench.at import MalformedAnswer

# Two a byte, in small letters.
_DIGITS = re.compile(rb"(?:[0-9a-f]{2})*")


def data_of(payload: bytes, size: int, *, in_hex: bool, what: str) -> bytes:
    """Return the data of a payload, ``size`` bytes of them.

    Args:
        payload: as it came.
        size: that was announced; hexadecimal digits are two a byte.
        in_hex: whether it came as hexadecimal digits.
        what: the line or the command, for a message.

    Raises:
        MalformedAnswer: another number of bytes came, or other digits.
    """
    if in_hex and _DIGITS.fullmatch(payload) is None:
        raise MalformedAnswer(f"{what}: expected hexadecimal digits in small letters, {payload[:40]!r} came")
    data = bytes.fromhex(payload.decode("ascii")) if in_hex else payload
    if len(data) != size:
        raise MalformedAnswer(f"{what} announced {size} bytes and gave {len(data)}")
    return data
