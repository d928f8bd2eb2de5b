"""Samples as bytes: integers, else doubles. Bytes of the same weight stand together, so that they compress well."""

import zlib
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float64]

_LEVEL = 6
_TYPES = ("<u4", "<u8", "<f8")
_EXACT = 2.0**53


def encode(values: Sequence[float] | Floats) -> tuple[str, bytes]:
    """Return the name of the encoding and the bytes; the order is kept."""
    numbers = numpy.asarray(values, dtype=numpy.float64)
    kind = _type_of(numbers)
    stored = numbers.astype(kind)
    shuffled = stored.view(numpy.uint8).reshape(len(stored), stored.itemsize).T
    return kind, zlib.compress(numpy.ascontiguousarray(shuffled).tobytes(), _LEVEL)


def decode(kind: str, data: bytes) -> Floats:
    """Return the values.

    Raises:
        ValueError: The encoding is not known, or the bytes are damaged.
    """
    if kind not in _TYPES:
        raise ValueError(f"samples are encoded as {kind!r}, which this version does not know")
    try:
        plain = zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(f"samples are damaged: {error}") from error
    width = numpy.dtype(kind).itemsize
    if len(plain) % width:
        raise ValueError("samples are damaged: a part of a number is missing")
    stored = numpy.frombuffer(plain, dtype=numpy.uint8).reshape(width, -1).T
    return numpy.ascontiguousarray(stored).view(kind).reshape(-1).astype(numpy.float64)


def _type_of(numbers: Floats) -> str:
    whole = bool(len(numbers)) and bool(numpy.all(numpy.isfinite(numbers)))
    whole = whole and bool(numpy.all((numbers >= 0) & (numbers < _EXACT) & (numbers == numpy.floor(numbers))))
    if not whole or bool(numpy.any(numpy.signbit(numbers))):
        return "<f8"
    return "<u4" if float(numbers.max()) < 2**32 else "<u8"
