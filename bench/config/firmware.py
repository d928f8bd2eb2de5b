"""Ranges of firmware in a lab's files: modem firmware, application, versions of the application."""

from fnmatch import fnmatchcase
from typing import Any, Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import model_validator

from bench.config.patterns import VersionRange, in_range
from bench.config.toml_file import Section

_TITLES = {"slm": "SLM", "serial-modem": "Serial Modem"}


def application_title(application: str) -> str:
    """Return the name of an application for a person: ``SLM``, ``Serial Modem``."""
    return _TITLES.get(application, application)


def application_text(application: str, version: str) -> str:
    """Return an application and its version for a person: ``SLM 3.1.0``."""
    return f"{application_title(application) or 'application'} {version or '?'}"


def firmware_text(modem_firmware: str, application: str, version: str) -> str:
    """Return a board's firmware for a person: ``mfw_nrf91x1_2.0.2, SLM 3.1.0``; empty for one that did not answer."""
    if not modem_firmware and not application:
        return ""
    return f"{modem_firmware or 'modem ?'}, {application_text(application, version)}"


class Firmware(Protocol):
    """What a board says of its firmware."""

    @property
    def modem_firmware(self) -> str:
        """Such as mfw_nrf91x1_2.0.2."""

    @property
    def application(self) -> str:
        """Such as slm."""

    @property
    def application_version(self) -> str:
        """Such as 3.1.0."""


def _check_range(application: str, text: object) -> None:
    try:
        SpecifierSet(str(text))
    except InvalidSpecifier:
        raise ValueError(f"{application}: {text!r} is not a version range; write one such as >=3.1,<3.2") from None


class FirmwareRange(Section):
    """A range of firmware. Every part that is left out means any.

    ``slm = ">=3.1"`` is short for ``application = "slm"`` and ``version = ">=3.1"``; so is ``serial-modem = ...``.
    """

    modem: str = "*"
    """A pattern of modem firmware names."""
    application: str = ""
    """The application's name, such as ``slm`` or ``serial-modem``."""
    version: VersionRange = ""
    """A range of the application's versions, such as ``>=3.1,<3.2``. Versions of Serial Modem are written as PEP 440
    wants them."""

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, content: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        name = next((name for name in _TITLES if isinstance(content, dict) and name in content), "")
        if not name:
            return content
        both = {"application", "version", *_TITLES} & content.keys() - {name}
        if both:
            raise ValueError(f"{name} is short for application and version: leave {' and '.join(sorted(both))} out")
        _check_range(name, content[name])
        rest = {key: value for key, value in content.items() if key != name}
        return {**rest, "application": name, "version": content[name]} if content[name] else rest

    @model_validator(mode="after")
    def _version_of_what(self) -> "FirmwareRange":
        if self.version and not self.application:
            raise ValueError('say which application the version is of, such as application = "slm"')
        return self

    def matches_firmware(self, firmware: Firmware) -> bool:
        """Return whether a board's firmware is within the range."""
        if not fnmatchcase(firmware.modem_firmware, self.modem):
            return False
        if self.application and firmware.application != self.application:
            return False
        return in_range(firmware.application_version, self.version)

    @property
    def firmware_text(self) -> str:
        """The range for a person; empty where it means any."""
        application = application_text(self.application, self.version or "of any version") if self.application else ""
        return ", ".join([self.modem] * (self.modem != "*") + [application] * bool(application))
