"""The registration of a simulated modem: functional mode, search, and how the networks answer (3GPP TS 27.007)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from bench.simulator.air import Air
from bench.simulator.behaviour import Behaviour, VisitedNetwork
from bench.simulator.notices import Notices
from bench.simulator.packet_data import AccessPoint, Contexts
from bench.simulator.radio import IDLE, LOST, OFF
from bench.simulator.sim_card import SimulatedSimCard

FULL, FLIGHT_OFF_LTE = 1, 21
RADIO_MODES = (FULL, FLIGHT_OFF_LTE)
"""Functional modes in which the modem looks for its network."""
NOT_REGISTERED, HOME, SEARCHING, NO_SIM = 0, 1, 2, 90
_PLMN_NOT_ALLOWED = 11
_ONLY_IPV4 = 50


@dataclass(frozen=True)
class SimulatedRegistration:
    """The treatment of a board by the simulated networks.

    Attributes:
        delay: seconds that the modem takes in each network: half of them to find a cell, half to be answered.
        networks: in the order in which it tries them.
        pin: PIN of its SIM.
        reset_loop: whether the modem believes in a loop of resets, and so does not attach.
        access_point: the only one that the networks know.
    """

    delay: float = 0.0
    networks: tuple[VisitedNetwork, ...] = (VisitedNetwork(),)
    pin: str = ""
    reset_loop: bool = False
    access_point: AccessPoint = field(default_factory=AccessPoint)


class Registrar:
    """The state of one modem's registration.

    Attributes:
        mode: functional mode.
        status: NOT_REGISTERED, HOME, SEARCHING or NO_SIM.
        network: of the cell that it has found; None while it has none.
        cause: EMM cause that this network, or one before it, has given.
        attached: whether the board has an IP address.
        selected: PLMN that was selected by hand; empty for automatic selection.
    """

    def __init__(
        self,
        terms: SimulatedRegistration,
        behaviour: Behaviour,
        sim: SimulatedSimCard,
        contexts: Contexts,
        air: Air,
        notices: Notices,
        changed: Callable[[], None],
        brown_out: Callable[[], None],
    ) -> None:
        """Args: changed: called when status, network or cause have changed. brown_out: called when the supply fails."""
        self.mode = FULL
        self.status = NOT_REGISTERED
        self.network: VisitedNetwork | None = None
        self.cause: int | None = None
        self.attached = False
        self.selected = ""
        self.terms = terms
        self._behaviour = behaviour
        self._sim = sim
        self._contexts = contexts
        self._air = air
        self._notices = notices
        self._changed = changed
        self._brown_out = brown_out
        self._covered = True
        self._told: tuple[int, VisitedNetwork | None, int | None] = (NOT_REGISTERED, None, None)
        self._search: asyncio.Task[None] | None = None

    @property
    def radio_is_on(self) -> bool:
        """True when the functional mode lets the modem use its radio."""
        return self.mode in RADIO_MODES

    @property
    def plmn(self) -> str:
        """The network in which the board is registered; empty when it is in none."""
        return self.network.plmn if self.network is not None and self.status == HOME else ""

    @property
    def refused(self) -> bool:
        """True when the last network that was tried has refused the board."""
        return self.status == SEARCHING and self.cause is not None

    def set_mode(self, mode: int) -> None:
        """Enter a functional mode, and look for a network where the mode says so."""
        again = mode == self.mode and self.status == HOME
        self.mode = mode
        if not again:
            self.search()

    def search(self) -> None:
        """Begin anew with the first network, where the mode lets the modem do so."""
        if self._search:
            self._search.cancel()
        self.attached = False
        self.cause = None
        if not self.radio_is_on or self.terms.reset_loop or self._sim.boots:
            self._become(NOT_REGISTERED)
        elif not self._sim.usable:
            self._become(NO_SIM)
        else:
            self._play(self._attach())

    def refuse(self, cause: int | None) -> None:
        """Refuse the board with an EMM cause from now on, or let it in again, and tell it so."""
        networks = tuple(replace(network, cause=cause) for network in self.terms.networks)
        self.terms = replace(self.terms, networks=networks)
        if self.radio_is_on:
            self.search()

    def set_coverage(self, *, covered: bool) -> None:
        """Take the network out of reach, or give it back. An attached modem keeps its context and looks for it."""
        self._covered = covered
        if not self.radio_is_on:
            return
        if self.status == HOME and not covered:
            self._become(SEARCHING)
        elif self.attached and covered:
            self._become(HOME, self.terms.networks[-1])
        elif self.status == SEARCHING:
            self.search()

    def _play(self, steps: Iterator[float]) -> None:
        """Take steps: at once as long as they take no time, then in a task."""
        for seconds in steps:
            if seconds > 0:
                self._search = asyncio.create_task(self._play_slowly(seconds, steps))
                return

    async def _play_slowly(self, seconds: float, steps: Iterator[float]) -> None:
        await asyncio.sleep(seconds)
        for more in steps:
            await asyncio.sleep(more)

    def _attach(self) -> Iterator[float]:
        """Try the networks one after the other; yield the seconds until the next step."""
        half = self.terms.delay / 2
        if self.terms.delay or not self._covered:
            self._become(SEARCHING)
        self._tell_event("SEARCH STATUS 1")
        if not self._covered:
            return
        for network in self.terms.networks:
            yield half
            if self.terms.delay or self._behaviour.brown_out is not None:
                self._become(SEARCHING, network)
            self._tell_event("PRACH CE-LEVEL 0")
            if self._behaviour.brown_out is not None:
                yield self._behaviour.brown_out
                self._brown_out()
                return
            yield half
            if self._is_admitted(network):
                return
        self._tell_event("SEARCH STATUS 2")

    def _is_admitted(self, network: VisitedNetwork) -> bool:
        """Take the answer of a network: registered, or refused by it."""
        esm = self._contexts.refusal()
        if esm is not None:
            self._become(SEARCHING, network)
            self._notices.esm(esm)
            return False
        refusal = _PLMN_NOT_ALLOWED if self.selected not in ("", network.plmn) else network.cause
        if not network.admits or refusal == _PLMN_NOT_ALLOWED:
            self.cause = refusal
            self._become(SEARCHING, network)
            self._notices.emm(refusal or 0)
            return False
        self.cause = network.cause
        if self._behaviour.reports_steps:
            self._notices.packet_event("ME PDN ACT 0,0")
            if not self._air.carrier.ipv6:
                self._notices.esm(_ONLY_IPV4)
        self._tell_event("SEARCH STATUS 2")
        self._become(HOME, network)
        return True

    def _tell_event(self, text: str) -> None:
        if self._behaviour.reports_steps:
            self._notices.event(text)

    def _become(self, status: int, network: VisitedNetwork | None = None) -> None:
        news = (status, network, self.cause)
        changed = news != self._told
        was, self.status, self.network, self._told = self.status, status, network, news
        self.attached = status == HOME or (self.attached and status == SEARCHING)
        if status != was:
            state = IDLE if status == HOME else LOST if self.attached else OFF
            self._air.radio.switch(time.monotonic_ns(), state)
        if changed:
            self._changed()
