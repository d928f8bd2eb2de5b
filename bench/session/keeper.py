"""Programs and devices that are kept running from test to test, and started anew when they have died."""

from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

from bench.errors import BenchError


class Lasting(Protocol):
    """Something with a lifetime."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(self, *_: object) -> None:
        """End it."""


L = TypeVar("L", bound=Lasting)


class Keeper(Generic[L]):
    """Keeps one of a kind. Nothing starts before the first test that needs it.

    Attributes:
        running: the running one; None when none runs.

    Args:
        make: makes one, which starts when it is entered.
        check: raises BenchError when the running one has died or failed.
        renewed: takes why the running one is started anew.
    """

    def __init__(
        self, make: Callable[[], L], check: Callable[[L], object], renewed: Callable[[BenchError], object]
    ) -> None:
        self._make = make
        self._check = check
        self._renewed = renewed
        self.running: L | None = None

    def get(self) -> L:
        """Return the running one; another one when it has died since.

        Raises:
            LabError: it cannot be started.
        """
        if self.running is not None:
            try:
                self._check(self.running)
            except BenchError as error:
                self._renewed(error)
                self.close()
        if self.running is None:
            self.running = self._make().__enter__()
        return self.running

    def close(self) -> None:
        """End it."""
        running, self.running = self.running, None
        if running is not None:
            running.__exit__(None, None, None)
