"""One board gets its images: what it holds already is kept, the rest is programmed, then it is asked what it says."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from bench.boards import Board, BoardSpec, Budget, Cost, LabCommand, Lease, Ledger, found_again
from bench.clock import now_ns
from bench.config.flash import FlashConfig
from bench.config.lab import Config
from bench.errors import BenchError, LabError
from bench.flashing import journal
from bench.flashing.call import ProgrammerCall, ProgrammerFailed, ProgrammerMissing
from bench.flashing.images import Image, ImageKind, is_said, said_by
from bench.flashing.programmers import Programmer, programmer_of
from bench.modem import Identity
from bench.privacy import Concealer, lab_key

_CYCLE = Cost(flashes=1, resets=1)
"""What a programmer does to a board: it wears its flash, and resets it."""
_ORDER = (ImageKind.MODEM, ImageKind.APPLICATION)
"""The application starts last, on the modem firmware that it is for."""


class FlashFailed(LabError):
    """A board does not hold the image that this run is about."""

    permanent = True


class FlashOutcome(StrEnum):
    """What became of an image on a board."""

    PROGRAMMED = "programmed"
    KEPT = "kept"
    """The board holds it already."""
    RESTORED = "restored"
    FAILED = "failed"


@dataclass(frozen=True)
class ImageResult:
    """What became of an image on a board.

    Attributes:
        programmer: by name; empty when the image was kept.
        took_ns: from the first call of the programmer until the board answered.
        text: what the board says, or what went wrong.
    """

    slot: str
    image: Image
    programmer: str
    took_ns: int
    outcome: FlashOutcome
    text: str


@dataclass(frozen=True)
class FlashRequest:
    """What a board is to hold.

    Attributes:
        images: one a kind at most.
        always: program it even when it holds them already.
        restores: the images are the golden ones, after a run.
    """

    images: tuple[Image, ...]
    always: bool = False
    restores: bool = False


@dataclass
class Flashing:
    """The programming of one board.

    Attributes:
        spec: the board; its port may get another name on the way.
        lab: its lab.
        lease: that this process holds on it.
        folder: where the programmer's output is kept.
        stopped: whether to end early.
        tell: gets a line on each thing that happens.
        results: what became of each image, from :meth:`flash` on.
        touched: whether a programmer has begun.
    """

    spec: BoardSpec
    lab: Config
    lease: Lease | None
    folder: Path
    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda _: None
    results: list[ImageResult] = field(default_factory=list)
    touched: bool = False

    @property
    def _config(self) -> FlashConfig:
        return self.lab.flash

    def flash(self, request: FlashRequest) -> None:
        """Bring the images into the board, and check what it says.

        Raises:
            FlashFailed: it does not hold them; ``results`` says which, and why.
        """
        images = sorted(request.images, key=lambda image: _ORDER.index(image.kind))
        with Ledger() as ledger:
            missing = list(images) if request.always else self._not_held(images, ledger)
            for image in images:
                if image not in missing:
                    held = journal.holds(ledger, self.spec, image)
                    text = f"it says {held.says}" if held else ""
                    self._note(image, "", 0, FlashOutcome.KEPT, text)
            for image in missing:
                self._program(image, ledger, FlashOutcome.RESTORED if request.restores else FlashOutcome.PROGRAMMED)

    def _not_held(self, images: Sequence[Image], ledger: Ledger) -> list[Image]:
        """Return the images that the board does not hold, by the journal and by its own answers."""
        held = {image: row for image in images if (row := journal.holds(ledger, self.spec, image)) is not None}
        if not held:
            return list(images)
        try:
            identity = self._ask()
        except BenchError:
            return list(images)
        kept = {
            image
            for image, row in held.items()
            if row.says == said_by(identity, image.kind) and is_said(identity, image)
        }
        return [image for image in images if image not in kept]

    def _program(self, image: Image, ledger: Ledger, good: FlashOutcome) -> None:
        """Program one image, again where that may help, and verify it by what the board says.

        Raises:
            FlashFailed: the board does not hold it.
        """
        began = now_ns()
        name = self.spec.programmer or self._config.programmer
        try:
            programmer = programmer_of(self.spec, self._config, image.kind)
            name = programmer.name
            identity = self._try(image, programmer, ledger)
        except BenchError as error:
            failure = FlashFailed(f"{self.spec.slot} was not programmed with {image.text}: {error.words}")
            self._note(image, name, now_ns() - began, FlashOutcome.FAILED, failure.words)
            raise failure from error
        journal.finish(ledger, self.spec, image, identity)
        if not is_said(identity, image):
            words = (
                f"{self.spec.slot} was programmed with {image.text}, but says {said_by(identity, image.kind)!r},"
                f" not {image.says!r}: it is another image than was meant, or another build"
            )
            self._note(image, name, now_ns() - began, FlashOutcome.FAILED, words)
            raise FlashFailed(words)
        self._note(image, name, now_ns() - began, good, f"it says {said_by(identity, image.kind)}")

    def _try(self, image: Image, programmer: Programmer, ledger: Ledger) -> Identity:
        """Program the image and return what the board says; again, as often as the lab allows, where that may help."""
        budget = Budget(self.lab.budget, ledger, self.spec.key)
        for left in range(self._config.retries, -1, -1):
            budget.allow(_CYCLE)
            try:
                self._call(image, programmer, ledger, budget)
                return self._ask()
            except LabError as error:
                if not left or error.permanent or self.stopped():
                    raise
                self.tell(f"{self.spec.slot}: {error.headline}; it is tried once more")
        raise AssertionError("the loop ends by a return or an error")

    def _call(self, image: Image, programmer: Programmer, ledger: Ledger, budget: Budget) -> None:
        """Call a programmer once; the journal says so before, and what it costs is counted before.

        Raises:
            ProgrammerMissing: there is none; the board was not touched.
            LabError: the board did not get into its bootloader, or the programmer failed.
        """
        command = programmer.command(self.spec, image, self._config)
        missing = programmer.missing or ("" if shutil.which(command[0]) else command[0])
        if missing:
            raise ProgrammerMissing(f"{missing} is not installed: {programmer.install}")
        log = self.folder / f"flash-{self.spec.slot}.txt"
        held = (self.lease.fd,) if self.lease is not None and self.lease.fd >= 0 else ()
        before = ledger.images_of(self.spec.key).get(image.kind)
        if programmer.name == "smp" and self._config.bootloader is not None:
            LabCommand("[flash] bootloader", self._config.bootloader, self._config.seconds).run(self.spec)
        journal.begin(ledger, self.spec, image)
        budget.spend(_CYCLE)
        self.touched = True
        try:
            ProgrammerCall(command, self._config.seconds, log, self.stopped, held).run()
        except ProgrammerMissing:
            journal.put_back(ledger, self.spec, image, before)
            raise
        except ProgrammerFailed as error:
            raise ProgrammerFailed(
                f"programmer {programmer.name} {error.words}\n"
                "Is the board attached to its programmer, has it power, is the image for it?"
                f" All that the programmer printed is in {log.name}"
            ) from error

    def _ask(self) -> Identity:
        """Return what the board says of itself, when it has started; it may have got another port on the way."""
        deadline = time.monotonic() + self._config.boot_seconds
        self.spec = found_again(self.spec, self.lab, max(self._config.boot_seconds, self.lab.limits.replug_seconds))
        left = max(1.0, deadline - time.monotonic())
        with Board(
            self.spec,
            Concealer(lab_key()),
            job="nrf91-bench asks what it says after its programming",
            lease=self.lease,
            patience=left,
            tell=self.tell,
        ) as board:
            return board.identity

    def _note(self, image: Image, programmer: str, took_ns: int, outcome: FlashOutcome, text: str) -> None:
        self.results.append(ImageResult(self.spec.slot, image, programmer, took_ns, outcome, text))


def flash_board(flashing: Flashing, request: FlashRequest) -> BoardSpec:
    """Return the board as it is afterwards: at its port, or unusable with the reason."""
    try:
        flashing.flash(request)
    except BenchError as error:
        return replace(flashing.spec, unusable=error.words)
    return flashing.spec
