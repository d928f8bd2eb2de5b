"""One shared thread reads the ports that nobody is using, so that URCs are stamped when they arrive.

Ownership of a port is lazy. Its link takes it with the first command and then reads the descriptor itself; the drain
takes it back after it was idle for a while. Whoever reads holds the port's lock, so a byte has one reader. The drain
only stores what it reads with its stamp; the link parses.
"""

import contextlib
import os
import select
import threading
from typing import Final

from bench.at.transcript import Transcript
from bench.clock import NS_PER_MS, now_ns

IDLE_NS: Final = 20 * NS_PER_MS
# A tty hands out no more at once, whatever is asked for; a larger buffer only costs its allocation.
READ_SIZE: Final = 4096
_LONG_S: Final = 0.2  # how long the drain sleeps during a long use, should it miss the nudge at its end


class DrainedPort:
    """A descriptor that a link and the drain take turns to read.

    Attributes:
        fd: the descriptor; -1 while the port is closed.
        lock: held by whoever reads or writes the descriptor.
        borrowed: whether the link has it; else the drain reads it.
        awaited: whether the drain sleeps until it is nudged at the end of the link's use.
        looked_ns: when the link last looked for bytes, or took the descriptor.
        sent_ns: when the link last began to write.
        stored: bytes that the drain read and the link has not parsed yet: (stamp in ns, bytes).
        lost: why the port can no longer be read, or "".
    """

    def __init__(self, transcript: Transcript) -> None:
        self.fd = -1
        self.transcript = transcript
        self.lock = threading.Lock()
        self.borrowed = False
        self.awaited = False
        self.looked_ns = 0
        self.sent_ns = 0
        self.stored: list[tuple[int, bytes]] = []
        self.lost = ""

    @property
    def is_idle(self) -> bool:
        """Return True when the link has it and has not used it for a while."""
        return self.borrowed and now_ns() - max(self.looked_ns, self.sent_ns) > IDLE_NS


class Drain:
    """The thread and its ports. It starts with the first port and ends with the last."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._ports: dict[int, DrainedPort] = {}
        self._thread: threading.Thread | None = None
        self._process = 0

    def _open(self) -> None:
        """Open the descriptors anew in this process: those from before a fork would be shared with the parent."""
        self._process = os.getpid()
        self._epoll = select.epoll()
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wakeup, select.EPOLLIN)

    def watch(self, port: DrainedPort) -> None:
        """Read ``port`` whenever its link does not."""
        with self._guard:
            if self._process != os.getpid():
                self._open()
            self._ports[port.fd] = port
            self._epoll.register(port.fd, select.EPOLLIN)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="at-drain", daemon=True)
                self._thread.start()
        self.nudge()

    def forget(self, port: DrainedPort) -> None:
        """End with ``port``; after this its descriptor may be closed."""
        with self._guard:
            self._ports.pop(port.fd, None)
            self._unregister(port.fd)
            last = self._thread if not self._ports else None
            if last is not None:
                self._thread = None
        self.nudge()
        if last is not None:
            last.join()

    def lend(self, port: DrainedPort) -> None:
        """Leave ``port`` to its link, which holds the port's lock."""
        self._unregister(port.fd)
        port.borrowed = port.awaited = True

    def nudge(self) -> None:
        """Let the thread look at its ports anew."""
        os.eventfd_write(self._wakeup, 1)

    def _unregister(self, fd: int) -> None:
        with contextlib.suppress(FileNotFoundError, OSError):  # lent or lost already
            self._epoll.unregister(fd)

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            ready = self._epoll.poll(0)
            empty_ns = now_ns()
            if not ready:
                ready = self._epoll.poll(self._patience())
            for fd, _ in ready:
                if fd == self._wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.eventfd_read(self._wakeup)
                elif port := self._ports.get(fd):
                    self._read(port, empty_ns)
            for port in list(self._ports.values()):
                if port.is_idle:
                    self._take_back(port)

    def _patience(self) -> float | None:
        """Return the seconds until a port may be idle; None when the link of none has it."""
        borrowed = [port for port in list(self._ports.values()) if port.borrowed]
        if all(port.awaited for port in borrowed):
            return _LONG_S if borrowed else None
        return IDLE_NS / 1e9

    def _read(self, port: DrainedPort, empty_ns: int) -> None:
        if not port.lock.acquire(blocking=False):
            return  # its link is taking it
        try:
            if port.borrowed or port.fd < 0:
                return
            chunk = os.read(port.fd, READ_SIZE)
            stamp = now_ns()
            if not chunk:
                raise OSError("end of file")
            port.transcript.record((stamp, "rx", chunk, empty_ns))
            port.stored.append((stamp, chunk))
        except BlockingIOError:
            pass
        except OSError as error:
            port.lost = str(error)
            self._unregister(port.fd)
        finally:
            port.lock.release()

    def _take_back(self, port: DrainedPort) -> None:
        if not port.lock.acquire(blocking=False):
            port.awaited = True  # to look again and again would wake up thirty boards' processes for nothing
            return
        try:
            if port.is_idle and not port.lost and self._ports.get(port.fd) is port:
                port.borrowed = port.awaited = False
                self._epoll.register(port.fd, select.EPOLLIN)
                port.transcript.flush()
        except OSError as error:
            port.lost = str(error)
        finally:
            port.lock.release()


SHARED = Drain()
"""The drain of this process. It opens nothing and has no thread until a port is watched."""
