"""Changing the system mode, which takes the modem off the network and back. See :mod:`bench.modem.system_mode`."""

import contextlib
from collections.abc import Iterator

from bench.at import AtLink
from bench.modem.changes import Changes
from bench.modem.registration import Registration
from bench.modem.system_mode import SystemMode, read_system_mode


class SystemModes:
    """The system mode of one modem, which can change only while its radio is off."""

    def __init__(self, link: AtLink, registration: Registration, changes: Changes) -> None:
        self._link = link
        self._registration = registration
        self._changes = changes

    def read(self) -> SystemMode:
        """AT%XSYSTEMMODE?."""
        return read_system_mode(self._link)

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
