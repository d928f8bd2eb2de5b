"""Two ends of a secure connection in one process, on a clock that the test moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.security import SecurityError, TlsConnection, TlsContext, TlsSettings


class SecureLink:
    """A client and a server; what one sends goes to the other unless ``lose`` says otherwise.

    Attributes:
        now: the moment, in seconds.
        passed: what went over the link, (from the client, bytes).
    """

    def __init__(
        self,
        client: TlsContext,
        server: TlsContext,
        *,
        host_name: str | None = None,
        client_cid: bytes | None = None,
        server_cid: bytes | None = None,
        session: bytes | None = None,
        lose: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.now = 0.0
        self.passed: list[tuple[bool, bytes]] = []
        self.lose = lose
        self._server_context, self._server_cid = server, server_cid
        self.client = TlsConnection(
            client, host_name=host_name, cid=client_cid, session=session, clock=lambda: self.now
        )
        self.server = self._new_server()
        self.errors: dict[str, str] = {}

    def _new_server(self) -> TlsConnection:
        return TlsConnection(self._server_context, peer=b"client", cid=self._server_cid, clock=lambda: self.now)

    def handshake(self, patience: float = 200.0) -> bool:
        """Shakes hands, moving the clock when nothing else moves; whether both ends are done."""
        while self.now < patience:
            moved = self._turn("client", self.client) + self._turn("server", self.server)
            if self.client.established and self.server.established and not moved:
                return True
            if len(self.errors) == 2 or (self.errors and not moved):
                return False
            if not moved:
                self._wait()
        return False

    def _wait(self) -> None:
        pending = [c.deadline for c in (self.client, self.server) if c.deadline is not None]
        self.now = max(self.now, min(pending)) if pending else 1e9

    def _turn(self, name: str, end: TlsConnection) -> int:
        try:
            if name not in self.errors and not end.established:
                end.handshake()
            elif name not in self.errors:
                end.read()  # answers what is sent again
        except SecurityError as error:
            if end.wants_cookie:
                pieces = end.take()
                end.free()
                self.server = self._new_server()
                return self._pass(False, pieces)
            self.errors[name] = error.reason
        return self._pass(name == "client", end.take())

    def _pass(self, up: bool, pieces: list[bytes]) -> int:
        for piece in pieces:
            self.passed.append((up, piece))
            if not self.lose(len(self.passed)):
                (self.server if up else self.client).feed(piece)
        return len(pieces)

    def up(self, data: bytes) -> bytes | None:
        """Sends from the client; what the server reads."""
        self.client.write(data)
        self._pass(True, self.client.take())
        return self.server.read()

    def down(self, data: bytes) -> bytes | None:
        """Sends from the server; what the client reads."""
        self.server.write(data)
        self._pass(False, self.server.take())
        return self.client.read()

    def free(self) -> None:
        """Gives both ends' memory back."""
        self.client.free()
        self.server.free()


@contextmanager
def contexts(client: TlsSettings, server: TlsSettings, *, datagram: bool) -> Iterator[tuple[TlsContext, TlsContext]]:
    """Both ends' contexts for TLS or DTLS."""
    with (
        TlsContext(replace(client, server=False, datagram=datagram)) as ours,
        TlsContext(replace(server, server=True, datagram=datagram)) as theirs,
    ):
        yield ours, theirs
