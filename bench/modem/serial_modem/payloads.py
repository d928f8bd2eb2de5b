"""Received data, which Serial Modem gives as raw bytes or as hexadecimal digits."""

import re

from bench.at import MalformedAnswer, Response
from bench.modem.answers import Answers
from bench.modem.serial_modem.rows import of_handle
from bench.modem.socket_values import Received

RAW, HEX = 0, 1
"""The modes in which data are received."""

# Two a byte, in lower case.
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
        raise MalformedAnswer(f"{what}: expected hexadecimal digits in lower case, {payload[:40]!r} came")
    data = bytes.fromhex(payload.decode("ascii")) if in_hex else payload
    if len(data) != size:
        raise MalformedAnswer(f"{what} announced {size} bytes and gave {len(data)}")
    return data


def received(answers: Answers, response: Response, prefix: str, handle: int, *, in_hex: bool) -> Received:
    """Return the value of a receive: ``<prefix>: <handle>,<mode>,<size>``, with the sender for #XRECVFROM.

    Raises:
        MalformedAnswer: another handle, mode or number of bytes.
    """
    if not answers.lines(prefix):
        return Received(b"", None, response)
    with_source = prefix == "#XRECVFROM"
    mode, count, *source = of_handle(answers, prefix, handle, 4 if with_source else 2)
    asked = HEX if in_hex else RAW
    if answers.number(mode, "the mode") != asked:
        answers.refuse(f"{prefix} in mode {asked}")
    size = answers.number(count, "the size")
    data = data_of(response.payload or b"", size, in_hex=in_hex, what=response.command)
    return Received(data, (source[0], answers.number(source[1], "the port")) if with_source else None, response)
