"""Images for simulated boards: a text that says what a board is after it was programmed with it.

The text is TOML. Its last line is a comment with the SHA-256 of all lines before it, so that a corrupt image is found::

    kind = "application"          # or "modem"
    firmware = "slm-3.1"          # an application: the row of bench.simulator.dialects that it behaves like
    version = "3.1.1"             # what it says of its version; of a modem: mfw_nrf91x1_2.0.3
    customer = "blue"             # optional: its customer version

    [faults]                      # optional, of an application
    refuses = ["#XGETADDRINFO"]   # commands that it does not have: every form answers ERROR
    slower = 0.15                 # each command takes so much longer, as a part of its own time in the firmware
    wipes = true                  # the board's credentials are gone when it was programmed
    silent = true                 # it does not start: the board does not come back
    # sha256: 5d1b...

In a file ``.hex`` the text stands as Intel HEX, in a ``.zip`` (modem firmware) as the member ``image.toml``, in any
other file as it is. ``python -m bench.simulator.programmer image FILE --version 3.1.1`` writes one.
"""

import hashlib
import io
import json
import tomllib
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.simulator.dialects import FIRMWARES, SimulatedFirmware
from bench.simulator.models import capabilities_of
from bench.simulator.profiles import Faults

APPLICATION, MODEM = "application", "modem"
_MEMBER = "image.toml"
_MARK = b"# sha256: "
_HEX_BYTES = 16
_DATA, _END = 0, 1
_LARGEST = 1 << 20
_NAMES = {"kind", "firmware", "version", "customer", "faults"}


class BadImage(Exception):
    """A file that no simulated board can run: corrupt, cut off, or for real hardware."""


@dataclass(frozen=True)
class SimulatedImage:
    """An image.

    Attributes:
        kind: ``application`` or ``modem``.
        version: what the board says afterwards.
        firmware: of an application, the name of the firmware that it behaves like.
        customer: its customer version; empty for none.
        faults: what is wrong with it.
        silent: whether it does not start.
        wipes: whether the board loses its credentials by it.
    """

    kind: str
    version: str
    firmware: str = "slm-3.1"
    customer: str = ""
    faults: Faults = field(default_factory=Faults)
    silent: bool = False
    wipes: bool = False

    @property
    def application(self) -> SimulatedFirmware:
        """The firmware of an application."""
        base = FIRMWARES[self.firmware]
        sdk = base.profile.version.split(",")[1]
        fields = [f'"{self.version}"', sdk, *([f'"{self.customer}"'] if self.customer else [])]
        return replace(base, profile=replace(base.profile, version=",".join(fields), faults=self.faults))

    def encode(self) -> bytes:
        """Return its text with the checksum."""
        rows: dict[str, object] = {"kind": self.kind, "version": self.version}
        if self.kind == APPLICATION:
            rows["firmware"] = self.firmware
        if self.customer:
            rows["customer"] = self.customer
        lines = [f"{name} = {json.dumps(value)}" for name, value in rows.items()]
        lines += [
            "[faults]",
            f"refuses = {json.dumps(list(self.faults.refuses))}",
            f"slower = {float(self.faults.slower)}",
            f"silent = {json.dumps(self.silent)}",
            f"wipes = {json.dumps(self.wipes)}",
        ]
        text = "".join(f"{line}\n" for line in lines).encode()
        return text + _MARK + hashlib.sha256(text).hexdigest().encode() + b"\n"

    @classmethod
    def decode(cls, text: bytes) -> "SimulatedImage":
        """Return the image of a text.

        Raises:
            BadImage: it is corrupt, or not one.
        """
        content, mark, told = text.rpartition(_MARK)
        if not mark:
            raise BadImage("not an image of a simulated board, or cut off: its last line is not '# sha256: ...'")
        if hashlib.sha256(content).hexdigest().encode() != told.strip():
            raise BadImage("corrupt: its checksum is another one than it says")
        try:
            return _image_of(tomllib.loads(content.decode()))
        except (ValueError, KeyError, TypeError, UsageError) as error:
            raise BadImage(f"not an image of a simulated board: {error}") from error


def _image_of(rows: dict[str, Any]) -> SimulatedImage:
    unknown = set(rows) - _NAMES
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]}")
    faults = rows.get("faults", {})
    image = SimulatedImage(
        kind=rows["kind"],
        version=str(rows["version"]),
        firmware=rows.get("firmware", "slm-3.1"),
        customer=str(rows.get("customer", "")),
        faults=Faults(tuple(map(str, faults.get("refuses", ()))), float(faults.get("slower", 0.0))),
        silent=faults.get("silent", False) is True,
        wipes=faults.get("wipes", False) is True,
    )
    if image.kind not in (APPLICATION, MODEM):
        raise ValueError(f"kind {image.kind!r} is neither {APPLICATION} nor {MODEM}")
    if image.kind == MODEM:
        capabilities_of(image.version)
    elif image.firmware not in FIRMWARES:
        raise ValueError(f"unknown firmware {image.firmware!r}; available: {', '.join(FIRMWARES)}")
    return image


def write_image(path: Path, image: SimulatedImage) -> None:
    """Write an image into a file, in the form that its suffix asks for."""
    path.write_bytes(_FORMS.get(path.suffix, _plain)(image.encode()))


def read_image(path: Path) -> SimulatedImage:
    """Return the image of a file.

    Raises:
        BadImage: it is corrupt, or not an image of a simulated board.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST)
    if path.suffix == ".hex":
        data = _from_hex(data)
    elif path.suffix == ".zip":
        data = _from_zip(data)
    return SimulatedImage.decode(data)


def _plain(text: bytes) -> bytes:
    return text


def _to_hex(text: bytes) -> bytes:
    """Return bytes as Intel HEX: records of a length, an address, a type, data and a checksum."""
    rows = [
        _record(address, _DATA, text[address : address + _HEX_BYTES]) for address in range(0, len(text), _HEX_BYTES)
    ]
    return b"".join([*rows, _record(0, _END, b"")])


def _record(address: int, kind: int, data: bytes) -> bytes:
    row = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return b":" + (row + bytes([-sum(row) & 0xFF])).hex().upper().encode() + b"\n"


def _from_hex(data: bytes) -> bytes:
    text = bytearray()
    for number, line in enumerate(data.split(), 1):
        try:
            row = bytes.fromhex(line.decode().removeprefix(":"))
        except ValueError as error:
            raise BadImage(f"line {number} is not Intel HEX") from error
        if len(row) < 5 or len(row) != row[0] + 5 or sum(row) & 0xFF:
            raise BadImage(f"line {number} is not Intel HEX, or corrupt")
        if row[3] == _DATA:
            text += row[4:-1]
    return bytes(text)


def _to_zip(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_MEMBER), text)
    return buffer.getvalue()


def _from_zip(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(_MEMBER)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise BadImage(f"not a modem firmware of a simulated board: {error}") from error


_FORMS = {".hex": _to_hex, ".zip": _to_zip}
