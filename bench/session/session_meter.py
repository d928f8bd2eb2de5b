"""The power meter of a session's board: its Power Profiler Kit, or a simulated board's model."""

from bench.measure import Meter, ProfilerKit, SimulatedMeter
from bench.session.board_session import BoardSession
from bench.session.keeper import Keeper


class SessionMeter:
    """The meter, started with the first test that needs it, anew when it has failed one."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self._kit = Keeper(lambda: ProfilerKit(session.spec.meter), ProfilerKit.check, lambda _: None)

    def get(self) -> Meter | None:
        """Return the running meter; None where the lab has none.

        Raises:
            LabError: none answers at its port.
        """
        spec = self._session.spec
        if spec.meter:
            return self._kit.get()
        return SimulatedMeter(spec) if spec.control else None

    def close(self) -> None:
        """End it."""
        self._kit.close()
