"""The patience of one board with a network that has not let it in, and may do so later."""

import time
from collections.abc import Callable

_FIRST_PAUSE_S = 60.0
_LOOK_S = 0.2


class NetworkPatience:
    """Waits longer each time, until the time for that is used up.

    Attributes:
        left_s: seconds of waiting that are left.
    """

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s
        self._pause_s = _FIRST_PAUSE_S

    @property
    def pause_s(self) -> float:
        """Return how many seconds :meth:`wait` takes."""
        return min(self._pause_s, self.left_s)

    def wait(self, cut_short: Callable[[], bool]) -> None:
        """Wait once, less where ``cut_short`` says so."""
        began, pause = time.monotonic(), self.pause_s
        while (waited := time.monotonic() - began) < pause and not cut_short():
            time.sleep(min(_LOOK_S, pause - waited))
        self.left_s = max(0.0, self.left_s - (time.monotonic() - began))
        self._pause_s *= 2
