"""The clients as the sections call them: in this process, or in the environment of their library."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import traps
from benchmarks.block import Block, run_block
from benchmarks.clients import GUESTS, OWN, Client, GuestClient
from benchmarks.environments import Environment
from benchmarks.figure import LeftOut, Unavailable
from benchmarks.sizes import Sizes

_SECONDS = 120


@dataclass(frozen=True)
class Contestant:
    """A client of this process."""

    make: type[Client]
    slow = False

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.make.name

    def block(self, program: str, count: int) -> Block:
        """Run a block."""
        return run_block(program, self.make, count)

    def traps(self, program: str) -> int:
        """Return how many traps it passes."""
        return traps.passed(program, self.make)


@dataclass(frozen=True)
class Guest:
    """A client of a library in an environment of its own."""

    made_of: type[GuestClient]

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.made_of.name

    @property
    def slow(self) -> bool:
        """Whether it sleeps in each command: fewer of them, or the run takes hours."""
        return self.made_of.slow

    def block(self, program: str, count: int) -> Block:
        """Run a block."""
        return Block(**self._ask("block", program, "--count", str(count)))

    def traps(self, program: str) -> int:
        """Return how many traps it passes."""
        return int(self._ask("traps", program)["passed"])

    def _ask(self, what: str, program: str, *options: str) -> dict[str, Any]:
        python = Environment(self.made_of.requirements).python
        command = [str(python), "-m", "benchmarks.guest", self.name, what, program, *options]
        root = Path(__file__).parents[1]
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=_SECONDS)
        except subprocess.CalledProcessError as error:
            raise Unavailable((error.stderr.strip() or f"it ended with {error.returncode}").splitlines()[-1]) from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"it did not end within {_SECONDS} s") from error
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def own() -> list[Contestant]:
    """Return those that need no other environment; bare system calls come first."""
    return [Contestant(make) for make in OWN]


def guests(section: str, sizes: Sizes) -> Iterator[Guest | LeftOut]:
    """Yield the others, each in its environment; say why one is left out."""
    for client in GUESTS:
        if not sizes.venvs:
            yield LeftOut(section, client.name, "--no-venvs")
            continue
        try:
            Environment(client.requirements).make()
        except Unavailable as error:
            yield LeftOut(section, client.name, f"its environment cannot be made: {error}")
        else:
            yield Guest(client)
