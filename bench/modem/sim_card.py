"""The SIM and its PIN: 3GPP TS 27.007 sections 8.3 (+CPIN), Nordic's reference (+CPINR, %XSIM).

A PIN is tried once, and only while all tries are left: at night nobody is in the lab to unlock a SIM.
A SIM boots for up to two seconds after it got power; until then the modem answers ERROR to questions about it.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from bench.at import AtLink, CommandError, CommandTimeout, LinkBlocked, MalformedAnswer, UrcTimeout
from bench.clock import NS_PER_S, now_ns
from bench.errors import LabError, Suspect
from bench.modem.answers import Answers
from bench.modem.changes import Changes
from bench.modem.cures import Cures

READY, WANTS_PIN = "READY", "SIM PIN"
_FOR_SERVICES = ("SIM PIN2", "SIM PUK2")
"""Codes that the SIM wants for services of its own: the modem registers without them."""
_SIM_ON = "AT+CFUN=41"
_WITHOUT_POWER = ("0", "4", "40")
"""Functional modes in which the SIM has no power."""
_MODE_SECONDS = 60.0
_BOOT_SECONDS = 3.0
_LOOK_SECONDS = 0.25
_ALL_TRIES = 3
_NO_ANSWER = (CommandTimeout, LinkBlocked, MalformedAnswer)

PinSource = Callable[[], str]
"""Reads the PIN from where it is kept, when it is needed; a LabError says why it cannot."""


class SimFault(LabError):
    """The modem has no SIM that it can use."""

    suspect = Suspect.SIM
    permanent = True


class SimLocked(SimFault):
    """The SIM wants something that the bench must not, or cannot, give."""


@dataclass(frozen=True, slots=True)
class SimState:
    """What the modem says of its SIM.

    Attributes:
        state: the code that the SIM wants, READY for none; empty where it does not answer.
        text: for a person.
    """

    state: str
    text: str


class SimCard:
    """The SIM of one modem."""

    def __init__(
        self, link: AtLink, changes: Changes, pin: PinSource | None = None, cures: Cures | None = None
    ) -> None:
        self._link = link
        self._changes = changes
        self._cures = cures or Cures()
        self._pin = pin

    def unlock(self) -> bool:
        """Give the PIN where the SIM wants one. Return False while the SIM does not answer: it boots, or is missing.

        Raises:
            SimLocked: no PIN is known, it was wrong, tries are missing, or the SIM wants something else (PUK).
        """
        state = self.state()
        if state in ("", READY, *_FOR_SERVICES):
            return bool(state)
        if state != WANTS_PIN:
            raise SimLocked(f"{self._link.name}: the SIM wants {state}, which the bench never gives: unlock it by hand")
        if self._pin is None:
            raise SimLocked(f"{self._link.name}: the SIM wants its PIN{self._cures.no_pin}")
        tries = self._tries_or_refuse()
        if tries < _ALL_TRIES:
            raise SimLocked(
                f"{self._link.name}: {tries} of {_ALL_TRIES} tries for the PIN are left, so a wrong one was given;"
                f" it is not tried again: enter it by hand (AT+CPIN){self._cures.wrong_pin}"
            )
        try:
            self._link.command(f'AT+CPIN="{self._pin()}"', timeout=30.0)
        except CommandError as error:
            raise SimLocked(f"{self._link.name}: the SIM refused the PIN; it is not tried again") from error
        return True

    def _tries_or_refuse(self) -> int:
        try:
            return self.tries()
        except CommandError as error:
            raise SimLocked(
                f"{self._link.name}: the modem does not say how many tries for the PIN are left, so none is made: enter"
                f" it by hand (AT+CPIN); {error.headline}"
            ) from error

    def tries(self) -> int:
        """Return how many wrong PINs may still be given."""
        answers = Answers(self._link, self._link.command('AT+CPINR="SIM PIN"'))
        return answers.number(answers.one("+CPINR", fields=2)[1], "tries")

    def state(self) -> str:
        """Return the code that the SIM wants, READY for none; empty where the modem does not say: no SIM, or it boots.

        Raises:
            MalformedAnswer: the modem's answer cannot be read.
        """
        try:
            return Answers(self._link, self._link.command("AT+CPIN?")).one("+CPIN")[0]
        except CommandError:
            return ""

    def examine(self) -> SimState:
        """Return the state of the SIM. One without power gets it for the question, and one that boots some time.

        Raises:
            CommandError: the modem refuses to give it power.
            CommandTimeout, MalformedAnswer: as any command.
        """
        mode = Answers(self._link, self._link.command("AT+CFUN?")).one("+CFUN")[0]
        if mode not in _WITHOUT_POWER:
            return self._await_state()
        with self._changes.undone(f"AT+CFUN={mode}"):
            self._link.command(_SIM_ON, timeout=_MODE_SECONDS)
            return self._await_state()

    def _await_state(self) -> SimState:
        deadline = now_ns() + round(_BOOT_SECONDS * NS_PER_S)
        while not (state := self.state()) and now_ns() < deadline:
            with contextlib.suppress(UrcTimeout):
                self._link.wait_for_urc("%XSIM", timeout=_LOOK_SECONDS)
        return SimState(state, self.describe())

    def describe(self) -> str:
        """Return the state of the SIM for a person, with the modem's own words where it has some."""
        try:
            state = self.state()
        except _NO_ANSWER:
            return ""
        if state == READY:
            return "the SIM is ready"
        what = f"the SIM wants {state}" if state else "the SIM does not answer"
        told = self._words()
        return f"{what} ({told})" if told else what

    def _words(self) -> str:
        """Return the line of AT%XSIM?, such as ``%XSIM: 0,9``; empty where the firmware has no such command."""
        try:
            return " ".join(self._link.command("AT%XSIM?").lines)
        except (CommandError, *_NO_ANSWER):
            return ""
