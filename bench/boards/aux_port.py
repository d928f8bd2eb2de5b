"""A board's further serial ports, log and trace: the last megabyte of each, for the analysis of a failed test."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from bench.at import SerialTransport
from bench.clock import NS_PER_S, Anchor, now_ns
from bench.errors import BenchError, in_words

_RING_BYTES = 1 << 20
_READ = 65536
_PAUSE_S = 0.05  # bytes that come meanwhile wait in the kernel: one wake-up for many bytes
_END_S = 2.0
_SILENCE_NS, _DUMP_NS = NS_PER_S // 4, 10 * NS_PER_S


class AuxPort:
    """One port, read for as long as it is entered by a thread of its own.

    A port that cannot be opened, or vanishes, raises no error: ``trouble`` says why there is nothing.
    """

    def __init__(self, name: str, path: str, *, baudrate: int, ring_bytes: int = _RING_BYTES) -> None:
        """Args: name: ``log``, ``trace`` ...; baudrate: of the port; ring_bytes: number of bytes that are kept."""
        self.name = name
        self.path = path
        self.trouble = ""
        self._transport = SerialTransport(path, baudrate=baudrate)
        self._room = ring_bytes
        self._chunks: deque[tuple[int, bytes]] = deque()
        self._overflowed = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            descriptor = self._transport.open()
        except BenchError as error:
            self.trouble = str(error).partition("\n")[0]
            return self
        self._thread = threading.Thread(target=self._read, args=(descriptor,), name=f"port {self.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_END_S)
            self._transport.close()

    def since(self, since_ns: int = 0) -> list[tuple[int, bytes]]:
        """Return the bytes that came from a moment on, stamped when they were read: up to 50 ms later."""
        with self._lock:
            return [(stamp, chunk) for stamp, chunk in self._chunks if stamp >= since_ns]

    def text(self, anchor: Anchor, conceal: Callable[[bytes], bytes], since_ns: int = 0) -> str:
        """Return the bytes since a moment as text: a stamp a piece, identities and secrets replaced, the rest escaped.

        ``conceal`` keeps the length, and sees all at once: an identity may be cut in two by the end of a piece.
        """
        pieces = self.since()
        masked, position, texts = conceal(b"".join(chunk for _, chunk in pieces)), 0, []
        for index, (stamp, chunk) in enumerate(pieces):
            piece = masked[position : position + len(chunk)]
            position += len(chunk)
            if index == 0 and self._overflowed:  # its beginning is gone, so half an identity may stand here
                piece = piece.partition(b"\n")[2]
            if stamp >= since_ns and piece:
                texts.append(f"-- {anchor.text(stamp)}\n{piece.decode('utf-8', 'backslashreplace')}\n")
        return "".join(texts)

    def finish_speaking(self, limit_ns: int = _DUMP_NS) -> None:
        """Wait until nothing has come for a moment: a dump after a fault takes its time, 10 s at most."""
        deadline = now_ns() + limit_ns
        while now_ns() < deadline and not self.trouble:
            time.sleep(_SILENCE_NS / NS_PER_S)
            if not self.since(now_ns() - _SILENCE_NS):
                return

    def _read(self, descriptor: int) -> None:
        while not self._ended.wait(_PAUSE_S):
            try:
                if not select.select([descriptor], [], [], 0.2)[0]:
                    continue
                data = os.read(descriptor, _READ)
            except OSError as error:
                self.trouble = f"{self.path} vanished: {in_words(error)}"
                return
            if not data:
                self.trouble = f"{self.path} hung up"
                return
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        with self._lock:
            self._chunks.append((now_ns(), data))
            self._room -= len(data)
            while self._room < 0 and len(self._chunks) > 1:
                self._room += len(self._chunks.popleft()[1])
                self._overflowed = True
