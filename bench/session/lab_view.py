"""The lab as a scenario may ask for it: what its network offers, and what the lab vouches for."""

from typing import Literal

from bench.boards import Coverage, coverage_of
from bench.session.board_session import BoardSession
from bench.session.network_survey import NetworkSurvey


class LabView:
    """The facts of a lab that a scenario may depend on, beside the network profile."""

    def __init__(self, session: BoardSession, survey: NetworkSurvey) -> None:
        self._session = session
        self._survey = survey

    @property
    def coverage(self) -> Coverage | None:
        """The lab's means to take the network out of the board's reach; None where it has none."""
        return coverage_of(self._session.spec, self._session.config.coverage)

    @property
    def access(self) -> tuple[str, ...]:
        """The access technologies that SIM and network offer, as far as is known; a simulated board has both."""
        known = self._session.config.network.access
        if known is not None:
            return known
        return () if self._session.spec.hardware else ("lte-m", "nb-iot")

    @property
    def keeps_ports(self) -> bool:
        """Whether a peer surely sees the port that a board sends from: there is no NAT on the way."""
        if not self._session.spec.hardware:
            return True
        found = self._survey.find()
        return found is not None and bool(found.seen_address) and not found.nat

    @property
    def baudrate(self) -> int | None:
        """The rate of the board's UART; None for a simulated board, whose pty has no rate."""
        return self._session.spec.baudrate if self._session.spec.hardware else None

    def vouches_for(self, grant: Literal["psm", "edrx", "rai"]) -> bool:
        """Return whether the lab vouches that its network grants PSM, eDRX or RAI."""
        return bool(getattr(self._session.config.network, grant) == "granted")
