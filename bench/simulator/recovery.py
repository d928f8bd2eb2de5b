"""MCUboot's serial recovery on a simulated board: the Simple Management Protocol over its UART.

Sources: MCUboot, Serial recovery (which commands there are: echo, reset, image list, image upload); SMP specification
of Zephyr's mcumgr: a header of 8 bytes, then CBOR; on a serial line as base64 with length and CRC, a line a piece.
"""

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import cbor2

from bench.simulator.image import BadImage, SimulatedImage
from bench.simulator.journal import Journal
from bench.simulator.uart import Uart

_FIRST, _NEXT = b"\x06\x09", b"\x04\x14"
_HEADER = struct.Struct(">BBHHBB")  # operation and version, flags, length, group, sequence, command
_LENGTH = struct.Struct(">H")
_PIECE = 124  # characters of base64 a line
_OPERATION, _VERSION_BITS = 0x07, 0x18
_OK, _INVALID, _UNSUPPORTED = 0, 3, 8
"""mcumgr error codes: MGMT_ERR_EOK, _EINVAL, _ENOTSUP."""
_LARGEST = 1 << 20


class Group(IntEnum):
    """Groups of commands."""

    OS = 0
    IMAGES = 1


class OsCommand(IntEnum):
    """Commands of the OS group."""

    ECHO = 0
    RESET = 5


class ImageCommand(IntEnum):
    """Commands of the image group."""

    STATE = 0
    UPLOAD = 1


@dataclass
class Recovery:
    """The bootloader of one board, waiting for an image.

    Attributes:
        uart: the board's line.
        journal: its ground truth.
        erase: called when an upload begins: the image of before is gone.
        boot: called with a whole image at a reset; the bootloader ends.
    """

    uart: Uart
    journal: Journal
    erase: Callable[[], None]
    boot: Callable[[SimulatedImage], None]
    _slot: bytearray = field(default_factory=bytearray)
    _expected: int = 0
    _ended: bool = False

    async def run(self) -> None:
        """Serve until a reset with a whole image."""
        self.uart.drop_input()
        pending = b""
        packet = b""
        while not self._ended:
            pending += await self.uart.receive()
            *lines, pending = pending.split(b"\n")
            for line in lines:
                packet = self._take(line.rstrip(b"\r"), packet)

    def _take(self, line: bytes, packet: bytes) -> bytes:
        """Take a line; return what has come of a packet that is not whole yet."""
        if line.startswith(_FIRST):
            packet = line[len(_FIRST) :]
        elif line.startswith(_NEXT) and packet:
            packet += line[len(_NEXT) :]
        else:
            return b""
        try:
            data = base64.b64decode(packet)
        except binascii.Error:
            return packet if len(packet) % 4 else b""
        if len(data) < _LENGTH.size or len(data) < _LENGTH.size + _LENGTH.unpack_from(data)[0]:
            return packet
        frame = data[_LENGTH.size :]
        if (
            len(frame) >= _HEADER.size + _LENGTH.size and binascii.crc_hqx(frame, 0) == 0
        ):  # a frame with its own CRC behind it leaves nothing
            self._serve(frame[: -_LENGTH.size])
        return b""

    def _serve(self, frame: bytes) -> None:
        operation, _, length, group, sequence, command = _HEADER.unpack_from(frame)
        try:
            content = cbor2.loads(frame[_HEADER.size : _HEADER.size + length]) if length else {}
        except (cbor2.CBORDecodeError, ValueError):
            content = None
        answer = self._answer(group, command, content) if isinstance(content, dict) else {"rc": _INVALID}
        body = cbor2.dumps(answer)
        reply = (operation & _VERSION_BITS) | ((operation & _OPERATION) + 1)
        self._send(_HEADER.pack(reply, 0, len(body), group, sequence, command) + body)
        if (group, command) == (Group.OS, OsCommand.RESET):
            self._reset()

    def _answer(self, group: int, command: int, content: dict[str, Any]) -> dict[str, Any]:
        match group, command:
            case (Group.OS, OsCommand.ECHO):
                return {"r": content.get("d", "")}
            case (Group.OS, OsCommand.RESET):
                return {"rc": _OK}
            case (Group.IMAGES, ImageCommand.STATE):
                image = self._image
                if image is None:
                    return {"images": []}
                return {"images": [{"slot": 0, "version": image.version, "hash": bytes(32)}]}
            case (Group.IMAGES, ImageCommand.UPLOAD):
                return self._upload(content)
        return {"rc": _UNSUPPORTED}

    def _upload(self, content: dict[str, Any]) -> dict[str, Any]:
        offset, data = content.get("off"), content.get("data")
        if not isinstance(offset, int) or not isinstance(data, bytes):
            return {"rc": _INVALID}
        if offset == 0:
            length = content.get("len")
            if not isinstance(length, int) or not 0 < length <= _LARGEST:
                return {"rc": _INVALID}
            self.erase()
            self.journal.add("upload", bytes=length)
            self._slot.clear()
            self._expected = length
        if offset == len(self._slot):  # any other piece has come before, or too early: the answer says which is next
            self._slot += data[: self._expected - offset]
        return {"rc": _OK, "off": len(self._slot)}

    @property
    def _image(self) -> SimulatedImage | None:
        """The image in the slot; None while there is none, or one that is not whole."""
        try:
            return SimulatedImage.decode(bytes(self._slot))
        except BadImage:
            return None

    def _reset(self) -> None:
        image = self._image
        if image is not None:
            self._ended = True
            self.boot(image)

    def _send(self, frame: bytes) -> None:
        crc = _LENGTH.pack(binascii.crc_hqx(frame, 0))
        text = base64.b64encode(_LENGTH.pack(len(frame) + len(crc)) + frame + crc)
        for start in range(0, len(text), _PIECE):
            self.uart.send((_NEXT if start else _FIRST) + text[start : start + _PIECE] + b"\n")
