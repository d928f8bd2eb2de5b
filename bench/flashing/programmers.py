"""The programmers by name: the command line of each for an image and a board."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from bench.boards import BoardSpec
from bench.children import program
from bench.config.flash import FlashConfig
from bench.errors import UsageError
from bench.flashing.images import Image, ImageKind

_ERASE_MODES = {"all": "ERASE_ALL", "touched": "ERASE_RANGES_TOUCHED_BY_FIRMWARE"}
"""Values of chip_erase_mode (nRF Util, nrfutil device program, Programming options)."""
_ERASES = {"all": "chip", "touched": "sector"}
"""Values of pyocd load --erase."""


@dataclass(frozen=True)
class Programmer:
    """A way to bring an image into a board.

    Attributes:
        name: as configuration has it.
        kinds: of images that it can program.
        command: makes its command line.
        install: what to do when it is not there.
        by_id: it finds the board by a serial number.
        module: of Python, which an extra installs; empty where it needs none.
    """

    name: str
    kinds: frozenset[ImageKind]
    command: Callable[[BoardSpec, Image, FlashConfig], list[str]]
    install: str
    by_id: bool = True
    module: str = ""

    @property
    def missing(self) -> str:
        """The module of Python that it needs and that is not installed; empty otherwise."""
        return self.module if self.module and find_spec(self.module) is None else ""


def id_of(spec: BoardSpec) -> str:
    """Return the name of a board for its programmer: SEGGER's tools print serial numbers without leading zeros."""
    name = spec.programmer_id or spec.serial
    return (name.lstrip("0") or name) if name.isdigit() else name


def _nrfutil(spec: BoardSpec, image: Image, config: FlashConfig) -> list[str]:
    options = ["verify=VERIFY_READ", "reset=RESET_SYSTEM"]
    if image.kind is ImageKind.APPLICATION:
        options.insert(0, f"chip_erase_mode={_ERASE_MODES[config.erase]}")
    words = ["device", "program", "--firmware", str(image.path)]
    if spec.control:  # a simulated board of this run
        control = spec.control.replace("\0", "@", 1)
        return [*_STAND_IN, "--control", control, *words, "--serial-number", spec.slot, "--options", ",".join(options)]
    return [*config.nrfutil, *words, "--serial-number", id_of(spec), "--options", ",".join(options)]


_STAND_IN = program("bench.simulator.programmer")


def _pyocd(spec: BoardSpec, image: Image, config: FlashConfig) -> list[str]:
    words = ["load", "--no-wait", "--target", "nrf91", "--uid", id_of(spec)]
    return [sys.executable, "-m", "pyocd", *words, "--erase", _ERASES[config.erase], str(image.path)]


def _smp(spec: BoardSpec, image: Image, config: FlashConfig) -> list[str]:
    del config
    return program("bench.flashing.serial_recovery", spec.port, str(spec.baudrate), str(image.path))


def _lab(spec: BoardSpec, image: Image, config: FlashConfig) -> list[str]:
    values = {"serial": spec.serial, "port": spec.port, "place": spec.place, "name": spec.slot}
    values |= {"id": id_of(spec), "image": str(image.path), "kind": str(image.kind)}
    words = []
    for word in config.command or ():
        for name, value in values.items():
            word = word.replace("{" + name + "}", value)
        words.append(word)
    return words


_BOTH, _APPLICATION = frozenset(ImageKind), frozenset((ImageKind.APPLICATION,))
PROGRAMMERS: Mapping[str, Programmer] = {
    row.name: row
    for row in (
        Programmer("nrfutil", _BOTH, _nrfutil, "install nRF Util, then `nrfutil install device`; or [flash] nrfutil"),
        Programmer("pyocd", _APPLICATION, _pyocd, "pip install 'nrf91-bench[pyocd]'", module="pyocd"),
        Programmer("smp", _APPLICATION, _smp, "pip install 'nrf91-bench[smp]'", by_id=False, module="smpclient"),
        Programmer("command", _BOTH, _lab, "see [flash] command in bench.toml", by_id=False),
    )
}
"""Programmer by name."""


def programmer_of(spec: BoardSpec, config: FlashConfig, kind: ImageKind) -> Programmer:
    """Return what programs a board.

    Raises:
        UsageError: nothing of this lab can program it so.
    """
    found = PROGRAMMERS[spec.programmer or config.programmer]
    if kind not in found.kinds:
        able = ", ".join(each.name for each in PROGRAMMERS.values() if kind in each.kinds)
        raise UsageError(f"{spec.slot}: {found.name} cannot program a {kind} image; these can: {able}")
    if found.name == "command" and config.command is None:
        raise UsageError(f'{spec.slot}: programmer = "command" needs [flash] command in bench.toml')
    if found.by_id and not (id_of(spec) or spec.control):
        raise UsageError(
            f"{spec.slot}: {found.name} finds a board by its serial number, and this one is known by its port alone:"
            " give serial or programmer_id in bench.toml"
        )
    return found
