"""How a simulated board takes its time, what its SIM is, and what is wrong with it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bench.errors import UsageError

_CS_NOT_AVAILABLE = 18
"""EMM cause of a combined attach that was granted for packet data only (3GPP TS 24.301 section 5.5.1.3.4.3)."""


class SimKind(StrEnum):
    """The state of the SIM, beside its PIN."""

    READY = "ready"
    MISSING = "missing"
    INACTIVE = "inactive"
    """Inserted, but not activated by its operator: it reads as a missing one."""


@dataclass(frozen=True)
class VisitedNetwork:
    """A network that the board finds.

    Attributes:
        plmn: mobile country and network code.
        cause: EMM cause that it gives; None for none. Every cause but 18 refuses the board.
    """

    plmn: str = "00101"  # the test network of 3GPP TS 23.003
    cause: int | None = None

    @property
    def admits(self) -> bool:
        """Whether it lets the board in."""
        return self.cause is None or self.cause == _CS_NOT_AVAILABLE

    @classmethod
    def parse(cls, text: str) -> "VisitedNetwork":
        """Return the network of a text such as ``00101`` or ``24201:11``.

        Raises:
            UsageError: it is not a PLMN, or not one with a cause.
        """
        match = re.fullmatch(r"([0-9]{5,6})(?::([0-9]{1,3}))?", text)
        if match is None or int(match[2] or 0) > 255:
            raise UsageError(f"{text!r}: write PLMN or PLMN:CAUSE, such as 24201 or 24201:11")
        return cls(match[1], None if match[2] is None else int(match[2]))


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of a board. The default is a board that answers at once and has nothing wrong.

    Attributes:
        boot: seconds from a reset until the firmware says that it is ready.
        radio_on: whether its build switches the radio on after a reset.
        detach: seconds that it takes to leave the network.
        sim: the state of its SIM.
        sim_boot: seconds that the SIM takes to answer after it got power.
        brown_out: seconds from the first transmission of an attach until the supply gives way; None for a good supply.
        dead_core: whether the modem core refuses every command.
        noise: whether a restart leaves half a line and rubbish on the UART.
        reports_steps: whether it reports each step of an attach, and leaves out what real networks do not tell.
    """

    boot: float = 0.0
    radio_on: bool = True
    detach: float = 0.0
    sim: SimKind = SimKind.READY
    sim_boot: float = 0.0
    brown_out: float | None = None
    dead_core: bool = False
    noise: bool = False
    reports_steps: bool = False


REALISTIC = Behaviour(boot=1.6, radio_on=False, detach=2.0, sim_boot=0.8, reports_steps=True)
"""A board with the default build of Serial LTE Modem, as recorded."""
REALISTIC_SEARCH = 2.5
"""Seconds from CFUN=1 to registered in a network that the modem knows, as recorded."""
