"""The socket that Serial LTE Modem's commands mean: the active one, its ranking, and the client that a server serves.

The firmware keeps an accepted connection beside its server, with a handle but without a place in its lists. A further
one takes that place; the one before stays open, handle and all, and is forgotten until the next reset.
"""

from bench.simulator.refusal import AtError, Refused
from bench.simulator.sockets import SERVER, STREAM, SocketRequest, SocketTable, TableSocket


class Selection:
    """The active socket, the rankings and the served clients, since the last boot."""

    def __init__(self, sockets: SocketTable) -> None:
        self._sockets = sockets
        self._active: TableSocket | None = None
        self._rankings: dict[int, int] = {}
        self._opened = 0
        self._served: dict[int, TableSocket] = {}

    @property
    def active(self) -> TableSocket | None:
        """The active socket; None when there is none."""
        if self._active is not None and not self._sockets.holds(self._active):
            self._active = None  # a crash of the modem has closed it
        return self._active

    def need(self) -> TableSocket:
        """Return the active socket; raise AtError when there is none."""
        if self.active is None:
            raise AtError
        return self.active

    def select(self, handle: int) -> TableSocket:
        """Make the socket with a handle active; raise AtError when no socket of the list has it."""
        for sock in self._sockets.opened:
            if sock.handle == handle:
                self._active = sock
                return sock
        raise AtError

    def activate_highest(self) -> None:
        """Make the most recently opened socket active."""
        self._active = max(self._sockets.opened, key=self.ranking, default=None)

    def ranking(self, sock: TableSocket) -> int:
        """Return the ranking of a socket: the later it was opened, the higher."""
        return self._rankings[sock.handle]

    def open(self, request: SocketRequest) -> TableSocket:
        """Open a socket and make it active; raise Refused if it cannot be opened."""
        sock = self._sockets.open(request)
        self._opened += 1
        self._rankings[sock.handle] = self._opened
        self._served.pop(sock.handle, None)
        self._active = sock
        return sock

    def close(self, sock: TableSocket) -> None:
        """Close a socket and the client that it serves; the highest ranked of the rest becomes active."""
        client = self.served(sock)
        self._sockets.close(sock)
        if client is not None:
            self._sockets.close(client)
        self.activate_highest()

    def served(self, server: TableSocket) -> TableSocket | None:
        """Return the connection that a server accepted last; None when there is none."""
        client = self._served.get(server.handle)
        return client if client is not None and self._sockets.holds(client) else None

    def serve(self, server: TableSocket, client: TableSocket) -> None:
        """Remember the connection that a server has accepted, in place of the one before."""
        before = self.served(server)
        if before is not None:
            before.stop_session_timer()
        self._served[server.handle] = client

    def peer_socket(self, sock: TableSocket) -> TableSocket:
        """Return the socket whose data a command means: of a server its client; raise Refused when it has none."""
        if sock.role != SERVER or sock.type != STREAM:
            return sock
        client = self.served(sock)
        if client is None:
            raise Refused
        return client
