"""The server: a copy of a run's process that waits for requests, and forks for each."""

import atexit
import contextlib
import gc
import importlib
import inspect
import logging
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

import setproctitle

from bench.fork_server.process import STATUS, can_hold, is_readable
from bench.fork_server.program import place_descriptors, prepare, reset_signals, run
from bench.fork_server.requests import MESSAGE, KnownServer, has_server, use_server
from bench.fork_server.start import Start

_MOST_DESCRIPTORS = 16


class ForkServer:
    """The server of this process, for as long as it is entered. Enter one only, and before the process has threads.

    It does nothing where a fork would be no good program: if threads run, which stand still in a copy, or if the
    interpreter was started with ``-O``, ``-W`` or ``-i``, which programs must not inherit.
    """

    def __init__(self, programs: Mapping[str, Sequence[str]]) -> None:
        """Make a server; start nothing.

        Args:
            programs: the modules that can be run, each with the modules to be imported before.
        """
        self._offered = programs
        self._end: socket.socket | None = None

    def __enter__(self) -> Self:
        odd = sys.flags.optimize or sys.flags.inspect or sys.warnoptions
        if odd or not can_hold() or _has_threads() or has_server():
            return self
        ours, servers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what waits in a buffer would be written twice
        if os.fork() == 0:
            ours.close()
            _serve(servers, self._offered)
        servers.close()
        self._end = ours
        use_server(KnownServer(ours, frozenset(self._offered)))
        return self

    def __exit__(self, *_: object) -> None:
        if self._end is not None:
            use_server(None)
            self._end.close()
            self._end = None


def _has_threads() -> bool:
    """Return whether this process has a second thread, Python's or a library's own, such as numpy's."""
    return len(list(Path("/proc/self/task").iterdir())) > 1


def _serve(requests: socket.socket, programs: Mapping[str, Sequence[str]]) -> NoReturn:
    """Serve until nobody can ask any more, and all programs have ended."""
    code = 1
    try:
        os.setsid()
        reset_signals()
        with open(os.devnull, "r+b", buffering=0) as null:
            for number in range(3):  # whoever reads our parent's output must not wait for us
                os.dup2(null.fileno(), number)
        _close_inherited()
        atexit._clear()  # what our parent does at its end, its copies do not
        atexit.register(logging.shutdown)
        setproctitle.setproctitle(f"{sys.executable} -m {__package__}")
        _Server(requests, programs).run()
        code = 0
    finally:
        os._exit(code)


class _Server:
    def __init__(self, requests: socket.socket, programs: Mapping[str, Sequence[str]]) -> None:
        self._requests = requests
        self._programs = programs
        self._running: dict[int, socket.socket] = {}
        self._imports = [name for needed in programs.values() for name in needed]
        self._ended, self._wake = os.pipe()
        for end in (self._ended, self._wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        # Whoever started us may have blocked it; programs inherit what is blocked, as they would without a server.
        self._blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def run(self) -> None:
        """Serve; import what is missing while nobody asks."""
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        asked_for = True
        while asked_for or self._running:
            ready = {descriptor for descriptor, _ in poll.poll(0 if self._imports and asked_for else None)}
            if self._ended in ready:
                self._reap()
            if self._requests.fileno() in ready and not self._take():
                poll.unregister(self._requests)
                asked_for = False
            if not ready and self._imports:
                self._import(self._imports[0])

    def _import(self, name: str) -> None:
        self._imports.remove(name)
        with contextlib.suppress(ImportError):  # the program itself will say what it lacks
            importlib.import_module(name)
        if not self._imports:
            inspect.getmodule(sys._getframe())  # looks at all modules once, which a program's first traceback needs
            gc.collect()
            gc.freeze()  # a collection in a copy must not write into pages that all of them share
            gc.set_threshold(20_000)  # a program leaves few cycles behind: look for them seldom

    def _take(self) -> bool:
        """Take a request; return whether there can be more."""
        message, descriptors, *_ = socket.recv_fds(self._requests, MESSAGE, _MOST_DESCRIPTORS)
        if not message:
            return False
        try:
            # Of what a full table of descriptors or processes refuses only this one dies: its asker starts it as usual.
            with contextlib.suppress(OSError, ValueError):
                self._start(descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _start(self, descriptors: Sequence[int]) -> None:
        """Start what was asked for, unless whoever asked has given up: by now it may have started that itself.

        Raises:
            OSError: it cannot be started.
            ValueError: not all descriptors arrived.
        """
        reply_to, requests, content, *own = descriptors
        with open(content, "rb", closefd=False) as file:
            file.seek(0)
            start = Start.decode(file.read())
        if len(own) != len(start.numbers):
            raise ValueError("descriptors are missing")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most != resource.RLIM_INFINITY and max(start.numbers) + len(descriptors) >= most:
            raise ValueError("the copy could not place its descriptors")
        for name in [name for name in self._programs[start.module] if name in self._imports]:
            self._import(name)
        reply = socket.socket(fileno=os.dup(reply_to))
        pid = 0
        try:
            if is_readable(reply, 0.0):
                raise BrokenPipeError
            pid = os.fork()
            if pid == 0:
                for descriptor in (reply.detach(), reply_to, content):
                    os.close(descriptor)
                self._become(start, own, requests)
            self._running[pid] = reply
            reply.send(str(pid).encode())
        except OSError:
            if pid:
                os.kill(pid, signal.SIGKILL)
            else:
                reply.close()
            raise

    def _reap(self) -> None:
        """Tell how programs ended."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._ended, MESSAGE):
                pass
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._running.pop(pid) as reply, contextlib.suppress(OSError):
                reply.send(STATUS.pack(status))

    def _become(self, start: Start, own: Sequence[int], requests: int) -> NoReturn:
        """Become the program, in the process that was forked for it."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            reset_signals()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
            for held in (self._requests.detach(), self._ended, self._wake):
                os.close(held)
            for reply in self._running.values():
                os.close(reply.detach())
            os.setsid()
            end = place_descriptors(own, start.numbers, requests)
            use_server(KnownServer(socket.socket(fileno=end), frozenset(self._programs)))
            prepare(start)
            status = run(start)
        except BaseException:  # noqa: BLE001 - the last to see it
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)


def _close_inherited() -> None:
    """Close what our parent was given: pipes and locks of whoever started it, which end with our parent."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):  # that of the listing itself
            if number > 2 and os.get_inheritable(number):
                os.close(number)
