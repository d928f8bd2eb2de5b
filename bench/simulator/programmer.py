"""The stand-in for nRF Util: programs simulated boards by the command line that the bench uses for real ones.

``python -m bench.simulator.programmer [OPTIONS] device program --firmware FILE --serial-number N [--options ...]``
finds the running board by name or serial number through the simulator's control socket. Like the real one it reads the
file first, then erases, writes, verifies and resets; in between the board has no firmware, and stays silent.
``... image FILE --version V`` writes an image (:mod:`bench.simulator.image`). ``... recovery --serial-number N`` brings
a board into its bootloader (:mod:`bench.simulator.recovery`).

Options for a test: ``--stop-after erase|write`` ends it there by SIGKILL, as a lost supply would; ``--wait FILE`` waits
after the erasing until the file exists.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.children import SHORT_PATIENCE_S, end_without_parent
from bench.errors import UsageError, in_words
from bench.simulator.control import socket_address
from bench.simulator.image import APPLICATION, MODEM, BadImage, SimulatedImage, read_image, write_image
from bench.simulator.profiles import Faults
from bench.simulator.rack_service import DEFAULT_CONTROL, ENVIRONMENT

_STEPS = ("erase", "write")
_PROGRAM_OPTIONS = {
    "chip_erase_mode": {"ERASE_NONE", "ERASE_ALL", "ERASE_RANGES_TOUCHED_BY_FIRMWARE", "ERASE_CTRL_AP"},
    "verify": {"VERIFY_NONE", "VERIFY_READ", "VERIFY_HASH"},
    "reset": {"RESET_NONE", "RESET_SYSTEM", "RESET_DEBUG", "RESET_PIN", "RESET_HARD"},
}
"""Programming options of nrfutil device, with their values (nRF Util, Programming options)."""
_ANSWER_SECONDS, _LOOK_S = 10.0, 0.01


class Refused(Exception):
    """What nRF Util would report as a task that failed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.what == "image":
            write_image(options.file, _image(options))
            return 0
        if options.what == "recovery":
            _ask(options.control, options.serial_number, "recovery")
            return 0
        _program(options)
    except (Refused, BadImage, UsageError, OSError) as error:
        name = getattr(options, "serial_number", options.what)
        sys.stderr.write(f"Error: One or more program tasks failed:\n * {name}: {in_words(error)}\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of its command line."""
    whole = argparse.ArgumentParser(prog="nrfutil")
    whole.add_argument("--control", type=Path, default=Path(os.environ.get(ENVIRONMENT, DEFAULT_CONTROL)))
    whole.add_argument("--stop-after", choices=_STEPS)
    whole.add_argument("--wait", type=Path)
    commands = whole.add_subparsers(dest="what", required=True)
    device = commands.add_parser("device").add_subparsers(dest="command", required=True)
    program = device.add_parser("program")
    program.add_argument("--firmware", type=Path, required=True)
    program.add_argument("--serial-number", required=True)
    program.add_argument("--options", type=_program_options, default={})
    commands.add_parser("recovery").add_argument("--serial-number", required=True)
    image = commands.add_parser("image")
    image.add_argument("file", type=Path)
    image.add_argument("--kind", choices=(APPLICATION, MODEM), default=APPLICATION)
    image.add_argument("--version", required=True)
    image.add_argument("--firmware", default="slm-3.1")
    image.add_argument("--customer", default="")
    image.add_argument("--refuse", action="append", default=[])
    image.add_argument("--slower", type=float, default=0.0)
    image.add_argument("--silent", action="store_true")
    image.add_argument("--wipes", action="store_true")
    return whole


def _image(options: argparse.Namespace) -> SimulatedImage:
    faults = Faults(tuple(options.refuse), options.slower)
    image = SimulatedImage(
        options.kind,
        options.version,
        options.firmware,
        options.customer,
        faults,
        silent=options.silent,
        wipes=options.wipes,
    )
    return SimulatedImage.decode(image.encode())  # refuses what no board could run


def _program_options(text: str) -> dict[str, str]:
    found = dict(part.partition("=")[::2] for part in text.split(","))
    for name, value in found.items():
        if value not in _PROGRAM_OPTIONS.get(name, ()):
            raise argparse.ArgumentTypeError(f"{name}={value} is not a programming option")
    return found


def _program(options: argparse.Namespace) -> None:
    image = read_image(options.firmware)
    serial = options.serial_number
    _ask(options.control, serial, "find")
    _say(f"{serial}: erasing")
    _ask(options.control, serial, "erase", kind=image.kind)
    _after(options, "erase")
    while options.wait is not None and not options.wait.exists():
        time.sleep(_LOOK_S)
    _say(f"{serial}: programming {options.firmware.name}")
    _ask(options.control, serial, "write", image=image.encode().decode())
    _after(options, "write")
    if options.options.get("reset", "RESET_NONE") != "RESET_NONE":
        _ask(options.control, serial, "reset")
    _say(f"{serial}: programmed")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _after(options: argparse.Namespace, step: str) -> None:
    if options.stop_after == step:
        os.kill(os.getpid(), signal.SIGKILL)


def _ask(control: Path, serial: str, step: str, **more: object) -> None:
    """Ask the simulator for a step.

    Raises:
        Refused: it does not know the board, or is not there.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_ANSWER_SECONDS)
            client.connect(socket_address(control))
            client.sendall(json.dumps({"op": "flash", "board": serial, "step": step, **more}).encode() + b"\n")
            with client.makefile("rb") as lines:
                answer: dict[str, Any] = json.loads(lines.readline() or b"{}")
    except OSError as error:
        raise Refused(f"no simulator answers at {control}: {in_words(error)}") from error
    if not answer.get("ok"):
        raise Refused(str(answer.get("error", "the simulator has gone")))


if __name__ == "__main__":
    end_without_parent(SHORT_PATIENCE_S)
    sys.exit(main())
