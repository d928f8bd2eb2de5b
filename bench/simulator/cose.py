"""Signed messages of a modem: as much of CBOR (RFC 8949) and COSE (RFC 9052) as they need."""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

Value = int | bytes | str | None | Sequence["Value"] | Mapping[int, "Value"]
"""What can be encoded."""

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_NULL = b"\xf6"
_LONG_HEADS = {1: 24, 2: 25, 4: 26, 8: 27}
_SELF_DESCRIBED, _SIGN1 = 55799, 18
# Keys and values of a COSE header (RFC 9052 section 3.1, RFC 9053 section 2.1).
_ALGORITHM, _KEY_ID, _ES256 = 1, 4, -7
_COORDINATE = 32


def encode(value: Value) -> bytes:
    """Return a value as CBOR, in its shortest form."""
    match value:
        case None:
            return _NULL
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            text = value.encode()
            return _head(_TEXT, len(text)) + text
        case Mapping():
            return _head(_MAP, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
        case _:
            return _head(_ARRAY, len(value)) + b"".join(map(encode, value))


def message(*fields: Value) -> bytes:
    """Return an array of fields as CBOR that says of itself that it is CBOR."""
    return _head(_TAG, _SELF_DESCRIBED) + encode(fields)


def sign(key: ec.EllipticCurvePrivateKey, key_id: int, body: bytes, payload: bytes | None) -> bytes:
    """Return a COSE_Sign1 of a body, which stands elsewhere, and of a payload in it, by a key of the curve P-256."""
    protected = encode({_ALGORITHM: _ES256})
    # As in a real modem's tokens (README of nRF Cloud's utilities): the body is external data, no payload is null.
    signed = encode(["Signature1", protected, body, payload])
    numbers = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    signature = b"".join(number.to_bytes(_COORDINATE, "big") for number in numbers)
    return _head(_TAG, _SIGN1) + encode([protected, {_KEY_ID: encode(key_id)}, payload, signature])


def _head(major: int, number: int) -> bytes:
    if number < min(_LONG_HEADS.values()):
        return bytes([major << 5 | number])
    size = next(size for size in _LONG_HEADS if number < 1 << 8 * size)
    return bytes([major << 5 | _LONG_HEADS[size]]) + number.to_bytes(size, "big")
