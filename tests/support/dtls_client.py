"""DTLS clients on real sockets, any number in one thread."""

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from bench.security import TlsConnection, TlsContext


class DtlsClient:
    """One association from a socket of its own."""

    def __init__(self, context: TlsContext, server: tuple[str, int], *, cid: bytes | None = None) -> None:
        self.server = server
        self.context = context
        self.cid = cid
        self.received = b""
        self.ended = False
        self.sent: list[bytes] = []
        self.socket = self._new_socket()
        self.connection = TlsConnection(context, cid=cid)

    def _new_socket(self) -> socket.socket:
        fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fresh.setblocking(False)
        fresh.connect(self.server)
        return fresh

    def move(self) -> None:
        """Goes on from another address."""
        self.socket.close()
        self.socket = self._new_socket()

    def reboot(self) -> None:
        """Forgets the association and begins anew from the same port."""
        self.connection.free()
        self.connection = TlsConnection(self.context, cid=self.cid)
        self.received = b""

    def close(self) -> None:
        """Ends without a word."""
        self.connection.free()
        self.socket.close()

    def send(self, data: bytes) -> list[bytes]:
        """Sends data; returns the datagrams that carried them."""
        self.connection.write(data)
        return self.flush()

    def flush(self) -> list[bytes]:
        """Sends what the connection wants sent."""
        sent = self.connection.take()
        self.sent += sent
        for datagram in sent:
            self.socket.send(datagram)
        return sent

    def step(self) -> None:
        """Takes in what has arrived."""
        with contextlib.suppress(OSError):
            self.connection.feed(self.socket.recv(65536))
        if not self.connection.handshake():
            self.flush()
            return
        while (data := self.connection.read()) is not None:
            self.received += data
            if not data:
                self.ended = True
                return
        self.flush()


def serve(clients: Sequence[DtlsClient], done: Callable[[DtlsClient], bool], patience: float = 30.0) -> None:
    """Lets clients run until all are done."""
    deadline = time.monotonic() + patience
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.step()
        while not all(map(done, clients)):
            assert time.monotonic() < deadline, f"{sum(map(done, clients))} of {len(clients)} clients are done"
            for key, _ in selector.select(0.05):
                key.data.step()
            for client in clients:
                due = client.connection.deadline
                if due is not None and due <= time.monotonic():
                    client.step()
