"""What a run is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from bench.boards import Selector
from bench.errors import UsageError


class Simulate(StrEnum):
    """When a simulated board stands in without a number of them being asked for."""

    NEVER = "never"
    AUTO = "auto"
    """One, when no board is attached and none is configured."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A run, as a user asks for it.

    Attributes:
        boards: selectors of boards; see :func:`bench.boards.select`.
        ports: paths of boards' ports.
        simulate: a number of simulated boards, or when one stands in.
        realistic: simulated boards start as slowly, and report as much, as real ones.
        firmwares: names of the simulated boards' firmwares, in turn; none is the default.
        suites: names of the bench's suites, or paths of a lab's own; none is all of the bench's.
        tests: ids, or names, of those of their tests that are meant; none is all.
        last_failed: those are meant that went wrong in the last run, too.
        config: the lab's bench.toml; None is the default lab.
        plan: a qualification plan, which says what runs.
        wait: seconds to wait for a board that is in use.
        until: when the run ends, with what there is: a moment, or a time from its start, whatever becomes of the clock.
        repeat: rounds; None is 1, or 10 where boards alternate.
        interleave: selectors of two groups of boards that alternate.
        history: the history file; None is as the lab says.
        out: the run's folder, empty or new; None makes one below reports/runs.
        image: the application that the boards are programmed with before their first test.
        modem_image: likewise, the modem firmware.
        flash_always: program boards that hold their images already, too.
        restore: put the lab's golden images back after the run.
        arguments: for pytest.
        limits: a file of further limits; see :mod:`bench.config.limits`.
        lab: on boards of a lab of several hosts; :func:`bench.lab.lab_run.execute_in_lab` plays such a run.
        count: how many boards of such a lab; None is each that a selector means.
        part_of_lab: the run is one board's part of a run over several hosts: history, notification, the plan's verdict
            and the repetition of lost boards belong to whoever started that.
    """

    boards: Sequence[str] = ()
    ports: Sequence[str] = ()
    simulate: Simulate | int = Simulate.NEVER
    realistic: bool = False
    firmwares: Sequence[str] = ()
    suites: Sequence[str] = ()
    tests: Sequence[str] = ()
    last_failed: bool = False
    config: Path | None = None
    plan: Path | None = None
    wait: float = 0.0
    until: datetime | timedelta | None = None
    repeat: int | None = None
    interleave: Sequence[str] = ()
    history: Path | None = None
    out: Path | None = None
    image: Path | None = None
    modem_image: Path | None = None
    flash_always: bool = False
    restore: bool = False
    arguments: Sequence[str] = ()
    limits: Path | None = None
    lab: bool = False
    count: int | None = None
    part_of_lab: bool = False

    @property
    def simulated_boards(self) -> int:
        """How many simulated boards are wanted for certain."""
        return 0 if isinstance(self.simulate, Simulate) else self.simulate

    @property
    def names_boards(self) -> bool:
        """Whether the user names boards or ports."""
        return bool(self.boards or self.ports)

    def again(self, suites: Sequence[str], arguments: Sequence[str]) -> list[str]:
        """Return the options of the command line that plays tests again on the same boards.

        Args:
            suites: that the run plays, as they were named.
            arguments: for pytest.
        """
        options = [("--board", name) for name in self.boards] + [("--port", path) for path in self.ports]
        if self.simulate is not Simulate.NEVER:
            options.append(("--simulate", str(self.simulate)))
        options += [("--firmware", name) for name in self.firmwares]
        options += [("--config", str(self.config))] if self.config not in (None, Path("bench.toml")) else []
        options += [("--image", str(self.image))] if self.image is not None else []
        options += [("--modem-image", str(self.modem_image))] if self.modem_image is not None else []
        options += [("--suite", name) for name in suites]
        options += [("--limits", str(self.limits))] if self.limits else []
        options += [("--count", str(self.count))] if self.count is not None else []
        words = [*(["--lab"] if self.lab else []), *(word for option in options for word in option)]
        return [*words, *(["--realistic"] if self.realistic else []), *(["--", *arguments] if arguments else [])]

    def check(self) -> None:
        """Check what the parts of the request say of each other.

        Raises:
            UsageError: a plan says what runs, and something else does too; a time that has passed; not two groups;
                realistic boards or a firmware where none is simulated; more firmwares than boards.
        """
        self._check_lab()
        if self.simulate is Simulate.NEVER and (self.realistic or self.firmwares):
            option = "--realistic" if self.realistic else "--firmware"
            raise UsageError(f"{option} is for simulated boards: add --simulate {max(1, len(self.firmwares))}")
        if len(self.firmwares) > max(1, self.simulated_boards):
            raise UsageError(f"--firmware is given {len(self.firmwares)} times: add --simulate {len(self.firmwares)}")
        if isinstance(self.until, datetime) and self.until <= datetime.now(UTC):
            raise UsageError(f"--until: {self.until:%Y-%m-%d %H:%M} UTC has passed")
        if self.interleave:
            if len(self.interleave) != 2 or self.interleave[0] == self.interleave[1]:
                raise UsageError("--interleave is given twice, once a group: --interleave dk-1 --interleave dk-2")
            for text in self.interleave:
                Selector.parse(text, "--interleave")
        if self.plan is None:
            return
        if self.simulate is Simulate.AUTO:
            raise UsageError("--simulate auto with --plan: give a number, because nothing is qualified by accident")
        options: tuple[tuple[str, object], ...] = (
            ("--suite", self.suites if not self.part_of_lab else None),
            ("--test", self.tests),
            ("--last-failed", self.last_failed),
            ("arguments behind --", self.arguments),
            ("--interleave", self.interleave),
            ("--repeat", self.repeat),
            ("--limits", self.limits if not self.part_of_lab else None),
        )
        for option, given in options:
            if given:
                raise UsageError(f"{option} with --plan: the plan says what runs")

    def _check_lab(self) -> None:
        """Check what is only for a lab of several hosts, or cannot be there.

        Raises:
            UsageError: says which option, and why.
        """
        if not self.lab:
            if self.count is not None:
                raise UsageError("--count is for a lab of several hosts: add --lab")
            return
        options: tuple[tuple[str, object, str], ...] = (
            ("--port", self.ports, "its boards have names"),
            ("--simulate", self.simulate is not Simulate.NEVER, "its boards are those of its hosts"),
            ("--interleave", self.interleave, "both groups must hang on one host; run it there"),
        )
        for option, given, why in options:
            if given:
                raise UsageError(f"{option} with --lab: {why}")


_SHOWS = frozenset(
    (
        *("-h", "--help", "-V", "--version", "--fixtures", "--fixtures-per-test", "--funcargs", "--markers", "--co"),
        *("--collect-only", "--collectonly", "--setup-only", "--setup-plan", "--cache-show"),
    )
)
"""Options with which pytest shows something and runs no test."""
_OURS = ("--bench-", "--rootdir", "--confcutdir", "--import-mode", "--assert", "--config-file", "-c")
"""Beginnings of options that a run sets itself."""


def check_arguments(arguments: Sequence[str]) -> None:
    """Check what is handed on to pytest, as far as it can be known to be no good.

    Raises:
        UsageError: it shows something and runs nothing, or sets what a run sets.
    """
    for argument, following in pairwise((*arguments, "")):
        if argument in _SHOWS:
            raise UsageError(f"{argument} runs no test: use pytest itself for that")
        plugin = following if argument == "-p" else argument.removeprefix("-p") if argument[:2] == "-p" else ""
        if argument.startswith(_OURS) or plugin.startswith(("no:nrf91", "no:allure")):
            raise UsageError(f"{f'-p {plugin}' if plugin else argument}: a run sets that itself")


def parse_simulate(text: str) -> Simulate | int:
    """Return when, or how many, simulated boards are wanted.

    Raises:
        UsageError: the text is neither ``never``, ``auto``, nor a number from 1 to 999.
    """
    if text in (Simulate.NEVER, Simulate.AUTO):
        return Simulate(text)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
        raise UsageError(f"--simulate {text}: give never, auto, or a number of boards from 1 to 999")
    return int(text)
