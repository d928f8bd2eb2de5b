"""The syntax of what chooses boards: those of a lab (``--board``, ``--interleave``), or of a history (``compare``).

Conditions stand with commas between them, and all of them hold: ``model=nrf9151dk,slm=3.1.*``. A value may be a pattern
(``*``, ``?``). The kinds are the same on both sides; some can be known of a history's runs only.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench.config.firmware import Firmware, firmware_text
from bench.errors import UsageError
from bench.suggestion import unknown

BOARD_KINDS = ("name", "model", "serial", "place", "label")
"""What is known of a board without asking it."""
FIRMWARE_KINDS = ("firmware", "modem", "application", "version", "slm", "serial-modem")
"""What a board says of itself."""
RUN_KINDS = ("run", "group", "board", "operator", "access", "identity")
"""What only a run's record has."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: ``KIND=VALUE``, or a value alone.

    Attributes:
        kind: one of the kinds; empty for a value alone.
        value: a text, or a pattern of texts.
    """

    kind: str
    value: str

    @property
    def is_pattern(self) -> bool:
        """Whether several texts may match."""
        return any(letter in self.value for letter in "*?")

    def matches(self, text: str) -> bool:
        """Return whether the value is a text, or a pattern of it."""
        return text == self.value or fnmatchcase(text, self.value)


def parse_conditions(text: str, option: str, kinds: Collection[str]) -> tuple[Condition, ...]:
    """Return the conditions of a text.

    Args:
        text: as the user wrote it.
        option: in front of it; empty for an argument.
        kinds: those that can be known.

    Raises:
        UsageError: a kind is unknown, or a value is missing.
    """
    return tuple(_parse(part.strip(), f"{option} {text}".strip(), kinds) for part in text.split(","))


def _parse(part: str, whole: str, kinds: Collection[str]) -> Condition:
    kind, equals, value = part.partition("=")
    if not equals and part:
        return Condition("", part)
    if kind not in kinds and kind in RUN_KINDS:
        raise UsageError(f"{whole}: {kind}= chooses runs of the history, not boards: it is for nrf91-bench compare")
    if kind not in kinds and equals:
        raise UsageError(f"{whole}: {unknown('kind', kind, kinds)}")
    if not value:
        raise UsageError(f"{whole or repr(whole)}: a value is missing; write a name, or KIND=VALUE with commas between")
    return Condition(kind, value)


def firmware_matches(condition: Condition, firmware: Firmware) -> bool:
    """Return whether a condition of one of the ``FIRMWARE_KINDS`` holds for a board's firmware.

    ``firmware=`` is a part of the firmware's name, such as ``2.0`` of ``mfw_nrf91x1_2.0.2, SLM 3.1.0``, or a pattern of
    the modem firmware or the application's version; ``slm=3.1.0`` is short for ``application=slm,version=3.1.0``.
    """
    version = firmware.application_version
    match condition.kind:
        case "modem":
            return condition.matches(firmware.modem_firmware)
        case "application":
            return condition.matches(firmware.application)
        case "version":
            return condition.matches(version)
        case "firmware":
            return any(map(condition.matches, (firmware.modem_firmware, version))) or _is_part(condition, firmware)
    return firmware.application == condition.kind and condition.matches(version)


def _is_part(condition: Condition, firmware: Firmware) -> bool:
    """Return whether the value is a part of the firmware's name that cuts no number in two."""
    text = firmware_text(firmware.modem_firmware, firmware.application, firmware.application_version)
    return re.search(rf"(?<![\d.]){re.escape(condition.value)}(?!\d)", text) is not None
