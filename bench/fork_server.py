"""Programs that start at once: each is forked from a process that has imported what it needs.

A run starts a pytest process and one or two programs of peers for each board. Each would import the same modules,
which takes most of a second of CPU and tens of MB. So the run's own process forks once, before it has a thread. The
copy, called the server, imports the rest and waits. For each program it forks again, and this copy runs the module as
``python -m`` would, in a session of its own, with the descriptors, environment and arguments that were sent.

The run and the programs hold the sending end of a socket, so each of them may start programs. The server ends when none
of them is left. Where it cannot be used, or has died, programs start as usual: see :func:`bench.children.spawn`.
"""

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import logging
import os
import resource
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, Self

import setproctitle

_MESSAGE = 64
_MOST_DESCRIPTORS = 16
_STATUS = struct.Struct("i")
_START_S = 30.0
UNTOLD = 256
"""The exit code of a program that outlived the server, which alone would have known; no program has it."""

_requests: socket.socket | None = None
_programs: frozenset[str] = frozenset()


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
        global _programs, _requests
        odd = sys.flags.optimize or sys.flags.inspect or sys.warnoptions
        if odd or not _can_hold() or _has_threads() or _requests is not None:
            return self
        ours, servers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what waits in a buffer would be written twice
        if os.fork() == 0:
            ours.close()
            _programs = frozenset(self._offered)
            _serve(servers, self._offered)
        servers.close()
        self._end, _programs = ours, frozenset(self._offered)
        _requests = ours
        return self

    def __exit__(self, *_: object) -> None:
        global _requests
        if self._end is not None:
            self._end.close()
            self._end = _requests = None


@dataclass(frozen=True)
class Start:
    """A request to start a program.

    Attributes:
        module: as behind ``python -m``.
        arguments: for it.
        environment: all of it.
        folder: its working folder.
        numbers: what its descriptors are called there, in the order in which they are sent.
        asker: id of the process that asks for it.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    numbers: Sequence[int]
    asker: int

    @property
    def title(self) -> str:
        """What lists of processes show, as far as the room of the server's own command line and environment goes."""
        return f"{sys.executable} -m {self.module} {' '.join(self.arguments)} for {self.asker}"


class ForkedProcess:
    """A program that the server has forked, with the part of :class:`subprocess.Popen` that the bench uses.

    Attributes:
        pid: of the process.
        returncode: None while it runs; negative for a signal; :data:`UNTOLD` where nobody knows.
        stdin, stdout, stderr: our ends of its pipes, where there are any.
    """

    def __init__(self, pid: int, status: socket.socket, pipes: Sequence[IO[bytes] | None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = pipes
        self._status = status
        try:
            self._handle = os.pidfd_open(pid)  # the id of a process may be used again
        except ProcessLookupError:
            self._handle = -1

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None and self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and _is_readable(self._status, timeout):
            told = self._status.recv(_STATUS.size)
            if not told:  # the server has died; the process may run still
                if self._handle >= 0 and not _is_readable(self._handle, timeout):
                    return None
                self.returncode = UNTOLD
            else:
                self.returncode = os.waitstatus_to_exitcode(_STATUS.unpack(told)[0])
            self._forget()
        return self.returncode

    def _forget(self) -> None:
        self._status.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _has_threads() -> bool:
    """Return whether this process has a second thread, Python's or a library's own, such as numpy's."""
    return len(list(Path("/proc/self/task").iterdir())) > 1


def _can_hold() -> bool:
    """Return whether this system has handles of processes: Linux before 5.3 has none, nor do some containers."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _is_readable(what: "socket.socket | int", timeout: float | None) -> bool:
    poll = select.poll()
    poll.register(what, select.POLLIN)
    return bool(poll.poll(None if timeout is None else 1000 * timeout))


Stream = int | IO[bytes] | None
"""As :class:`subprocess.Popen` takes it."""


def fork(
    command: Sequence[str],
    streams: tuple[Stream, Stream, Stream],
    environment: Mapping[str, str],
    pass_fds: Sequence[int],
    folder: Path | None,
) -> ForkedProcess | None:
    """Start a program; return None where it cannot be forked, and nothing was started.

    Args:
        command: ``[sys.executable, "-m", module, *arguments]``; no other can be forked.
        streams: its standard input, output and error.
        environment: all of it.
        pass_fds: descriptors that it inherits, with their numbers.
        folder: its working folder; None for ours.
    """
    python, option, module, *arguments = (*command, "", "", "")
    if _requests is None or (python, option) != (sys.executable, "-m") or module not in _programs:
        return None
    with contextlib.ExitStack() as ends:
        standard, pipes = _open_streams(streams, ends)
        told = b""
        with contextlib.suppress(OSError):
            where = str(folder or Path.cwd())
            start = Start(module, arguments[:-3], environment, where, (0, 1, 2, *pass_fds), os.getpid())
            told, status = _ask(start, [*standard, *pass_fds])
        if told:
            return _held(int(told), status, pipes)
    for pipe in pipes:
        if pipe is not None:
            pipe.close()
    return None


def _held(pid: int, status: socket.socket, pipes: Sequence[IO[bytes] | None]) -> ForkedProcess:
    """Return a program that runs now.

    Raises:
        OSError: we cannot hold it, so it was ended: it must not be started a second time beside itself.
    """
    try:
        return ForkedProcess(pid, status, pipes)
    except OSError:
        os.kill(pid, signal.SIGKILL)
        status.close()
        raise


def _open_streams(
    streams: tuple[Stream, Stream, Stream], ends: contextlib.ExitStack
) -> tuple[list[int], list[IO[bytes] | None]]:
    """Return the descriptors of the program's standard streams, and our ends of those that are pipes.

    What was opened for the program alone is closed with ``ends``.
    """
    standard: list[int] = []
    ours: list[IO[bytes] | None] = [None, None, None]
    for number, stream in enumerate(streams):
        if stream is None:
            standard.append(number)
        elif stream == subprocess.STDOUT:
            standard.append(standard[1])
        elif stream == subprocess.DEVNULL:
            standard.append(os.open(os.devnull, os.O_RDWR))
            ends.callback(os.close, standard[-1])
        elif stream == subprocess.PIPE:
            reader, writer = os.pipe()
            given, kept = (writer, reader) if number else (reader, writer)
            ends.callback(os.close, given)
            standard.append(given)
            ours[number] = os.fdopen(kept, "rb" if number else "wb")
        else:
            standard.append(stream if isinstance(stream, int) else stream.fileno())
    return standard, ours


def _ask(start: Start, descriptors: Sequence[int]) -> tuple[bytes, socket.socket]:
    """Return the process id of a new program, empty when there is none, and the socket that will tell how it ended.

    Raises:
        OSError: the server is gone.
    """
    assert _requests is not None
    ours, servers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    content = os.memfd_create("start")  # a message of a socket may be too short for an environment
    try:
        with servers:
            os.write(content, json.dumps(vars(start)).encode())
            socket.send_fds(_requests, [b"start"], [servers.fileno(), _requests.fileno(), content, *descriptors])
        if not _is_readable(ours, _START_S):
            ours.shutdown(socket.SHUT_RD)  # from here on the server cannot start it
        told = ours.recv(_MESSAGE)
    except BaseException:
        ours.close()
        raise
    finally:
        os.close(content)
    if not told:
        ours.close()
    return told, ours


# ---------------------------------------------------------------- the server


def _serve(requests: socket.socket, programs: Mapping[str, Sequence[str]]) -> NoReturn:
    """Serve until nobody can ask any more, and all programs have ended."""
    code = 1
    try:
        os.setsid()
        _reset_signals()
        with open(os.devnull, "r+b", buffering=0) as null:
            for number in range(3):  # whoever reads our parent's output must not wait for us
                os.dup2(null.fileno(), number)
        _close_inherited()
        atexit._clear()  # what our parent does at its end, its copies do not
        atexit.register(logging.shutdown)
        setproctitle.setproctitle(f"{sys.executable} -m {__name__}")
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
            gc.collect()
            gc.freeze()  # a collection in a copy must not write into pages that all of them share

    def _take(self) -> bool:
        """Take a request; return whether there can be more."""
        message, descriptors, *_ = socket.recv_fds(self._requests, _MESSAGE, _MOST_DESCRIPTORS)
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
            start = Start(**json.loads(file.read()))
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
            if _is_readable(reply, 0.0):
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
            while os.read(self._ended, _MESSAGE):
                pass
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._running.pop(pid) as reply, contextlib.suppress(OSError):
                reply.send(_STATUS.pack(status))

    def _become(self, start: Start, own: Sequence[int], requests: int) -> NoReturn:
        """Become the program, in the process that was forked for it."""
        global _requests
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            _reset_signals()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
            for held in (self._requests.detach(), self._ended, self._wake):
                os.close(held)
            for reply in self._running.values():
                os.close(reply.detach())
            os.setsid()
            end = _place_descriptors(own, start.numbers, requests)
            _requests = socket.socket(fileno=end)
            _prepare(start)
            status = _run(start)
        except BaseException:  # noqa: BLE001 - the last to see it
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)


def _place_descriptors(own: Sequence[int], numbers: Sequence[int], other: int) -> int:
    """Give descriptors their numbers, for the program and what it starts; return the new number of the other one."""
    free = max(numbers) + 1  # no higher than needed: a process may be allowed few descriptors
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, free) for number in (*own, other)]
    for number in (*own, other):
        os.close(number)
    for source, number in zip(moved, numbers, strict=False):
        os.dup2(source, number)
        os.close(source)
    return moved[-1]


def _close_inherited() -> None:
    """Close what our parent was given: pipes and locks of whoever started it, which end with our parent."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):  # that of the listing itself
            if number > 2 and os.get_inheritable(number):
                os.close(number)


def _reset_signals() -> None:
    """Let signals do what they do in a new program: what is ignored stays ignored, and there are no handlers."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(start: Start) -> int:
    """Run a module as ``python -m`` does; return the exit code."""
    code: Any = 0
    try:
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001 - the last to see it
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any program: other threads finish
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code or 0


def _prepare(start: Start) -> None:
    """Set what a new interpreter finds: title, folder, environment, standard streams, path and arguments."""
    setproctitle.setproctitle(start.title)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    sys.excepthook = sys.__excepthook__
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _writer(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writer(2, "backslashreplace")  # type: ignore[misc]
    if not sys.flags.safe_path:
        sys.path[0] = start.folder
    sys.argv = ["", *start.arguments]


def _writer(descriptor: int, errors: str) -> io.TextIOWrapper:
    return os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)
