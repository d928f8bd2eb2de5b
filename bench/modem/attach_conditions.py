"""What a modem says of the conditions under which it attaches: its settings and its SIM, asked when it does not.

Nordic's AT commands reference: %XSYSTEMMODE, %XBANDLOCK, %XCBAND, %XSIM; 3GPP TS 27.007 sections 6.10 (+CEER) and 7.3
(+COPS).
"""

from dataclasses import dataclass

from bench.at import AtLink, CommandError, CommandTimeout, LinkBlocked, MalformedAnswer
from bench.modem.answers import Answers
from bench.modem.sim_card import SimCard
from bench.modem.system_mode import SystemMode

_MANUAL, _DEREGISTERED, _MANUAL_THEN_AUTOMATIC = "1", "2", "4"
_NO_REASON = {"0", "NONE", "no information"}


@dataclass(frozen=True, slots=True)
class AttachConditions:
    """The modem's answers in words. Each is empty where the modem does not say, or where the setting is the usual one.

    Attributes:
        error: the reason that it gives itself.
        system_mode: the radio systems that it uses.
        selection: the network that was selected by hand.
        bands: the lock of its bands, and the band in use.
        sim: the state of its SIM.
    """

    error: str = ""
    system_mode: str = ""
    selection: str = ""
    bands: str = ""
    sim: str = ""

    @property
    def text(self) -> str:
        """Return the settings and the SIM in one line."""
        return "; ".join(part for part in (self.system_mode, self.selection, self.bands, self.sim) if part)


class _Questions:
    """Questions to a modem that may refuse to answer. One that is silent is asked nothing more."""

    def __init__(self, link: AtLink) -> None:
        self._link = link
        self.silent = False

    def fields(self, command: str, prefix: str) -> tuple[str, ...]:
        """Return the fields of an answer; none for a refusal, for silence and for another form."""
        if self.silent:
            return ()
        try:
            return Answers(self._link, self._link.command(command)).one(prefix)
        except (CommandTimeout, LinkBlocked):
            self.silent = True
        except (CommandError, MalformedAnswer):
            pass
        return ()


def read_conditions(link: AtLink, sim: SimCard) -> AttachConditions:
    """Ask the modem.

    Raises:
        DeviceRestarted: it restarts meanwhile.
        PortLost: the port vanished.
    """
    ask = _Questions(link)
    return AttachConditions(
        error=_error(ask.fields("AT+CEER", "+CEER")),
        system_mode=_system_mode(ask.fields("AT%XSYSTEMMODE?", "%XSYSTEMMODE")),
        selection=_selection(ask.fields("AT+COPS?", "+COPS")),
        bands=_bands(ask.fields("AT%XBANDLOCK?", "%XBANDLOCK"), ask.fields("AT%XCBAND", "%XCBAND")),
        sim="" if ask.silent else sim.describe(),
    )


def _error(fields: tuple[str, ...]) -> str:
    return "" if set(fields) <= _NO_REASON else ", ".join(fields)


def _system_mode(fields: tuple[str, ...]) -> str:
    mode = SystemMode.of(fields)
    return f"system mode {mode.text}" if mode is not None else ""


def _selection(fields: tuple[str, ...]) -> str:
    mode = fields[0] if fields else ""
    if mode in (_MANUAL, _MANUAL_THEN_AUTOMATIC):
        network = f", set to {fields[2]}" if len(fields) > 2 else ""
        return f"network selection is manual{network}: AT+COPS=0 makes it automatic"
    return "network selection is switched off (+COPS: 2): AT+COPS=0 makes it automatic" if mode == _DEREGISTERED else ""


def _bands(locks: tuple[str, ...], band: tuple[str, ...]) -> str:
    """Return the locked bands, by two strings of bits (permanent, and until the next start), and the band in use."""
    locked = sorted({number for bits in locks for number, bit in enumerate(reversed(bits), 1) if bit == "1"})
    parts = [f"bands are locked to {', '.join(map(str, locked))} (AT%XBANDLOCK?)"] if locked else []
    if band and band[0] not in ("", "0"):
        parts.append(f"band {band[0]}")
    return ", ".join(parts)
