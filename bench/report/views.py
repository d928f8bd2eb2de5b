"""View models: the values that the templates of the verdict show, as plain text that is not yet escaped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

_SHORT_LETTERS, _SHORT_LINES, _SHORT_NAMED = 500, 4, 2


@dataclass(frozen=True)
class Place:
    """A test, its boards, a remark, and the link to a transcript."""

    test: str
    boards: str
    text: str = ""
    transcript: str = ""


@dataclass(frozen=True)
class Failure:
    """The results of one cause.

    Attributes:
        first_attempt: how an earlier attempt ended; empty when there was none.
        history: how the test ended in earlier runs.
        excuse: the waiver that excuses it.
        others: other tests with the same cause; ``unnamed`` counts those without room.
        place: the line of the scenario.
        excerpt: what board and peers did last, a line each.
        rerun: the command that plays the tests again.
        links: (name, link) of the files that were kept.
    """

    test: str
    boards: str
    outcome: str
    word: str
    message: str
    first_attempt: str = ""
    history: str = ""
    excuse: str = ""
    others: Sequence[str] = ()
    unnamed: int = 0
    radio: str = ""
    place: str = ""
    excerpt: Sequence[str] = ()
    rerun: str = ""
    links: Sequence[tuple[str, str]] = ()

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    @property
    def shortened(self) -> "Failure":
        """The failure with less to read, for a page of many causes; the transcript has the rest."""
        message = self.message if len(self.message) <= _SHORT_LETTERS else f"{self.message[:_SHORT_LETTERS]} ..."
        named, left = self.others[:_SHORT_NAMED], max(0, len(self.others) - _SHORT_NAMED)
        excerpt = self.excerpt[-_SHORT_LINES:]
        return replace(self, message=message, excerpt=excerpt, others=named, unnamed=self.unnamed + left)

    @property
    def details(self) -> str:
        """The message without its first line."""
        lines = self.message.partition("\n")[2].rstrip().split("\n")
        return "\n".join(lines[next((at for at, line in enumerate(lines) if line.strip()), 0) :])


@dataclass(frozen=True)
class ComparedMeasurement:
    """A measurement beside that of the baseline."""

    name: str
    where: str
    baseline: str
    candidate: str
    change: str
    network: str
    interval: str
    detectable: str
    resolution: str
    units: str
    verdict: str
    why: str
    kind: str


@dataclass(frozen=True)
class ComparisonView:
    """A comparison with a baseline.

    Attributes:
        advice: what it means for a decision.
        notes: what it rests on, and what was left out.
        sides: firmware, nights and boards of baseline, candidate and control boards.
        place: model, access and operator, where they are the same in all rows.
        units: likewise.
        how: to use that command.
        settle: the command of nights that would settle it.
        rows: measurements with a difference: those that are proved, then those that are not.
        reasons: why nothing is proved of measurements, each with their number.
    """

    baseline: str
    candidate: str
    verdict: str
    reason: str
    tone: str
    advice: str
    statistic: str
    notes: Sequence[str]
    sides: Sequence[str]
    place: str
    units: str
    how: str
    settle: str
    false_alarms: str
    rows: Sequence[ComparedMeasurement]
    reasons: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class BoardView:
    """A board, as it says of itself.

    Attributes:
        firmware: of modem and application.
        identities: short ids.
        remarks: that it is simulated, or a control board.
        images: that it got before or after its tests.
    """

    slot: str
    part: str = ""
    firmware: str = ""
    network: str = ""
    identities: str = ""
    port: str = ""
    remarks: Sequence[str] = ()
    images: Sequence[str] = ()


@dataclass(frozen=True)
class CellView:
    """A scenario on boards of one kind."""

    text: str
    outcome: str
    transcript: str
    measured: Sequence[str]
    deviating: Sequence[str]


@dataclass(frozen=True)
class MatrixView:
    """Scenarios by kind of board: for each suite its scenarios, each with a cell a kind."""

    kinds: Sequence[str]
    suites: Sequence[tuple[str, Sequence[tuple[str, Sequence[CellView | None]]]]]


@dataclass(frozen=True)
class SigningView:
    """What a bundle's signatures say of a run, as they were verified.

    Attributes:
        text: in a sentence.
        digest: of the statement, which names all of the evidence.
        signers: who signed, in which role and when, a line each.
        missing: signatures that are still wanted.
        wrong: why the bundle is not genuine.
    """

    text: str
    digest: str
    signers: Sequence[str]
    missing: Sequence[str]
    wrong: Sequence[str]


@dataclass(frozen=True)
class StatementsView:
    """Statements of the specification.

    Attributes:
        firmwares: of the boards.
        rows: (id, text, results on each firmware).
        untested: number of statements that no scenario of the run is about.
    """

    firmwares: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[str]]]
    untested: int
