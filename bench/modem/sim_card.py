"""The SIM and its PIN: 3GPP TS 27.007 sections 8.3 (+CPIN), Nordic's reference (+CPINR).

A PIN is tried once, and only while all its tries are left: whoever locks a SIM by night drives to the lab by day.
"""

from collections.abc import Callable

from bench.at import AtLink, CommandError
from bench.errors import LabError, Suspect
from bench.modem.answers import Answers
from bench.modem.cures import Cures

_READY, _WANTED = "READY", "SIM PIN"
_ALL_TRIES = 3

PinSource = Callable[[], str]
"""Reads the PIN from where it is kept, when it is needed; a LabError says why it cannot."""


class SimLocked(LabError):
    """The SIM wants something that the bench must not, or cannot, give."""

    suspect = Suspect.SIM
    permanent = True


class SimCard:
    """The SIM of one modem."""

    def __init__(self, link: AtLink, pin: PinSource | None = None, cures: Cures | None = None) -> None:
        self._link = link
        self._cures = cures or Cures()
        self._pin = pin

    def unlock(self) -> None:
        """Give the PIN where the SIM wants one; harmless otherwise.

        Raises:
            SimLocked: no PIN is known, it was wrong, tries are missing, or the SIM wants something else (PUK).
        """
        state = self._state()
        if state in ("", _READY):
            return
        if state != _WANTED:
            raise SimLocked(f"{self._link.name}: the SIM wants {state}, which the bench never gives: unlock it by hand")
        if self._pin is None:
            raise SimLocked(f"{self._link.name}: the SIM wants its PIN{self._cures.no_pin}")
        tries = self.tries()
        if tries < _ALL_TRIES:
            raise SimLocked(
                f"{self._link.name}: {tries} of {_ALL_TRIES} tries for the PIN are left, so a wrong one was given;"
                f" it is not tried again: enter it by hand (AT+CPIN){self._cures.wrong_pin}"
            )
        try:
            self._link.command(f'AT+CPIN="{self._pin()}"', timeout=30.0)
        except CommandError as error:
            raise SimLocked(f"{self._link.name}: the SIM refused the PIN; it is not tried again") from error

    def tries(self) -> int:
        """Return how many wrong PINs may still be given."""
        answers = Answers(self._link, self._link.command('AT+CPINR="SIM PIN"'))
        return answers.number(answers.one("+CPINR", fields=2)[1], "tries")

    def _state(self) -> str:
        """Return the code that the SIM wants; empty where the modem does not say, such as without a SIM."""
        try:
            return Answers(self._link, self._link.command("AT+CPIN?")).one("+CPIN")[0]
        except CommandError:
            return ""
