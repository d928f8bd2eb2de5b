"""The boards that a run uses: from ``--port``, ``--board``, the inventory and what is attached."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from bench.boards.discovery import same_serial
from bench.boards.inventory import known_boards, named_port
from bench.boards.spec import BoardSpec
from bench.config.firmware import Firmware
from bench.config.lab import Config
from bench.config.selector import BOARD_KINDS, FIRMWARE_KINDS, Condition, firmware_matches, parse_conditions
from bench.errors import UsageError
from bench.suggestion import did_you_mean

ALL = "all"

FirmwareOf = Callable[[BoardSpec], Firmware | None]
"""Asks a board for its firmware; None where it does not answer."""

_KINDS: Mapping[str, Callable[[BoardSpec, Condition], bool]] = {
    "name": lambda spec, condition: condition.matches(spec.slot),
    "model": lambda spec, condition: condition.matches(spec.model),
    "serial": lambda spec, condition: same_serial(condition.value, spec.serial),
    "place": lambda spec, condition: condition.matches(spec.place),
    "label": lambda spec, condition: any(map(condition.matches, spec.labels)),
}
_SINGULAR = ("name", "serial", "place")  # what distinguishes one board from all others


@dataclass(frozen=True, slots=True)
class Selector:
    """A description of boards: conditions, all of which hold; see :mod:`bench.config.selector`.

    A value without a kind may be a name, a model, a serial number, a place or a label; ``all`` is any board.
    """

    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str, option: str = "--board") -> Self:
        """Return the selector that the user wrote behind an option.

        Raises:
            UsageError: there is no such kind.
        """
        return cls(parse_conditions(text, option, (*BOARD_KINDS, *FIRMWARE_KINDS)))

    def matches(self, spec: BoardSpec, firmware_of: FirmwareOf | None = None) -> bool:
        """Return True for a board that is meant; for its firmware the board is asked, once, when all else fits."""
        asked = [one for one in self.conditions if one.kind in FIRMWARE_KINDS]
        if not all(_holds(one, spec) for one in self.conditions if one not in asked):
            return False
        if not asked:
            return True
        firmware = firmware_of(spec) if firmware_of is not None and spec.port else None
        return firmware is not None and all(firmware_matches(one, firmware) for one in asked)

    def names(self, spec: BoardSpec) -> bool:
        """Return whether just this board is meant: by its name, serial number or place, not by a pattern."""
        return any(
            not one.is_pattern
            and any(kind in _SINGULAR and _KINDS[kind](spec, one) for kind in ([one.kind] if one.kind else _KINDS))
            for one in self.conditions
        )


def _holds(condition: Condition, spec: BoardSpec) -> bool:
    if condition.kind:
        return _KINDS[condition.kind](spec, condition)
    return condition.value == ALL or any(matches(spec, condition) for matches in _KINDS.values())


def select(
    config: Config, selectors: Sequence[str], ports: Sequence[str], firmware_of: FirmwareOf | None = None
) -> list[BoardSpec]:
    """Return the boards that the user named; without selector and port all that are in the inventory or attached.

    A control board is a board under test where it is named, and only there.

    A selector is a board's name, model, serial number, USB place or label, ``all``, or conditions with their kinds:
    see :class:`Selector`. A board that is selected but not attached has no port.

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
        raise UsageError(_not_found(text, available))
    return found


def _not_found(text: str, available: Sequence[BoardSpec]) -> str:
    names = [spec.slot for spec in available]
    others = [word for spec in available for word in (spec.model, *spec.labels)]
    like = did_you_mean(text.rpartition("=")[2], [*names, *others]) or ";"
    return f"no board is {text}{like} known boards: {', '.join(names) or 'none'} (`nrf91-bench boards` shows them)"


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
