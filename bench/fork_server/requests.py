"""The requests of this process to its server."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.fork_server.process import ForkedProcess, is_readable
from bench.fork_server.start import Start

MESSAGE = 64
"""Bytes of the longest message between both ends, besides the descriptors."""
_START_S = 30.0


@dataclass(frozen=True)
class KnownServer:
    """The server of this process.

    Attributes:
        requests: takes requests; whoever holds this end may start programs.
        programs: the modules that can be run.
    """

    requests: socket.socket
    programs: Collection[str]


_server: KnownServer | None = None


def use_server(server: KnownServer | None) -> None:
    """Start programs by this server from now on; None starts them as usual."""
    global _server
    _server = server


def has_server() -> bool:
    """Return whether this process has a server."""
    return _server is not None


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
    if _server is None or (python, option) != (sys.executable, "-m") or module not in _server.programs:
        return None
    with contextlib.ExitStack() as ends:
        standard, pipes = _open_streams(streams, ends)
        told = b""
        with contextlib.suppress(OSError):
            where = str(folder or Path.cwd())
            start = Start(module, arguments[:-3], environment, where, (0, 1, 2, *pass_fds), os.getpid())
            told, status = _ask(_server.requests, start, [*standard, *pass_fds])
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


def _ask(requests: socket.socket, start: Start, descriptors: Sequence[int]) -> tuple[bytes, socket.socket]:
    """Return the process id of a new program, empty when there is none, and the socket that will tell how it ended.

    Raises:
        OSError: the server is gone.
    """
    ours, servers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    content = os.memfd_create("start")  # a message of a socket may be too short for an environment
    try:
        with servers:
            os.write(content, start.encode())
            socket.send_fds(requests, [b"start"], [servers.fileno(), requests.fileno(), content, *descriptors])
        if not is_readable(ours, _START_S):
            ours.shutdown(socket.SHUT_RD)  # from here on the server cannot start it
        told = ours.recv(MESSAGE)
    except BaseException:
        ours.close()
        raise
    finally:
        os.close(content)
    if not told:
        ours.close()
    return told, ours
