"""The roots of every error that the bench raises. Each class says what it suspects and whether another try helps.

A :class:`UsageError` ends the run with exit code 2, a :class:`LabError` is reported apart and never turns a failure
green, a :class:`DeviceError` fails the test. An error that only one package raises is defined in that package.
"""

import re
from enum import StrEnum
from typing import ClassVar


class Suspect(StrEnum):
    """The part of the lab, or the device, that an error speaks of."""

    HUB = "hub or power"
    PEER = "peer"
    NETWORK = "network"
    CELL = "cell"
    SIM = "SIM"
    DEVICE = "device"
    LAB = "lab"


class BenchError(Exception):
    """An error that the bench reports to its user in words, without a traceback.

    Attributes:
        suspect: what the error speaks of.
        words: the message without its evidence.
    """

    suspect: ClassVar[Suspect] = Suspect.LAB

    def __init__(self, message: str = "", *, evidence: str = "") -> None:
        """Args: evidence: the end of the transcript, or where all of it lies; the last lines of the text."""
        super().__init__(f"{message}\n{evidence}" if evidence else message)
        self.words = message

    @property
    def headline(self) -> str:
        """The first line: the rest is evidence."""
        return headline(str(self))


class UsageError(BenchError):
    """A request that cannot be fulfilled: an argument, a file, a call in the wrong state."""


class InternalError(BenchError):
    """A mistake of the bench itself, which says nothing about anybody's board; made by :mod:`bench.internal_error`."""


class LabError(BenchError):
    """A fault of the lab: port lost, peer down, network gone. Says nothing about the device under test.

    Attributes:
        permanent: no further try helps until a person acts: the board is given up at once, the test is not tried a
            second time, and it is no incident, whatever the next two say.
        worth_retry: the test may be tried a second time.
        ends_by_itself: waiting may end the fault, so it can be an incident; otherwise only a person can end it.
        takes_patience: finding the fault out takes long, so each time counts towards giving the board up.
        board_absent: the board was not there, or was in use by somebody else.
    """

    permanent = False
    worth_retry: ClassVar[bool] = True
    ends_by_itself: ClassVar[bool] = True
    takes_patience: ClassVar[bool] = True
    board_absent: ClassVar[bool] = False

    def __init__(self, message: str = "", *, evidence: str = "", permanent: bool | None = None) -> None:
        """Args: permanent: where it is not the same for each error of the class."""
        super().__init__(message, evidence=evidence)
        if permanent is not None:
            self.permanent = permanent


class DeviceError(BenchError):
    """The device's answer, or its silence: what a test is there to find."""

    suspect = Suspect.DEVICE


def headline(text: str) -> str:
    """Return the first line of a message."""
    return text.partition("\n")[0]


def in_words(error: BaseException) -> str:
    """Return what an exception says, for a person who does not read Python."""
    if isinstance(error, OSError) and error.strerror:
        return _NUMBER.sub("", error.strerror)
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]!r} is missing or unknown"
    return _NUMBER.sub("", str(error)) or type(error).__name__


_NUMBER = re.compile(r"\[Errno -?\d+\] ")
