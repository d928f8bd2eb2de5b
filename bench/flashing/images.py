"""Image files: read, checked and hashed before any board is touched."""

import hashlib
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.errors import UsageError, in_words
from bench.modem import Identity


class ImageKind(StrEnum):
    """The core of a board that an image is for."""

    APPLICATION = "application"
    MODEM = "modem"


_SUFFIXES = {ImageKind.APPLICATION: (".hex", ".bin", ".elf"), ImageKind.MODEM: (".zip",)}
_OPTIONS = {ImageKind.APPLICATION: "--image", ImageKind.MODEM: "--modem-image"}
_ELF = b"\x7fELF"
_LARGEST = 64 << 20
_HEX_OVERHEAD = 5  # length, two of address, type, checksum


@dataclass(frozen=True)
class Image:
    """An image.

    Attributes:
        path: of its file, absolute.
        kind: the core that it is for.
        sha256: of the file.
        says: what a board must say of itself afterwards; empty where nobody has said that.
    """

    path: Path
    kind: ImageKind
    sha256: str
    says: str = ""

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.path.name

    @property
    def text(self) -> str:
        """The image for a person: ``app.hex (sha256 0123456789ab)``."""
        return f"{self.name} (sha256 {self.sha256[:12]})"


def said_by(identity: Identity, kind: ImageKind) -> str:
    """Return what a board says of the firmware of a core: ``SLM 3.1.0, blue``, ``mfw_nrf91x1_2.0.2``."""
    if kind is ImageKind.MODEM:
        return identity.modem_firmware
    return ", ".join(part for part in (identity.application_text, identity.customer_version) if part)


def is_said(identity: Identity, image: Image) -> bool:
    """Return whether a board says what the image's user wants to hear, or nothing special is wanted."""
    if not image.says:
        return True
    if image.kind is ImageKind.MODEM:
        return image.says == identity.modem_firmware
    spellings = {image.says, identity.dialect.comparable(image.says)}
    return not spellings.isdisjoint(
        {
            identity.application_text,
            identity.application_version,
            identity.customer_version,
            said_by(identity, image.kind),
        }
    )


def read_image(path: Path, kind: ImageKind, *, sha256: str = "", says: str = "") -> Image:
    """Read a file and check it as far as that can be done without a board.

    Args:
        path: of the file.
        kind: what it must be for.
        sha256: that it must have; empty for any.
        says: what a board must say of itself afterwards.

    Raises:
        UsageError: it cannot be read, is empty, is not an image of this kind, or has another digest.
    """
    suffixes = _SUFFIXES[kind]
    if path.suffix.lower() not in suffixes:
        *others, last = suffixes
        known = f"{', '.join(others)} or {last}" if others else last
        raise UsageError(f"{path} is not {_a(kind)} image: its name must end in {known}{_hint(path, kind)}")
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is larger than {_LARGEST >> 20} MB: no image of an nRF91 is")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"image {path} cannot be read: {in_words(error)}") from error
    wrong = _why_no_image(path, data)
    if wrong:
        raise UsageError(f"{path} {wrong}: build it anew, or copy it again")
    digest = hashlib.sha256(data).hexdigest()
    if sha256 and digest != sha256.lower():
        raise UsageError(f"{path} has the SHA-256 {digest}, wanted is {sha256.lower()}: it is another file")
    return Image(path.resolve(), kind, digest, says)


def _a(kind: ImageKind) -> str:
    return f"an {kind}" if kind is ImageKind.APPLICATION else f"a {kind}"


def _hint(path: Path, kind: ImageKind) -> str:
    other = next((each for each, known in _SUFFIXES.items() if each is not kind and path.suffix in known), None)
    return f"; {_a(other)} image is named by {_OPTIONS[other]}" if other else ""


def _why_no_image(path: Path, data: bytes) -> str:
    """Return what is wrong with an image; empty when nothing is."""
    if not data:
        return "is empty"
    match path.suffix.lower():
        case ".hex":
            return _why_no_hex(data)
        case ".elf":
            return "" if data.startswith(_ELF) else "is not an ELF file"
        case ".zip":
            return "" if zipfile.is_zipfile(path) else "is not a ZIP file, or cut off"
    return ""


def _why_no_hex(data: bytes) -> str:
    """Return what is wrong with Intel HEX: records of length, address, type, data, checksum; the last one ends it."""
    kind = -1
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = bytes.fromhex(line.strip().decode("ascii").removeprefix(":"))
        except ValueError:
            return f"is not Intel HEX (line {number})"
        if len(record) < _HEX_OVERHEAD or len(record) != record[0] + _HEX_OVERHEAD or not line.startswith(b":"):
            return f"is not Intel HEX (line {number})"
        if sum(record) & 0xFF:
            return f"is corrupt: the checksum of line {number} is wrong"
        kind = record[3]
    return "" if kind == 1 else "is cut off: its last record does not end it"
