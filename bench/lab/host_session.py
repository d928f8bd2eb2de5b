"""A session with the program on a board's host: one ssh for all boards of a run there.

A thread reads what the host says and hands it to whoever listens for that board. When the line is lost, every listener
is told; a new session is made by whoever needs the host again.
"""

import contextlib
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any, Self

from bench import __version__, children
from bench.config.lab import LabConfig
from bench.errors import LabError, in_words
from bench.host import PROTOCOL, messages
from bench.host.messages import BadMessage, HostBoard, encode, parse_message
from bench.lab.places import Where
from bench.privacy import key_digest, lab_key

_HELLO_S = 40.0  # a login, and the import of the bench on a small host
_ANSWER_S = 30.0
_ALIVE_LOOKS = 8
# The program at the other end brings boards back to a known state before it ends.
_END_S = 60.0


@dataclass(frozen=True)
class Lost:
    """The line to the host is lost, and why."""

    why: str


class HostLost(LabError):
    """The line to a host is lost, or it cannot be reached."""


class HostUnfit(LabError):
    """A host that answers, and must not play: another version, another key, a full disk."""

    worth_retry = False


def ssh_command(lab: LabConfig, where: Where, *options: str) -> list[str]:
    """Return the command line of ssh to a host; a line that is silent for too long is lost."""
    every = max(1, round(lab.lost_after_seconds / _ALIVE_LOOKS))
    settings = (
        "BatchMode=yes",
        "ConnectTimeout=10",
        f"ServerAliveInterval={every}",
        f"ServerAliveCountMax={_ALIVE_LOOKS}",
    )
    port = ["-p", str(where.port)] if where.port != 22 else []
    return [*lab.ssh, "-T", *(word for one in settings for word in ("-o", one)), *port, *options, where.target]


def program_command(lab: LabConfig) -> str:
    """Return what the shell of a host is to run."""
    runs = f" --runs {lab.runs}" if lab.runs else ""
    return f"{lab.python} -m bench.host --stdio{runs} --keep-days {lab.keep_days:g}"


class HostSession:
    """A session, open while it is entered.

    Attributes:
        hello: what the host said of itself.
        clock_off_s: how many seconds its wall clock is ahead of ours.
    """

    hello: messages.Hello
    clock_off_s: float = 0.0

    def __init__(self, lab: LabConfig, where: Where) -> None:
        self.where = where
        self._lab = lab
        self._lost = ""
        self._lock = threading.Lock()
        self._speech = threading.Lock()
        self._inboxes: dict[tuple[str, str], queue.Queue[Any]] = {}
        self._answers: queue.Queue[Any] = queue.Queue()
        self._looks = 0
        self._asking = threading.Lock()

    def __enter__(self) -> Self:
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        command = [*ssh_command(self._lab, self.where), program_command(self._lab)]
        try:
            self._process, self._pipe = children.spawn(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise HostLost(f"cannot start {command[0]} to reach {self.where.name}: {in_words(error)}") from error
        self._reader = threading.Thread(target=self._read, name=f"host-{self.where.name}", daemon=True)
        self._reader.start()
        try:
            self.hello = self._answer(messages.Hello, _HELLO_S)
        except BaseException:
            self._process.kill()
            self.__exit__(None, None, None)
            raise
        with contextlib.suppress(ValueError):
            self.clock_off_s = (datetime.fromisoformat(self.hello.utc) - datetime.now(UTC)).total_seconds()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        with self._speech, contextlib.suppress(OSError):
            self._process.stdin.close()
        if self._lost:
            self._process.kill()
        children.end(self._process, self._pipe, patience=_END_S)
        self._reader.join(2.0)
        self._errors.close()

    @property
    def lost(self) -> str:
        """Why the line is lost; empty while it is there."""
        return self._lost

    def check(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """Check that the host may play: version, key, room, clock.

        Args:
            tell: takes what is odd and forbids nothing.

        Raises:
            HostUnfit: says why, and what to do.
        """
        hello, name = self.hello, self.where.name
        if (hello.version, hello.protocol) != (__version__, PROTOCOL):
            raise HostUnfit(
                f"{name} has nrf91-bench {hello.version}, this is {__version__}: install the same version there"
                f" (ssh {self.where.target} {self._lab.python} -m pip install nrf91-bench=={__version__})"
            )
        if hello.trouble:
            raise HostUnfit(f"{name}: {hello.trouble}")
        need = self._lab.free_megabytes * 1_000_000
        if hello.free_bytes < need:
            raise HostUnfit(
                f"{name} has {hello.free_bytes / 1e6:.0f} MB free for runs, {need / 1e6:.0f} MB are wanted: make room"
                " there, or lower [lab] free_megabytes"
            )
        if not hello.key:
            self.give_key()
        elif hello.key != own_key_digest():
            raise HostUnfit(
                f"{name} has another key for short ids, so that a board would have two identities: give it this"
                f" one's (nrf91-bench lab add {name} --replace-key), or copy that one here"
            )
        if abs(self.clock_off_s) > 2.0:
            tell(f"the clock of {name} is {clock_text(self.clock_off_s)}: let both hosts use NTP")

    # ---------------------------------------------------------------- what is said

    def send(self, request: messages.Request) -> None:
        """Send a request.

        Raises:
            HostLost: the line is lost.
        """
        assert self._process.stdin is not None
        with self._speech:
            try:
                self._process.stdin.write(encode(request))
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                raise HostLost(self._lost or f"{self.where.name} was lost") from error

    def listen(self, run: str, board: str) -> "queue.Queue[Any]":
        """Return the queue that gets what the host says of a board's run; a :class:`Lost` is its last."""
        with self._lock:
            inbox = self._inboxes.setdefault((run, board), queue.Queue())
            if self._lost:
                inbox.put(Lost(self._lost))
            return inbox

    def look(self) -> list[HostBoard]:
        """Return the boards of the host as they are now.

        Raises:
            LabError: it cannot tell.
        """
        with self._asking:
            self._looks += 1
            self.send(messages.Look(number=self._looks))
            while True:
                seen = self._answer(messages.Seen, _ANSWER_S)
                if seen.number == self._looks:
                    break
        if seen.trouble:
            raise LabError(f"{self.where.name}: {seen.trouble}")
        return list(seen.boards)

    def give_key(self, *, replace: bool = False) -> None:
        """Give the host this lab's key for short ids.

        Raises:
            LabError: it cannot keep it.
        """
        with self._asking:
            self.send(messages.TakeKey(key=lab_key(), replace=replace))
            self._answer(messages.KeyTaken, _ANSWER_S)

    def _answer(self, kind: type[Any], seconds: float) -> Any:  # noqa: ANN401
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise HostLost(f"{self.where.name} did not answer within {seconds:g} s") from None
        if isinstance(answer, Lost):
            self._answers.put(answer)
            raise HostLost(answer.why)
        if isinstance(answer, messages.Failed):
            raise LabError(f"{self.where.name}: {answer.why}")
        if not isinstance(answer, kind):
            raise LabError(f"{self.where.name} said {type(answer).__name__}, expected {kind.__name__}")
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        why = ""
        with self._process.stdout as stdout:
            try:
                for line in stdout:
                    self._hand_out(parse_message(line))
            except BadMessage as error:
                why = f"{self.where.name}: {error}; check that no login script of that host prints text"
            except (OSError, ValueError):
                pass
        self._end_line(why)

    def _hand_out(self, message: messages.Message) -> None:
        run, board = getattr(message, "run", ""), getattr(message, "board", "")
        if not board:
            self._answers.put(message)
            return
        with self._lock:
            self._inboxes.setdefault((run, board), queue.Queue()).put(message)

    def _end_line(self, why: str) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)  # its last words are written before it ends
        said = ""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()[-400:]
        clock = time.strftime("%H:%M:%S")
        with self._lock:
            self._lost = why or f"{self.where.name} was lost at {clock}{f': {said}' if said else ''}"
            for inbox in (*self._inboxes.values(), self._answers):
                inbox.put(Lost(self._lost))


def own_key_digest() -> str:
    """Return the digest of this lab's key, which is made on first use."""
    lab_key()
    return key_digest()


def clock_text(off_s: float) -> str:
    """Return how wrong a clock is, for a person."""
    return f"{abs(off_s):.0f} s {'ahead' if off_s > 0 else 'behind'}"


class HostSessions:
    """Sessions by host, made when they are first needed; all end when this does."""

    def __init__(self, lab: LabConfig) -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._locks: dict[Where, threading.Lock] = {}
        self._sessions: dict[Where, HostSession] = {}
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        threads = [threading.Thread(target=one.__exit__, args=(None, None, None)) for one in self._sessions.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._sessions.clear()

    def at(self, where: Where) -> HostSession:
        """Return the session with a host; a new one where it has none, or the line was lost.

        Raises:
            HostLost: the host cannot be reached.
        """
        with self._lock:
            lock = self._locks.setdefault(where, threading.Lock())
        with lock:
            if self._over:
                raise HostLost(f"{where.name} is not needed any more")
            known = self._sessions.get(where)
            if known is not None and not known.lost:
                return known
            if known is not None:
                del self._sessions[where]
                known.__exit__(None, None, None)
            made = HostSession(self._lab, where).__enter__()
            self._sessions[where] = made
            return made
