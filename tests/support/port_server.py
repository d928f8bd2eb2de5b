"""A port that another host serves: hardware, if bench.toml vouches for it."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def port_server(path: str) -> Iterator[int]:
    """A raw TCP server in front of a tty, as ser2net is; serves one client after another."""
    tty = os.open(path, os.O_RDWR | os.O_NOCTTY)
    stop = os.eventfd(0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            clients: list[socket.socket] = []
            watched: list[Any] = [server, stop, tty]
            while stop not in (ready := select.select([*watched, *clients], [], [])[0]):
                if server in ready:
                    clients = [server.accept()[0]]
                elif tty in ready:
                    data = os.read(tty, 4096)
                    for client in clients:
                        client.sendall(data)
                elif data := clients[0].recv(4096):
                    os.write(tty, data)
                else:
                    clients.pop().close()
            for client in clients:
                client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            os.eventfd_write(stop, 1)
            thread.join()
            os.close(tty)
            os.close(stop)
