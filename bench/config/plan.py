"""A qualification plan: what a firmware must show before it is released, on how many boards, and what is tolerated."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import Field

from bench.config.firmware import Firmware, FirmwareRange
from bench.config.flash import PlannedFirmware
from bench.config.lab import MeasurementLimit
from bench.config.patterns import matches_test
from bench.config.toml_file import Section, matching, read_toml

Text = Annotated[str, Field(min_length=1)]
Role = Annotated[str, matching(r"[a-z][a-z0-9-]{0,31}", "a name of small letters, digits and hyphens")]
FILE = "plan.toml"
"""A run's plan, in its folder."""
KNOWN_ISSUE, QUARANTINE = "known issue", "quarantine"


class TestedBoard(Firmware, Protocol):
    """What a run knows of a board."""

    @property
    def model(self) -> str:
        """Such as nrf9151dk."""

    @property
    def simulated(self) -> bool:
        """Whether it is not hardware."""


class WantedBoards(FirmwareRange):
    """Real boards of one kind, with the firmware that is to be qualified."""

    model: Text
    """Their model, such as ``nrf9151dk``."""
    count: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    """How many of them must take part."""

    def matches(self, board: TestedBoard) -> bool:
        """Return whether a board of a run, by its own answers, is one of these; a simulated one never is."""
        return not board.simulated and board.model == self.model and self.matches_firmware(board)

    @property
    def text(self) -> str:
        """The entry for a person: ``2 nrf9151dk with slm ==3.1.0``."""
        firmware = self.firmware_text
        return f"{self.count} {self.model}{f' with {firmware}' if firmware else ''}"


class Waiver(Section):
    """A test that may fail: for a known issue of the firmware, or because nobody trusts the test (quarantine)."""

    test: Text
    """A pattern of test ids; ``*`` stands for any text."""
    kind: Literal["known issue", "quarantine"]
    """``quarantine`` is for a test that nobody trusts."""
    reason: Text
    """Why the release may go out all the same."""
    reference: Text
    """Where it is tracked."""
    owner: Text
    """Who answers for it."""
    expires: date
    """The last day on which it counts."""

    def concerns(self, test: str, kind: str, today: date) -> bool:
        """Return whether it excuses a test of that kind today."""
        return kind == self.kind and today <= self.expires and matches_test(self.test, test)


class Plan(Section):
    """What a run must show to qualify a firmware."""

    name: Text
    """Its name, for the page."""
    suites: tuple[Text, ...] = ()
    """Names of suites, or paths of your own; none is all of the bench's."""
    arguments: tuple[Annotated[str, matching(r"[^\x00]*", "a text without the character NUL")], ...] = ()
    """Arguments for pytest, such as ``["--samples", "400"]``."""
    repetitions: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    """How often every test is played."""
    boards: Annotated[tuple[WantedBoards, ...], Field(min_length=1)]
    firmware: PlannedFirmware = PlannedFirmware()
    """The images that the boards are programmed with before the first test."""
    lab_error_rate: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.0
    """The share of the planned tests that may end in a lab error. Each test must pass on its kind of board all the
    same."""
    flaky: Literal["fail", "allow"] = "fail"
    """Whether a test that failed in one repetition and passed in another counts as failed."""
    skips: tuple[str, ...] = ("*",)
    """Patterns of the reasons for which a test may be skipped. ``*`` does not include observations: name each of
    them."""
    baseline: str = ""
    """The firmware, nights or run that it must not be slower than, as ``nrf91-bench compare`` takes it."""
    evidence: Literal["any", "controlled", "interleaved"] = "any"
    """The weakest evidence that a comparison with the baseline may rest on: ``controlled`` needs control boards,
    ``interleaved`` both firmwares in turn."""
    signatures: Annotated[int, Field(strict=True, ge=0, le=100)] = 0
    """Of how many different people its bundle needs a signature."""
    roles: tuple[Role, ...] = ()
    """In each of which somebody must sign, such as ``["quality", "release"]``."""
    waivers: tuple[Waiver, ...] = ()
    measurements: tuple[MeasurementLimit, ...] = ()
    """Limits; they count before those of bench.toml."""

    @property
    def wanted_signatures(self) -> int:
        """How many different people must sign: at least one a role."""
        return max(self.signatures, len(self.roles))

    def waiver_of(self, test: str, kind: str, today: date) -> Waiver | None:
        """Return the row that excuses a test today; None when there is none."""
        return next((waiver for waiver in self.waivers if waiver.concerns(test, kind, today)), None)


def load_plan(path: Path) -> Plan:
    """Return the plan of a file.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    return read_toml(path, Plan)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, shortened for a page; empty when the file is not there."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
