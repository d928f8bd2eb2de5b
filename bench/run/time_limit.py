"""When a run ends in any case."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

OVER = "the time for the run was over"
"""Why a run is ended then."""


@dataclass(frozen=True)
class TimeLimit:
    """The end of the time for a run: a moment, or a span from now on; None is never."""

    until: datetime | timedelta | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether the time is over; a span is measured by the clock that nobody sets."""
        if isinstance(self.until, timedelta):
            return time.monotonic() - self._began >= self.until.total_seconds()
        return self.until is not None and datetime.now(UTC) >= self.until
