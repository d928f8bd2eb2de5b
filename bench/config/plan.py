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
    count: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1

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
    kind: Literal["known issue", "quarantine"]
    reason: Text
    reference: Text
    owner: Text
    expires: date

    def concerns(self, test: str, kind: str, today: date) -> bool:
        """Return whether it excuses a test of that kind today."""
        return kind == self.kind and today <= self.expires and matches_test(self.test, test)


class Plan(Section):
    """What a run must show to qualify a firmware."""

    name: Text
    suites: tuple[Text, ...] = ()
    """Their names, or paths; none is all of them."""
    arguments: tuple[Annotated[str, matching(r"[^\x00]*", "a text without the character NUL")], ...] = ()
    """For pytest, such as ``["--samples", "400"]``."""
    repetitions: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    boards: Annotated[tuple[WantedBoards, ...], Field(min_length=1)]
    firmware: PlannedFirmware = PlannedFirmware()
    """The images that the boards are programmed with before the first test."""
    lab_error_rate: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.0
    """Share of the planned tests that may end in a lab error, as long as each test was proved on its kind of board."""
    flaky: Literal["fail", "allow"] = "fail"
    """What a test counts for that failed in one repetition and passed in another."""
    skips: tuple[str, ...] = ("*",)
    """Patterns of the reasons for which a test may be skipped; ``*`` is any but an observation, which is named."""
    baseline: str = ""
    """What it must not be slower than, as ``nrf91-bench compare`` takes it; empty compares with nothing."""
    evidence: Literal["any", "controlled", "interleaved"] = "any"
    """The weakest evidence on which a comparison with the baseline counts; controlled needs control boards, interleaved
    both firmwares in turn."""
    signatures: Annotated[int, Field(strict=True, ge=0, le=100)] = 0
    """Of how many different people its bundle needs a signature."""
    roles: tuple[Role, ...] = ()
    """In each of which somebody must sign, such as ``["quality", "release"]``."""
    waivers: tuple[Waiver, ...] = ()
    measurements: tuple[MeasurementLimit, ...] = ()
    """Limits, beside and before those of bench.toml."""

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
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
