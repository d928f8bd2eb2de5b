"""Where a number comes from: board, firmware, test, run and date. Each page and table that leaves the bench says it."""

from dataclasses import dataclass

from bench.report.lab_time import lab_time


@dataclass(frozen=True)
class Origin:
    """The origin of what one test left.

    Attributes:
        test: its id.
        board: the slot.
        firmware: of the board, as it reports it; empty where no board answered.
        run: the name of the run.
        utc: when, ISO 8601.
        simulated: no hardware produced it.
        attempt, round: of the test.
    """

    test: str
    board: str
    firmware: str = ""
    run: str = ""
    utc: str = ""
    simulated: bool = False
    attempt: int = 1
    round: int = 1

    @property
    def facts(self) -> list[tuple[str, str]]:
        """(name, value) for the head of a page, without those that are not known."""
        which = [f"round {self.round}"] * (self.round > 1) + [f"attempt {self.attempt}"] * (self.attempt > 1)
        found = (
            ("test", ", ".join([self.test, *which])),
            ("board", self.board),
            ("firmware", self.firmware),
            ("run", self.run),
            ("date", lab_time(self.utc)),
        )
        return [(name, value) for name, value in found if value]
