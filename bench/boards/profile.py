"""A board's settings, which must be the same after a run as before it."""

import re
from collections.abc import Mapping

from bench.at import AtLink, CommandError

_MODE = "functional mode"
_MODE_LINE = re.compile(r"\+CFUN: ?(\d+)$")

SETTINGS: Mapping[str, str] = {
    "AT+CFUN?": _MODE,
    "AT%XSYSTEMMODE?": "system mode",
    "AT+CPSMS?": "power saving mode",
    "AT+CEDRXS?": "eDRX",
    "AT%RAI?": "RAI",
    "AT+CMEE?": "error numbers",
}
"""Read commands and the names of their settings. Registration and signalling change by themselves."""

Profile = Mapping[str, str]
"""Setting -> what the modem said of it."""


def read_profile(link: AtLink) -> Profile:
    """Return the settings by the modem's own account; ``not told`` where its firmware gives none."""
    settings = {}
    for command, name in SETTINGS.items():
        try:
            settings[name] = " / ".join(link.command(command).lines) or "none"
        except CommandError:
            settings[name] = "not told"
    return settings


def mode_of(profile: Profile) -> str:
    """Return the functional mode, a number; empty where the modem did not tell."""
    match = _MODE_LINE.match(profile.get(_MODE, ""))
    return match[1] if match else ""


def differences(before: Profile, after: Profile) -> list[str]:
    """Return a line a changed setting: ``power saving mode was +CPSMS: 0,... and is +CPSMS: 1,...``."""
    return [f"{name} was {value} and is {after[name]}" for name, value in before.items() if after.get(name) != value]
