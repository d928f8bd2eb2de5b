"""A board's settings: what must be after a run as it was before."""

from collections.abc import Mapping

from bench.at import AtLink, CommandError

SETTINGS: Mapping[str, str] = {
    "AT+CFUN?": "functional mode",
    "AT%XSYSTEMMODE?": "system mode",
    "AT+CPSMS?": "power saving mode",
    "AT+CEDRXS?": "eDRX",
    "AT%RAI?": "release assistance",
    "AT+CMEE?": "error numbers",
}
"""What is read, and what it is called. Registration and signalling change by themselves and are not settings."""

Profile = Mapping[str, str]


def read_profile(link: AtLink) -> Profile:
    """The settings, as the modem tells them; ``not told`` where its firmware does not."""
    told = {}
    for command, name in SETTINGS.items():
        try:
            told[name] = " / ".join(link.command(command).lines) or "none"
        except CommandError:
            told[name] = "not told"
    return told


def differences(before: Profile, after: Profile) -> list[str]:
    """``power saving mode was +CPSMS: 0,... and is +CPSMS: 1,...``, a line a setting."""
    return [f"{name} was {value} and is {after[name]}" for name, value in before.items() if after.get(name) != value]
