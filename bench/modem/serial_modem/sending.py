"""The forms of #XSEND and #XSENDTO, and what each can carry. "Serial Modem, at_socket"."""

from bench.errors import UsageError

LINE_LIMIT = 8189
"""Characters of the longest command, without its terminator; 4096 in versions 1.0."""
STRING_LIMIT = 3900
"""Bytes that every version takes as a string, also after the longest host name, of 127 characters."""
HEX_LIMIT = 1400
"""Bytes that one #XSEND or #XSENDTO takes as hexadecimal digits."""

_TEXT, _HEX, _DATA_MODE = 0, 1, 2
_NOT_IN_A_STRING = frozenset(b'"\x00\x08\x7f')

Destination = tuple[str, int] | None
"""Address or name, and port, of a datagram; None sends to the connected peer."""


def fits_string(data: bytes) -> bool:
    """Return True for bytes that may stand between quotes: no quote, NUL, backspace or DEL, 3900 at most."""
    return len(data) <= STRING_LIMIT and not _NOT_IN_A_STRING.intersection(data)


def text_command(handle: int, data: bytes, flags: int | None, to: Destination = None) -> bytes:
    """Return the command that sends data as a string.

    Raises:
        UsageError: bytes that no string can carry, or more than a line takes.
    """
    if _NOT_IN_A_STRING.intersection(data):
        raise UsageError("a string holds no quote, NUL, backspace or DEL; use send_hex, or data mode")
    return _whole(_head(handle, _TEXT, flags, to) + b',"%b"' % data)


def hex_command(handle: int, data: bytes, flags: int | None, to: Destination = None) -> bytes:
    """Return the command that sends data as hexadecimal digits.

    Raises:
        UsageError: more than 1400 bytes.
    """
    if len(data) > HEX_LIMIT:
        raise UsageError(f"{len(data)} bytes cannot be sent as hexadecimal digits (at most {HEX_LIMIT}); use data mode")
    return _whole(_head(handle, _HEX, flags, to) + b',"%b"' % data.hex().encode())


def entry_command(handle: int, flags: int | None, to: Destination = None, length: int | None = None) -> bytes:
    """Return the command that enters data mode; with a length, for so many bytes."""
    return _head(handle, _DATA_MODE, flags, to) + (b"" if length is None else b",%d" % length)


def _head(handle: int, mode: int, flags: int | None, to: Destination) -> bytes:
    if to is None:
        return b"AT#XSEND=%d,%d,%d" % (handle, mode, flags or 0)
    return b'AT#XSENDTO=%d,%d,%d,"%b",%d' % (handle, mode, flags or 0, to[0].encode(), to[1])


def _whole(command: bytes) -> bytes:
    if len(command) > LINE_LIMIT:
        raise UsageError(f"a command of {len(command)} characters: the board takes {LINE_LIMIT}; use data mode")
    return command
