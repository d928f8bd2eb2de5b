"""Rows of a stream, as a test writes them down."""

import msgspec

from bench.evidence.rows import AnyRow


def row(kind: str, **fields: object) -> AnyRow:
    """Return the row that a reader makes of a line with these fields."""
    found: AnyRow = msgspec.convert({"type": kind, **fields}, AnyRow)
    return found
