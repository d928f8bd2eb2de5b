"""Commands of ``bench.toml`` by which a lab acts on a board with its own equipment, run without a shell."""

import subprocess
from dataclasses import dataclass

from bench.boards.spec import BoardSpec
from bench.errors import LabError, in_words


@dataclass(frozen=True)
class LabCommand:
    """One command of the lab's; ``{serial}``, ``{port}``, ``{place}`` and ``{name}`` in it stand for the board's.

    Attributes:
        key: where it stands in ``bench.toml``, such as ``[recovery] reset``.
        seconds: that it may take.
    """

    key: str
    words: tuple[str, ...]
    seconds: float

    def run(self, spec: BoardSpec) -> None:
        """Run it for a board.

        Raises:
            LabError: it cannot be run, takes too long, or ends with another code than 0.
        """
        values = {"serial": spec.serial, "port": spec.port, "place": spec.place, "name": spec.slot}
        command = [_fill(word, values) for word in self.words]
        try:
            finished = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.seconds, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{self.key}: {in_words(error)}") from error
        if finished.returncode:
            lines = (finished.stderr or finished.stdout).strip().splitlines()
            raise LabError(f"{self.key}: {command[0]} ended with {finished.returncode}: {lines[-1] if lines else ''}")


def _fill(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word
