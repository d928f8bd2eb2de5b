"""Coverage: taking the network out of a board's reach, and giving it back.

A lab does it with an attenuator or a shielded box, by commands of its own; a simulated board by its control socket.
"""

import contextlib
from collections.abc import Callable, Iterator

from bench.boards.lab_command import LabCommand
from bench.boards.simulated import ask_simulator
from bench.boards.spec import BoardSpec
from bench.boards.undo import UndoFile
from bench.config.lab import CoverageConfig


class Coverage:
    """The coverage of one board, and the note on disk that it is taken away."""

    def __init__(self, set_covered: Callable[[bool], None], kept: UndoFile) -> None:
        self._set_covered = set_covered
        self._kept = kept

    @contextlib.contextmanager
    def lost(self) -> Iterator[None]:
        """Take coverage away while entered; give it back whatever happens.

        Raises:
            LabError: the lab's command failed, or the simulator refused.
        """
        forget = self._kept.remember(["coverage"])
        try:
            self._set_covered(False)
            yield
        finally:
            self._set_covered(True)
            forget()

    def given_back(self) -> bool:
        """Give coverage back where a process died before it could; return True when there was one.

        Raises:
            LabError: the lab's command failed, or the simulator refused.
        """
        if not list(self._kept.left_over()):
            return False
        self._set_covered(True)
        self._kept.clear()
        return True


def coverage_of(spec: BoardSpec, config: CoverageConfig) -> Coverage | None:
    """Return the means to take a board's coverage away; None when the lab has none for it."""
    kept = UndoFile(f"{spec.key}-coverage")
    if spec.control:
        return Coverage(lambda covered: _simulated(spec, covered=covered), kept)
    if config.lose is None or config.restore is None:
        return None
    commands = {
        False: LabCommand("[coverage] lose", config.lose, config.seconds),
        True: LabCommand("[coverage] restore", config.restore, config.seconds),
    }
    return Coverage(lambda covered: commands[covered].run(spec), kept)


def _simulated(spec: BoardSpec, *, covered: bool) -> None:
    ask_simulator(spec, {"op": "coverage", "covered": covered})
