"""What a run knows of a board when it starts one more process for it, which then need not read the stream."""

from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from bench.evidence import Outcome, rows


class Earlier(Struct, frozen=True):
    """What earlier processes of this board have told the run.

    Attributes:
        outcomes: how each test ended when it last ran in an earlier round, by test id.
        resets: how many resets of the board's budget are spent.
        survey: what the board's network can do; None where nobody has tried it out.
    """

    outcomes: dict[str, Outcome] = {}
    resets: int = 0
    survey: rows.SurveyRow | None = None

    def hand_over(self, path: Path) -> None:
        """Write it for the process that is about to start."""
        path.write_bytes(msgspec.json.encode(self))

    @classmethod
    def take_over(cls, path: Path) -> Self:
        """Read what was handed over, and remove it.

        Raises:
            OSError: it is gone.
        """
        found = msgspec.json.decode(path.read_bytes(), type=cls)
        path.unlink()
        return found
