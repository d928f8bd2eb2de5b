"""The application firmwares that the bench speaks: one row of a table each.

A new one is a package of command families beside :mod:`bench.modem.slm`, wire tables beside :mod:`bench.at.slm`, and a
row here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.at import SERIAL_MODEM as SERIAL_MODEM_WIRE
from bench.at import SLM, AtLink, CommandError, Dialect
from bench.config.firmware import application_text
from bench.errors import LabError, UsageError
from bench.modem.answers import Answers
from bench.modem.commands import CommandFamilies, CommandTiming
from bench.modem.features import SERIAL_MODEM_FEATURES, SLM_FEATURES, has
from bench.modem.serial_modem.data_mode import serial_modem_enters_data_mode
from bench.modem.serial_modem.families import serial_modem_blocks, serial_modem_families
from bench.modem.serial_modem.version import comparable_version
from bench.modem.slm.data_mode import slm_enters_data_mode
from bench.modem.slm.families import slm_blocks, slm_families


class DialectUnsupported(LabError):
    """The board runs a firmware that the bench does not speak."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """The question that tells a firmware from others: only the one meant answers it, with its version."""

    command: str
    prefix: str


@dataclass(frozen=True, slots=True)
class FirmwareDialect:
    """An application firmware as the bench speaks to it.

    Attributes:
        application: as in configuration and records, such as ``slm``.
        title: as its maker calls it.
        recognition: how a board is recognised that runs it.
        wire: its wire tables, with the terminator of its usual build.
        terminators: that its builds may want at the end of a command.
        reset: the command that restarts the board.
        ready: the line that a board sends after its start.
        families: makes its command families.
        blocks: returns True for a command during which no URC can come.
        enters_data_mode: returns True for a command whose OK enters data mode.
        features: in which it differs from others, and the versions that have each; see :mod:`bench.modem.features`.
        hush: commands that switch off what would outlive every socket: URCs that were asked for, and the echo.
        oldest: the first version of it that the bench speaks; older ones answer in other forms.
        comparable: turns a version as it is printed into one that version ranges can compare.
    """

    application: str
    title: str
    recognition: Recognition
    wire: Dialect
    terminators: tuple[bytes, ...]
    reset: str
    ready: bytes
    families: Callable[[AtLink, CommandTiming], CommandFamilies]
    blocks: Callable[[bytes], bool]
    enters_data_mode: Callable[[bytes], bool]
    features: Mapping[str, str]
    hush: tuple[str, ...] = ()
    oldest: tuple[int, ...] = ()
    comparable: Callable[[str], str] = str

    def missing(self, feature: str, version: str) -> str:
        """Return the sentence that a version does not have a feature; empty where it has it.

        Raises:
            UsageError: no firmware has a feature of this name.
        """
        known = {name for dialect in (*DIALECTS, self) for name in dialect.features}
        if feature not in known:
            raise UsageError(f"no firmware has a feature {feature!r}; there are: {', '.join(sorted(known))}")
        if has(self.features, feature, version):
            return ""
        return f"this firmware ({application_text(self.application, version)}) has no {feature}"

    def has_all(self, features: Iterable[str], version: str) -> bool:
        """Return whether a version has all of some features."""
        return all(has(self.features, name, version) for name in features)


SERIAL_LTE_MODEM = FirmwareDialect(
    application="slm",
    title="Serial LTE Modem",
    recognition=Recognition("AT#XSLMVER", "#XSLMVER"),
    wire=SLM,
    terminators=(b"\r\n", b"\r", b"\n"),
    reset="AT#XRESET",
    ready=b"Ready",
    families=slm_families,
    blocks=slm_blocks,
    enters_data_mode=slm_enters_data_mode,
    features=SLM_FEATURES,
    oldest=(2, 6),
)

SERIAL_MODEM = FirmwareDialect(
    application="serial-modem",
    title="Serial Modem",
    recognition=Recognition("AT#XSMVER", "#XSMVER"),
    wire=SERIAL_MODEM_WIRE,
    terminators=(b"\r", b"\r\n", b"\n"),
    reset="AT#XRESET",
    ready=b"Ready",
    families=serial_modem_families,
    blocks=serial_modem_blocks,
    enters_data_mode=serial_modem_enters_data_mode,
    features=SERIAL_MODEM_FEATURES,
    # Events and reception of sockets to come, and the echo.
    hush=("AT#XAPOLL=,0", "AT#XRECVCFG=,0", "ATE0"),
    # Older versions have an #XAPOLL with other parameters, and servers as SLM has them.
    oldest=(1, 0),
    comparable=comparable_version,
)

DIALECTS: tuple[FirmwareDialect, ...] = (SERIAL_MODEM, SERIAL_LTE_MODEM)
"""Every firmware that the bench speaks; a board is asked in this order."""


def recognise(link: AtLink) -> tuple[FirmwareDialect, tuple[str, ...]]:
    """Return the dialect of a board and the fields of its version, and let the link speak that dialect.

    The first field is one that version ranges can compare. The terminator stays the one with which the
    board was found. A question that ends in CR LF is answered by every build but those that want LF.

    Raises:
        DialectUnsupported: it runs another firmware; says which one, if it is known.
        CommandTimeout, PortLost, MalformedAnswer: as any command.
    """
    for dialect in DIALECTS:
        answers = answers_to(link, dialect.recognition.command)
        if answers is not None:
            version = answers.one(dialect.recognition.prefix)
            _refuse_an_old_one(link, dialect, version[0])
            link.speak(dialect.wire.ending_in(link.dialect.terminator))
            return dialect, (dialect.comparable(version[0]), *version[1:])
    raise DialectUnsupported(
        f"{link.name} answers AT, but not {_names(lambda d: d.recognition.command)}: it does not run"
        f" {titles()}; flash that firmware, or name the port that speaks it"
    )


def _refuse_an_old_one(link: AtLink, dialect: FirmwareDialect, version: str) -> None:
    """Raise DialectUnsupported for a version that answers in other forms. Zeros stand for a build without a version."""
    numbers = tuple(map(int, re.findall(r"\d+", version.partition("-")[0])))
    if any(numbers) and numbers < dialect.oldest:
        oldest = ".".join(map(str, dialect.oldest))
        raise DialectUnsupported(
            f"{link.name} runs {dialect.title} {version}, whose answers have other forms: the bench speaks {oldest} and"
            " later; flash one of those"
        )


def answers_to(link: AtLink, command: str) -> Answers | None:
    """Return the answers to a command; None for ERROR: the board does not know it, or has no SIM."""
    try:
        return Answers(link, link.command(command, timeout=5.0))
    except CommandError:
        return None


def recognitions() -> tuple[Recognition, ...]:
    """Return the questions that tell each known firmware from others."""
    return tuple(dialect.recognition for dialect in DIALECTS)


def reset_commands() -> tuple[str, ...]:
    """Return the commands that restart a board, for one whose firmware is not known (yet)."""
    return tuple(dict.fromkeys(dialect.reset for dialect in DIALECTS))


def titles() -> str:
    """Return the firmwares that the bench speaks, for a message: ``Serial Modem or Serial LTE Modem``."""
    return _names(lambda dialect: dialect.title)


def ready_lines() -> tuple[bytes, ...]:
    """Return the lines that tell that a board has started, for one whose firmware is not known (yet)."""
    return tuple(dict.fromkeys(dialect.ready for dialect in DIALECTS))


def _names(part: Callable[[FirmwareDialect], str]) -> str:
    *others, last = dict.fromkeys(part(dialect) for dialect in DIALECTS)
    return f"{', '.join(others)} or {last}" if others else last
