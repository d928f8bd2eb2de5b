"""The registry of objects that the library calls back, by the numbers that represent them in C."""

import itertools
from typing import Generic, Protocol, TypeVar

from bench.security.settings import TlsSettings

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects that are alive, by their numbers."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._objects: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __getitem__(self, number: int) -> T:
        return self._objects[number]

    def add(self, item: T) -> int:
        """Add an object; return its number."""
        number = next(self._numbers)
        self._objects[number] = item
        return number

    def remove(self, number: int) -> bool:
        """Remove an object; return whether it was there."""
        return self._objects.pop(number, None) is not None


class CalledContext(Protocol):
    """The part of a context that the library calls during a handshake."""

    settings: TlsSettings
    sessions: dict[bytes, bytes]
    looked_up: bytes
    identity: bytes

    def cookie(self, peer: bytes) -> bytes:
        """Return the cookie that a peer must show."""

    def keep(self, number: bytes, session: bytes) -> None:
        """Remember a session."""


class CalledConnection(Protocol):
    """The part of a connection that the library calls."""

    def sending(self, data: bytes) -> int:
        """Take bytes to send."""

    def receiving(self, address: int, size: int) -> int:
        """Give at most ``size`` bytes to ``address``."""

    def set_timer(self, intermediate_ms: int, final_ms: int) -> None:
        """Start the timer, or stop it."""

    def timer_state(self) -> int:
        """Return how far the timer is."""

    def take_keys(self, secret: bytes, client_random: bytes) -> None:
        """Take the secret that both ends agreed on."""


CONTEXTS: Registry[CalledContext] = Registry()
CONNECTIONS: Registry[CalledConnection] = Registry()
