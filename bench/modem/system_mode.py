"""System mode: the radio systems that the modem uses. Nordic's AT commands reference (%XSYSTEMMODE)."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench.at import AtLink
from bench.modem.answers import Answers
from bench.modem.changes import Changes
from bench.modem.registration import Registration


@dataclass(frozen=True, slots=True)
class SystemMode:
    """The systems that the modem uses; ``preference`` as in Nordic's reference (0 none, 1 LTE-M, 2 NB-IoT)."""

    lte_m: bool = False
    nb_iot: bool = False
    gnss: bool = False
    preference: int = 0

    @property
    def fields(self) -> str:
        """Return the fields of the command."""
        return f"{int(self.lte_m)},{int(self.nb_iot)},{int(self.gnss)},{self.preference}"


class SystemModes:
    """The system mode of one modem, which can change only while its radio is off."""

    def __init__(self, link: AtLink, registration: Registration, changes: Changes) -> None:
        self._link = link
        self._registration = registration
        self._changes = changes

    def read(self) -> SystemMode:
        """AT%XSYSTEMMODE?."""
        answers = Answers(self._link, self._link.command("AT%XSYSTEMMODE?"))
        fields = answers.one("%XSYSTEMMODE", fields=3)
        lte_m, nb_iot, gnss, preference = (answers.number(field, "a mode") for field in (*fields, "0")[:4])
        return SystemMode(bool(lte_m), bool(nb_iot), bool(gnss), preference)

    @contextlib.contextmanager
    def use(self, mode: SystemMode, timeout: float) -> Iterator[None]:
        """Detach, change the mode, and register; at the end do the same with the mode that was.

        Raises:
            NotRegistered: the network did not let the board in within ``timeout`` seconds.
        """
        functional = self._registration.functional_mode()
        before = f"AT%XSYSTEMMODE={self.read().fields}"
        with self._changes.undone("AT+CFUN=4", before, f"AT+CFUN={functional}"):
            with self._registration.offline(timeout):
                self._set(mode)
            yield
        if functional == "1":
            self._registration.wait(timeout)

    def _set(self, mode: SystemMode) -> None:
        self._link.command(f"AT%XSYSTEMMODE={mode.fields}")
