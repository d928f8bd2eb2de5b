"""Images for simulated boards, and the stand-in that programs them."""

import sys
from pathlib import Path
from typing import Any

from bench.boards import BoardSpec
from bench.flashing import Image, ImageKind, read_image
from bench.simulator.image import MODEM, SimulatedImage, write_image

STAND_IN = (sys.executable, "-m", "bench.simulator.programmer")


def application(path: Path, version: str = "3.1.1", *, says: str = "", **facts: Any) -> Image:  # noqa: ANN401
    """An application image in a file; facts as of SimulatedImage."""
    write_image(path, SimulatedImage("application", version, **facts))
    return read_image(path, ImageKind.APPLICATION, says=says)


def modem_firmware(path: Path, version: str = "mfw_nrf91x1_2.0.3") -> Image:
    """Modem firmware in a file."""
    write_image(path, SimulatedImage(MODEM, version))
    return read_image(path, ImageKind.MODEM)


def stand_in_command(board: BoardSpec, *options: str) -> tuple[str, ...]:
    """The stand-in as a lab's own programmer, with options of its own."""
    control = f"@{board.control[1:]}"
    words = (
        "device",
        "program",
        "--firmware",
        "{image}",
        "--serial-number",
        "{name}",
        "--options",
        "reset=RESET_SYSTEM",
    )
    return (*STAND_IN, "--control", control, *options, *words)
