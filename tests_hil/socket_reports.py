"""What suites of Serial Modem share: the reports of sockets, and waits for what nothing reports."""

import contextlib

import pytest

from bench.at import UrcTimeout

QUIET_SECONDS = 0.5
"""What has not come within it does not come: events from before are reported 100 ms after an answer at the latest."""

UNKNOWN_HANDLES = (99, 999)


class Reports:
    """The reports of #XAPOLL since it was started last, each of which is given once."""

    def __init__(self, modem, network):
        self._events = modem.serial_modem.events
        self._timeout = network.receive_timeout
        self._since = 0

    def start(self, events, socket=None):
        """Ask for events of a socket, or of all and those to come."""
        self._since = self._events.start(events, None if socket is None else socket.handle).sent_ns

    def stop(self, socket=None):
        """Stop the events of a socket, or of all and those to come."""
        self._since = self._events.stop(None if socket is None else socket.handle).sent_ns

    def wait(self, socket):
        """Return the next report of a socket, with its stamp."""
        return self._events.wait(socket.handle, timeout=self._timeout, since_ns=self._since)

    def of(self, socket):
        """Return the next events of a socket."""
        return self.wait(socket).events

    def none_of(self, socket):
        """Check that no report of a socket is left, and that none comes within a short time."""
        with pytest.raises(UrcTimeout):
            self._events.wait(socket.handle, timeout=QUIET_SECONDS, since_ns=self._since)

    def asked(self):
        """Return the events that are asked for of each socket, by its handle."""
        return {row.handle: row.events for row in self._events.read()}


class Arrivals:
    """Data that come by themselves."""

    def __init__(self, modem, network):
        self._reception = modem.serial_modem.reception
        self._timeout = network.receive_timeout

    def next(self, socket):
        """Return the next data of a socket."""
        return self._reception.wait(socket.handle, self._timeout)

    def pieces(self, socket, size):
        """Return the data of a socket, piece by piece, up to ``size`` bytes."""
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < size:
            pieces.append(self.next(socket).data)
        return pieces

    def rest(self, socket):
        """Return the data of a socket that come until nothing has come for a short time."""
        rest = b""
        with contextlib.suppress(UrcTimeout):
            while True:
                rest += self._reception.wait(socket.handle, QUIET_SECONDS).data
        return rest

    def none_of(self, socket):
        """Check that nothing comes within a short time."""
        with pytest.raises(UrcTimeout):
            self._reception.wait(socket.handle, QUIET_SECONDS)


def one_round_trip(modem, peers, network):
    """Send data to another peer and back. What peers sent before has come by then, unless something delays it."""
    echo = peers.tcp_echo()
    with modem.tcp_client(echo.host, echo.port) as other:
        other.send(b"there and back")
        other.receive_exactly(14, timeout=network.receive_timeout)
