"""The ways in which the simulated firmware refuses a command."""


class Refused(Exception):
    """The firmware cannot do what a command asks for: the command answers ERROR."""


class AtError(Refused):
    """ERROR, with ``lines`` before it."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


class CmeError(AtError):
    """+CME ERROR with a number, where AT+CMEE=1 asks for it (3GPP TS 27.007 section 9.2)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
