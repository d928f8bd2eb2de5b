"""How boards are programmed: ``[flash]`` of bench.toml, and ``[firmware]`` of a plan."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bench.config.command_words import BOARD_WORDS, known_words
from bench.config.toml_file import Section, matching

ProgrammerName = Literal["nrfutil", "pyocd", "smp", "command"]
Digest = Annotated[str, matching(r"([0-9a-fA-F]{64})?", "a SHA-256: 64 hexadecimal digits, as sha256sum prints")]
_Flag = Annotated[bool, Field(strict=True)]
IMAGE_WORDS = (*BOARD_WORDS, "id", "image", "kind")


class FlashConfig(Section):
    """How this lab programs its boards."""

    programmer: ProgrammerName = "nrfutil"
    """What programs a board that names none: nRF Util, pyOCD, MCUboot's serial recovery (SMP), or ``command``."""
    nrfutil: Annotated[tuple[str, ...], Field(min_length=1)] = ("nrfutil",)
    """The program nRF Util, and its first words where it needs some."""
    command: tuple[str, ...] | None = None
    """The lab's own programmer, run without a shell. ``{image}`` stands for the file, ``{kind}`` for application or
    modem, ``{id}`` for the board's ``programmer_id`` or serial number, ``{serial}``, ``{port}``, ``{place}`` and
    ``{name}`` for the board's."""
    bootloader: tuple[str, ...] | None = None
    """Brings a board into its bootloader, before ``smp``; words as of ``[recovery]``. Without it somebody must have
    brought it there."""
    erase: Literal["all", "touched"] = "all"
    """Of the application core's flash, before it is programmed: all of it, or the pages that the image touches, so that
    settings beside it stay."""
    seconds: Annotated[float, Field(strict=True, gt=0, le=3600)] = 300.0
    """How long one call of a programmer may take."""
    boot_seconds: Annotated[float, Field(strict=True, gt=0, le=600)] = 30.0
    """How long a board may take until it answers after that."""
    retries: Annotated[int, Field(strict=True, ge=0, le=10)] = 1
    """How often a board that could not be programmed, or does not answer afterwards, is programmed again."""
    at_once: Annotated[int, Field(strict=True, ge=1, le=100)] = 4
    """How many boards are programmed at the same time."""
    always: _Flag = False
    """Also program a board that holds the image already."""
    restore: _Flag = False
    """Put the golden image back after the run."""
    golden_image: Path | None = None
    """The application that a board of this lab usually has."""
    golden_modem_image: Path | None = None
    """Likewise, the modem firmware."""

    @field_validator("command")
    @classmethod
    def _known_words(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return known_words(value, IMAGE_WORDS)

    @field_validator("bootloader")
    @classmethod
    def _known_board_words(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return known_words(value)

    @model_validator(mode="after")
    def _has_what_it_names(self) -> Self:
        if self.programmer == "command" and self.command is None:
            raise ValueError('programmer = "command" needs command, the lab\'s own program with its arguments')
        if self.restore and not (self.golden_image or self.golden_modem_image):
            raise ValueError("restore needs golden_image or golden_modem_image: what is put back")
        return self


class PlannedFirmware(Section):
    """The images that a plan is about, and what boards must say of themselves afterwards."""

    image: Path | None = None
    """The application; ``run --image`` may name the file instead."""
    modem_image: Path | None = None
    """The modem firmware; ``run --modem-image`` may name the file instead."""
    sha256: Digest = ""
    """Of the application's file, checked before anything is programmed."""
    modem_sha256: Digest = ""
    """Of the modem firmware's file."""
    says: str = ""
    """What the board must say: application and version, such as ``SLM 3.1.0``, the version or the customer version."""
    modem_says: str = ""
    """Likewise the modem firmware, such as ``mfw_nrf91x1_2.0.2``."""
