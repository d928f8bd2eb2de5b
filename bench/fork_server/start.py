"""What is asked of the server: the program that a copy of it is to become."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Start:
    """A request to start a program.

    Attributes:
        module: as behind ``python -m``.
        arguments: for it.
        environment: all of it.
        folder: its working folder.
        numbers: what its descriptors are called there, in the order in which they are sent.
        asker: id of the process that asks for it.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    numbers: Sequence[int]
    asker: int

    def encode(self) -> bytes:
        """Return the request as it is sent."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the request of :meth:`encode`."""
        return cls(**json.loads(data))

    @property
    def title(self) -> str:
        """What lists of processes show, as far as the room of the server's own command line and environment goes."""
        return f"{sys.executable} -m {self.module} {' '.join(self.arguments)} for {self.asker}"
