"""The running program of the peers: started here or by ssh, controlled by JSON lines; it ends with this process."""

import contextlib
import json
import os
import select
import subprocess
import tempfile
from typing import IO, Any, Self

import msgspec

from bench import __version__, children
from bench.clock import NS_PER_S, now_ns
from bench.config.lab import PeersConfig
from bench.errors import LabError, Suspect, in_words
from bench.peers.service import PROTOCOL

PATIENCE_S = 15.0
"""Seconds for an answer, in addition to the time of its operation."""


class PeerError(LabError):
    """An error of the peers' program: it did not start, it ended, or it could not do what was requested.

    Attributes:
        kind: exception at the peers' end, such as ``ConnectionRefusedError``; empty without one.
    """

    suspect = Suspect.PEER

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class Program:
    """A program that runs while it is entered.

    Attributes:
        version: version of nrf91-bench at the program's end.
        security: the TLS library at the program's end, or the reason that there is none.
    """

    def __init__(self, config: PeersConfig) -> None:
        self._config = config
        self.version = self.security = ""
        self._process: children.Process | None = None
        self._pipe = -1
        self._errors: IO[bytes] | None = None
        self._input = bytearray()
        self._count = 0
        self._lost = ""  # why no further answer can be believed

    @property
    def _place(self) -> str:
        return "here" if self._config.ssh is None else f"on {self._config.ssh}"

    def __enter__(self) -> Self:
        config = self._config
        if config.ssh is None:
            command = children.program("bench.peers", "--stdio")
        else:
            options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"]
            command = ["ssh", *options, config.ssh, f"{config.python} -m bench.peers --stdio"]
        self._errors = tempfile.TemporaryFile()
        try:
            self._process, self._pipe = children.spawn(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise PeerError(f"cannot start {command[0]} for the peers: {in_words(error)}") from error
        try:
            self._greet()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            children.end(process, self._pipe)
        if self._errors is not None:
            self._errors.close()

    def check(self) -> None:
        """Check that it runs and answers.

        Raises:
            PeerError: It has ended, or has not answered a request.
        """
        if self._lost:
            raise PeerError(self._lost)
        if self._process is None:
            raise PeerError("the peers' program is not running")
        if self._process.poll() is not None:
            raise self._explain_end()

    def request(self, operation: str, timeout: float = PATIENCE_S, /, **fields: object) -> dict[str, Any]:
        """Send a request to the program, and return its answer.

        Raises:
            PeerError: It refused, or it has ended.
        """
        self.check()
        assert self._process is not None
        assert self._process.stdin is not None
        self._count += 1
        line = json.dumps({"id": self._count, "op": operation, **fields}).encode() + b"\n"
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            raise self._explain_end() from error
        answer = self._answer(timeout)
        if not answer.get("ok"):
            raise PeerError(f"the peer could not {operation}: {answer.get('error')}", kind=str(answer.get("kind", "")))
        return answer

    def _answer(self, timeout: float) -> dict[str, Any]:
        """Return the answer to the last request; skip the answer to an interrupted request."""
        while True:
            line = self._line(timeout)
            try:
                answer: dict[str, Any] = msgspec.json.decode(line)
                number = answer["id"]
            except (ValueError, TypeError, KeyError):
                number = None
            if number == self._count:
                return answer
            if number not in range(1, self._count):
                raise self._lose(
                    f"the peers' program {self._place} said {line[:80]!r}, expected the answer to request"
                    f" {self._count}: check that no login script of that host prints text"
                )

    def _greet(self) -> None:
        hello = self.request("hello", 30.0)
        self.version, self.security = str(hello["version"]), str(hello.get("security", ""))
        if (hello["protocol"], hello["version"]) != (PROTOCOL, __version__):
            raise PeerError(
                f"the peers {self._place} are nrf91-bench {hello['version']}, this bench is {__version__}: install the"
                " same version at both ends"
            )

    def _line(self, timeout: float) -> bytes:
        assert self._process is not None  # request() has looked
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = now_ns() + round(timeout * NS_PER_S)
        while b"\n" not in self._input:
            left = (deadline - now_ns()) / NS_PER_S
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise self._lose(f"the peers {self._place} did not answer within {timeout:g} s")
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                raise self._explain_end()
            self._input += chunk
        line, _, rest = bytes(self._input).partition(b"\n")
        self._input = bytearray(rest)
        return line

    def _lose(self, why: str) -> PeerError:
        """Remember that answers no longer match requests."""
        self._lost = why
        return PeerError(why)

    def _explain_end(self) -> PeerError:
        text = ""
        if self._errors is not None:
            self._errors.seek(0)
            text = self._errors.read().decode(errors="replace").strip()[-2000:]
        cure = (
            ""
            if self._config.ssh is None
            else f"; try `ssh {self._config.ssh} {self._config.python} -m bench.peers --stdio`"
        )
        return PeerError(f"the peers' program {self._place} has ended{f': {text}' if text else ''}{cure}")
