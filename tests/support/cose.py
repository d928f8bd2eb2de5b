"""The receiving side of a modem's signed messages: a reader of CBOR (RFC 8949) and COSE_Sign1 (RFC 9052).

It shares nothing with the simulator's encoder.
"""

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

SELF_DESCRIBED, SIGN1 = 55799, 18


@dataclass(frozen=True)
class Tagged:
    """A value with a tag of CBOR."""

    tag: int
    value: Any


@dataclass(frozen=True)
class Signed:
    """``body.signature`` as %KEYGEN and %ATTESTTOKEN answer it."""

    body: bytes
    protected: bytes
    key_id: Any
    payload: bytes | None
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> "Signed":
        """Takes the text between the quotes apart."""
        body, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
        cose = decode(signature)
        assert cose.tag == SIGN1
        protected, unprotected, payload, numbers = cose.value
        assert decode(protected) == {1: -7}, "ES256"
        assert list(unprotected) == [4]
        return cls(body, protected, decode(unprotected[4]), payload, numbers)

    def verify(self, key: ec.EllipticCurvePublicKey) -> None:
        """Raises InvalidSignature if another key signed. Real modems sign the body as COSE's external data."""
        payload = b"\xf6" if self.payload is None else _bytes(self.payload)
        signed = b"\x84\x6aSignature1" + _bytes(self.protected) + _bytes(self.body) + payload
        r, s = (int.from_bytes(self.signature[part], "big") for part in (slice(32), slice(32, 64)))
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def decode(data: bytes) -> Any:  # noqa: ANN401 - it is whatever was encoded
    """The value of a whole CBOR text."""
    value, rest = _take(data)
    assert rest == b""
    return value


def message(data: bytes) -> list[Any]:
    """The fields of a message that says of itself that it is CBOR."""
    outer = decode(data)
    assert outer.tag == SELF_DESCRIBED
    fields: list[Any] = outer.value
    return fields


def _bytes(text: bytes) -> bytes:
    length = len(text)
    if length < 24:
        return bytes([0x40 | length]) + text
    return (b"\x58" + bytes([length]) if length < 256 else b"\x59" + length.to_bytes(2, "big")) + text


def _take(data: bytes) -> tuple[Any, bytes]:
    major, number, rest = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        return {22: None}[number], rest
    if number >= 24:
        size = 1 << number - 24
        number, rest = int.from_bytes(rest[:size], "big"), rest[size:]
    if major in (0, 1):
        return (-1 - number if major else number), rest
    if major in (2, 3):
        assert len(rest) >= number
        text = rest[:number]
        return (text.decode() if major == 3 else text), rest[number:]
    items = []
    for _ in range({4: number, 5: 2 * number, 6: 1}[major]):
        item, rest = _take(rest)
        items.append(item)
    if major == 6:
        return Tagged(number, items[0]), rest
    return (dict(zip(items[::2], items[1::2], strict=True)) if major == 5 else items), rest
