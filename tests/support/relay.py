"""A relay between two sockets, as a program: the line between hosts that a test cuts, or leaves silent.

``relay.py LISTEN TARGET``, each ``tcp:HOST:PORT`` or ``unix:PATH``. It prints its own process id and address. SIGUSR1
lets the line fall silent: nothing is passed on, nothing is closed. SIGUSR2 lets it speak again. SIGTERM cuts it.
"""

import os
import selectors
import signal
import socket
import sys
import threading

from bench.children import SHORT_PATIENCE_S, end_without_parent

_PIECE = 1 << 16


class Line:
    """What all connections of a relay share."""

    def __init__(self) -> None:
        self.speaks = threading.Event()
        self.speaks.set()


def listener(address: str) -> socket.socket:
    kind, _, place = address.partition(":")
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.bind(place)
    else:
        host, _, port = place.rpartition(":")
        made = socket.create_server((host, int(port)))
    made.listen(64)
    return made


def connected(address: str) -> socket.socket:
    kind, _, place = address.partition(":")
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.connect(place)
        return made
    host, _, port = place.rpartition(":")
    return socket.create_connection((host, int(port)))


def pass_on(here: socket.socket, target: str, line: Line) -> None:
    with here:
        try:
            there = connected(target)
        except OSError:
            return
        with there, selectors.DefaultSelector() as selector:
            selector.register(here, selectors.EVENT_READ, there)
            selector.register(there, selectors.EVENT_READ, here)
            while selector.get_map():
                for key, _ in selector.select():
                    line.speaks.wait()
                    try:
                        data = key.fileobj.recv(_PIECE)  # type: ignore[union-attr]
                        if data:
                            key.data.sendall(data)
                            continue
                        key.data.shutdown(socket.SHUT_WR)
                    except OSError:
                        return
                    selector.unregister(key.fileobj)


def main() -> None:
    end_without_parent(SHORT_PATIENCE_S)
    source, target = sys.argv[1:3]
    line = Line()
    signal.signal(signal.SIGUSR1, lambda *_: line.speaks.clear())
    signal.signal(signal.SIGUSR2, lambda *_: line.speaks.set())
    with listener(source) as server:
        print(os.getpid(), server.getsockname()[1] if source.startswith("tcp:") else source, flush=True)  # noqa: T201
        while True:
            connection, _ = server.accept()
            threading.Thread(target=pass_on, args=(connection, target, line), daemon=True).start()


if __name__ == "__main__":
    main()
