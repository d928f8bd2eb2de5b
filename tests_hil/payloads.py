"""Payloads in which a mistake shows."""


def numbered(size: int) -> bytes:
    """Return bytes in which a lost, doubled or moved piece shows; none that a string cannot carry."""
    return b"".join(b"%07d " % number for number in range(size // 8 + 1))[:size]
