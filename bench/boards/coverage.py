"""Coverage: taking the network out of a board's reach, and giving it back.

A lab does it with an attenuator or a shielded box, by commands of its own; a simulated board by its control socket.
"""

import contextlib
from collections.abc import Callable, Iterator

from bench.boards.lab_command import LabCommand
from bench.boards.selection import BoardSpec
from bench.boards.simulated import ask_simulator
from bench.config import Coverage as CoverageConfig


class Coverage:
    """The coverage of one board."""

    def __init__(self, set_covered: Callable[[bool], None]) -> None:
        self._set_covered = set_covered

    @contextlib.contextmanager
    def lost(self) -> Iterator[None]:
        """No coverage while entered; given back whatever happens.

        Raises:
            LabError: the lab's command failed, or the simulator refused.
        """
        try:
            self._set_covered(False)
            yield
        finally:
            self._set_covered(True)


def coverage_of(spec: BoardSpec, config: CoverageConfig) -> Coverage | None:
    """The means to take a board's coverage away; None when the lab has none for it."""
    if spec.control:
        return Coverage(lambda covered: _simulated(spec, covered=covered))
    if config.lose is None or config.restore is None:
        return None
    commands = {
        False: LabCommand("[coverage] lose", config.lose, config.seconds),
        True: LabCommand("[coverage] restore", config.restore, config.seconds),
    }
    return Coverage(lambda covered: commands[covered].run(spec))


def _simulated(spec: BoardSpec, *, covered: bool) -> None:
    ask_simulator(spec, {"op": "coverage", "covered": covered})
