"""The results of a transaction: values, and the errors that carry them."""

from dataclasses import dataclass
from typing import NamedTuple

from bench.at.numbers import whole_number
from bench.errors import DeviceError, LabError, Suspect, UsageError


@dataclass(frozen=True, slots=True)
class Urc:
    """An unsolicited result code, the moment its last byte was read (monotonic clock), and the bytes it announced."""

    line: str
    received_ns: int
    payload: bytes | None = None


class Response(NamedTuple):
    """A whole answer. A tuple, for one is made in every transaction and a frozen dataclass takes three times as long.

    Attributes:
        command: as sent, without its terminator, secrets masked.
        lines: information lines without their line ends, decoded as latin-1.
        payload: the raw bytes that a line announced, or None.
        final: the final result code.
        sent_ns: the clock just before the command was written.
        first_byte_ns: the clock just after the read that brought the answer's first byte.
        final_ns: the clock just after the read that brought the final result.
        urcs: those that came in between; still delivered by ``wait_for_urc``.
    """

    command: str
    lines: tuple[str, ...]
    payload: bytes | None
    final: str
    sent_ns: int
    first_byte_ns: int
    final_ns: int
    urcs: tuple[Urc, ...] = ()

    @property
    def ok(self) -> bool:
        """Return True when the final result is OK."""
        return self.final == "OK"

    @property
    def duration_ns(self) -> int:
        """Return the time from the command's write to the read of its final result, in ns."""
        return self.final_ns - self.sent_ns


class CommandError(DeviceError):
    """The device answered ``ERROR``, ``+CME ERROR: n`` or another failure."""

    def __init__(self, message: str, response: Response, *, evidence: str = "") -> None:
        super().__init__(message, evidence=evidence)
        self.response = response

    @property
    def cme(self) -> int | None:
        """Return the number of ``+CME ERROR: n`` or ``+CMS ERROR: n``, if it has one."""
        return whole_number(self.response.final.partition(":")[2])


class CommandTimeout(DeviceError):
    """The device did not end its answer in time."""


class DeviceRestarted(DeviceError):
    """The device restarted by itself, or its modem crashed.

    Attributes:
        said: the line that reported it; empty where it was inferred.
        crashed: only the modem crashed; the application lives.
    """

    def __init__(self, message: str, *, evidence: str = "", said: str = "", crashed: bool = False) -> None:
        super().__init__(message, evidence=evidence)
        self.said = said
        self.crashed = crashed

    @staticmethod
    def what(name: str, *, crashed: bool) -> str:
        """Return how a message begins: ``dk-1's modem crashed``, ``dk-1 restarted by itself``."""
        return f"{name}'s modem crashed" if crashed else f"{name} restarted by itself"


class LinkBlocked(DeviceError):
    """An earlier command still hangs, so the next one could not be sent."""


class MalformedAnswer(DeviceError):
    """The device answered against the rules of its dialect."""


class UrcTimeout(DeviceError):
    """A URC that was waited for did not come."""


class PortNotFound(LabError):
    """There is no such port."""

    suspect = Suspect.HUB
    board_absent = True


class PortBusy(LabError):
    """Another program has the port."""


class PortLost(LabError):
    """The port vanished: unplugged, hung up, or the other end closed."""

    suspect = Suspect.HUB


class LinkState(UsageError):
    """A call that the link's present state does not allow."""


class ReplayMismatch(LabError):
    """The bytes sent differ from those of the replayed transcript."""
