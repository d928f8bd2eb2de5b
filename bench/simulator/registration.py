"""The registration of a simulated modem: functional mode, search, and how the network answers (3GPP TS 27.007)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bench.simulator.air import Air
from bench.simulator.packet_data import AccessPoint, Contexts
from bench.simulator.radio import IDLE, LOST, OFF

FULL, FLIGHT_OFF_LTE = 1, 21
RADIO_MODES = (FULL, FLIGHT_OFF_LTE)
"""Functional modes in which the modem looks for its network."""
NOT_REGISTERED, HOME, SEARCHING, DENIED = 0, 1, 2, 3


@dataclass(frozen=True)
class SimulatedRegistration:
    """The treatment of a board by the simulated network.

    Attributes:
        delay: seconds until it is registered.
        deny_cause: EMM cause with which the network refuses it; None lets it in.
        pin: PIN of its SIM.
        reset_loop: whether the modem believes in a loop of resets, and so does not attach.
        access_point: the only one that the network knows.
    """

    delay: float = 0.0
    deny_cause: int | None = None
    pin: str = ""
    reset_loop: bool = False
    access_point: AccessPoint = field(default_factory=AccessPoint)


class Registrar:
    """The state of one modem's registration.

    Attributes:
        mode: functional mode.
        status: NOT_REGISTERED, HOME, SEARCHING or DENIED.
        attached: whether the board has an IP address.
        blocked: whether the SIM wants its PIN first.
    """

    def __init__(
        self,
        terms: SimulatedRegistration,
        contexts: Contexts,
        air: Air,
        changed: Callable[[], None],
        refused: Callable[[], None],
    ) -> None:
        """Args: changed: called when the status has changed. refused: called when a search ended with a refusal."""
        self.mode = FULL
        self.status = NOT_REGISTERED
        self.attached = False
        self.blocked = bool(terms.pin)
        self.terms = terms
        self._contexts = contexts
        self._air = air
        self._changed = changed
        self._refused = refused
        self._covered = True
        self._search: asyncio.Task[None] | None = None

    @property
    def radio_is_on(self) -> bool:
        """True when the functional mode lets the modem use its radio."""
        return self.mode in RADIO_MODES

    @property
    def _searches(self) -> bool:
        return self._search is not None and not self._search.done()

    def set_mode(self, mode: int) -> None:
        """Enter a functional mode, and look for the network where the mode says so."""
        self.mode = mode
        if self._search:
            self._search.cancel()
        if not self.radio_is_on or self.blocked or self.terms.reset_loop:
            self._become(NOT_REGISTERED)
        elif self.terms.delay <= 0:
            self._end_search()
        else:
            self._become(SEARCHING)
            self._search = asyncio.create_task(self._find())

    def refuse(self, cause: int | None) -> None:
        """Refuse the board with an EMM cause from now on, or let it in again, and tell it so."""
        self.terms = replace(self.terms, deny_cause=cause)
        if self.radio_is_on and not self._searches:
            self.attached = False
            self._end_search()

    def set_coverage(self, *, covered: bool) -> None:
        """Take the network out of reach, or give it back. An attached modem keeps its context and looks for it."""
        self._covered = covered
        if not self.radio_is_on:
            return
        if self.status == HOME and not covered:
            self._become(SEARCHING)
        elif self.status == SEARCHING and covered and not self._searches:
            self._become(HOME)

    def esm_refusal(self) -> int | None:
        """Return the ESM cause with which the network refuses the context; None when it does not."""
        return self._contexts.refusal()

    async def _find(self) -> None:
        await asyncio.sleep(self.terms.delay)
        self._end_search()

    def _end_search(self) -> None:
        if self.esm_refusal() is not None:
            self._become(SEARCHING)
            self._refused()
        elif self.terms.deny_cause is not None:
            self._become(DENIED)
            self._refused()
        else:
            self._become(HOME if self._covered else SEARCHING)

    def _become(self, status: int) -> None:
        changed = status != self.status
        self.status = status
        self.attached = status == HOME or (self.attached and status == SEARCHING)
        if changed:
            state = IDLE if status == HOME else LOST if self.attached else OFF
            self._air.radio.switch(time.monotonic_ns(), state)
            self._changed()
