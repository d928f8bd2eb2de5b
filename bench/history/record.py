"""Records: one run as the history keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.history.resolution import step_of


@dataclass(frozen=True, slots=True)
class BoardRecord:
    """A board of a run.

    Attributes:
        slot: its place in the run.
        identity: short id of its IMEI, else its slot: the same on other nights.
        side: its group in an interleaved run; empty for none.
        control: whether it was there as a control board, on firmware that stays the same.
    """

    slot: str
    identity: str
    model: str = ""
    modem_firmware: str = ""
    application: str = ""
    application_version: str = ""
    access: str = ""
    operator: str = ""
    cell: str = ""
    simulated: int = 0
    side: str = ""
    band: str = ""
    control: int = 0


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """The result of a test on a board, in a round."""

    test: str
    slot: str
    round: int
    outcome: str
    known_issue: bool = False
    attempts: int = 1
    duration_ns: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class MeasurementRecord:
    """One measurement; a single value has no samples.

    Attributes:
        turn: its number among the measurements of this name in its test, from 0.
        figures: its statistics by name: value, min, typical, p50, p90, p95, p99, max, mean.
        samples: in the order in which they were taken.
    """

    test: str
    slot: str
    round: int
    turn: int
    name: str
    unit: str
    t_ns: int
    count: int
    figures: Mapping[str, float]
    verdict: str = ""
    samples: Sequence[float] = ()

    @property
    def step(self) -> float:
        """The resolution that the samples show, in their unit; 0 for none."""
        return step_of(self.samples)


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        uid: worldwide unique identity: a digest of the first row of its stream.
        name: name of its folder.
        started: UTC, ISO 8601.
        ended: likewise; empty where it is not known.
        rows: number of rows in its stream when it was added.
        verdict: PASSED, FAILED, INCOMPLETE, QUALIFIED or NOT QUALIFIED.
    """

    uid: str
    name: str
    started: str
    verdict: str
    exit_code: int
    simulated: bool
    bench: str = ""
    boards: Sequence[BoardRecord] = field(default_factory=tuple)
    results: Sequence[ResultRecord] = field(default_factory=tuple)
    measurements: Sequence[MeasurementRecord] = field(default_factory=tuple)
    rows: int = 0
    ended: str = ""

    @property
    def suites(self) -> set[str]:
        """The files of its tests."""
        return {result.test.partition("::")[0] for result in self.results}
