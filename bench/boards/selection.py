"""The boards that a run uses: from ``--port``, ``--board``, the inventory and what is attached."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from bench.boards.discovery import same_serial
from bench.boards.inventory import known_boards, named_port
from bench.boards.spec import BoardSpec
from bench.config.lab import Config
from bench.errors import UsageError

ALL = "all"

FirmwareOf = Callable[[BoardSpec], str]
"""Asks a board for its firmware."""
Predicate = Callable[[BoardSpec, str], bool]

_KINDS: Mapping[str, Predicate] = {
    "name": lambda spec, value: spec.slot == value,
    "model": lambda spec, value: spec.model == value,
    "serial": lambda spec, value: same_serial(value, spec.serial),
    "place": lambda spec, value: spec.place == value,
    "label": lambda spec, value: value in spec.labels,
}
_FIRMWARE = "firmware"


@dataclass(frozen=True, slots=True)
class Selector:
    """A description of boards: ``KIND=VALUE``, or a value alone, which any kind but the firmware may match.

    Attributes:
        kind: name, model, serial, place, label or firmware; empty for any.
        value: to be compared with.
    """

    kind: str
    value: str

    @classmethod
    def parse(cls, text: str, option: str = "--board") -> Self:
        """Return the selector that the user wrote behind an option.

        Raises:
            UsageError: there is no such kind.
        """
        kind, equals, value = text.partition("=")
        if not equals:
            return cls("", text)
        if kind not in _KINDS and kind != _FIRMWARE:
            available = ", ".join((*_KINDS, _FIRMWARE))
            raise UsageError(f"{option} {text}: unknown kind {kind!r}; available: {available}")
        return cls(kind, value)

    def matches(self, spec: BoardSpec, firmware_of: FirmwareOf | None = None) -> bool:
        """Return True for a board that is meant; for its firmware the board is asked."""
        if not self.kind:
            return self.value == ALL or any(matches(spec, self.value) for matches in _KINDS.values())
        if self.kind == _FIRMWARE:
            return firmware_of is not None and bool(spec.port) and self.value in firmware_of(spec)
        return _KINDS[self.kind](spec, self.value)


def select(
    config: Config, selectors: Sequence[str], ports: Sequence[str], firmware_of: FirmwareOf | None = None
) -> list[BoardSpec]:
    """Return the boards that the user named; without selector and port all that are in the inventory or attached.

    A control board is a board under test where it is named, and only there.

    A selector is a board's name, model, serial number, USB place or label, ``all``, or one of these with its kind
    before it: ``name=``, ``model=``, ``serial=``, ``place=``, ``label=``, ``firmware=`` (the board is asked). A board
    that is selected but not attached has no port.

    Raises:
        UsageError: a selector matches no board, or one board was chosen twice.
        LabError: libudev, which finds attached boards, is missing.
    """
    chosen = [named_port(port, rank, config) for rank, port in enumerate(ports, 1)]
    if selectors or not ports:
        available = known_boards(config)
        for text in selectors or [ALL]:
            chosen += [spec for spec in _find(text, available, firmware_of) if spec not in chosen]
    _refuse_doubles(chosen)
    return [replace(spec, control_board=False) for spec in chosen]


def matches(selector: str, spec: BoardSpec, firmware_of: FirmwareOf | None = None) -> bool:
    """Return True for a board that a selector means; see :class:`Selector`."""
    return Selector.parse(selector).matches(spec, firmware_of)


def _find(text: str, available: Sequence[BoardSpec], firmware_of: FirmwareOf | None) -> list[BoardSpec]:
    selector = Selector.parse(text)
    found = [spec for spec in available if selector.matches(spec, firmware_of)]
    if text == ALL:
        return [spec for spec in found if not spec.control_board]
    if not found:
        names = ", ".join(spec.slot for spec in available) or "none"
        raise UsageError(f"no board is {text}; known boards: {names} (`nrf91-bench boards` shows them)")
    return found


def _refuse_doubles(chosen: Sequence[BoardSpec]) -> None:
    """Raise UsageError when one board was chosen twice, or two devices cannot be told apart."""
    ports = _find_repeated(spec.port for spec in chosen if spec.port)
    serials = _find_repeated(spec.key for spec in chosen if spec.serial)
    if serials and not ports:
        numbers = ", ".join(sorted({spec.serial for spec in chosen if spec.key in serials}))
        if not any(spec.port for spec in chosen if spec.key in serials):
            raise UsageError(f"bench.toml gives two boards the serial number {numbers}: a serial number is one board's")
        raise UsageError(
            f"two attached devices have the serial number {numbers}: choose by USB place"
            " (`nrf91-bench boards` shows it)"
        )
    slots = [spec.slot for spec in chosen]
    if ports or _find_repeated(slots):
        raise UsageError(f"one board was chosen twice: {', '.join(sorted(ports)) or ', '.join(sorted(slots))}")


def _find_repeated(values: Iterable[str]) -> set[str]:
    return {value for value, count in Counter(values).items() if count > 1}
