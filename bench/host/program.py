"""The program on a board's host: starts a board's run here, passes its rows on as they are written, keeps its folder.

It speaks on standard input and output (:mod:`bench.host.messages`) and ends when its input does. Then the client is
gone: every run of it is ended in order, its board restored, its folder kept until somebody fetches it.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from bench import __version__, children
from bench.boards import known_boards
from bench.boards.board_state import see_state
from bench.boards.lease import FOR, holders
from bench.boards.reservation import reservations
from bench.config.lab import Config, load
from bench.config.plan import digest
from bench.errors import BenchError, LabError, in_words
from bench.evidence.stream import FILE as STREAM
from bench.host import messages
from bench.host.messages import PROTOCOL, FromHost, HostBoard, encode, parse_request
from bench.host.workspace import Place, Workspace
from bench.privacy import keep_key, key_digest

_LOOK_SECONDS = 0.2
# A run that is told to end restores its board within 30 s; then it is ended by force.
_END_SECONDS = 45.0
_SAID_LINES = 8
_SAID_LETTERS = 2000
_ROWS_AT_ONCE = 200
_ERROR = "nrf91-bench: "


class _Signalled(Exception):
    """SIGTERM, SIGINT or SIGHUP."""


@dataclass
class _Playing:
    """A board's run that goes on here."""

    place: Place
    board: str
    process: children.Process
    pipe: int
    follower: threading.Thread | None = None
    read: int = field(default=0)

    def interrupt(self) -> None:
        """Let it end in order."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)


class Program:
    """Serves one client.

    Args:
        source, target: where requests come from and messages go to.
        workspace: where runs are kept.
        config: the host's own bench.toml.
    """

    def __init__(self, source: IO[bytes], target: IO[bytes], workspace: Workspace, config: Path | None) -> None:
        self._source, self._target = source, target
        self._workspace = workspace
        self._config = config
        self._playing: dict[tuple[str, str], _Playing] = {}
        self._lock = threading.Lock()
        self._speech = threading.Lock()

    def serve(self) -> None:
        """Serve until the input ends or a signal comes; then end in order all that runs."""
        for number in children.ending_signals():
            signal.signal(number, _on_signal)
        try:
            self._workspace.forget_old()
            self._say(self._hello())
            for line in self._source:
                self._handle(line)
        except _Signalled:
            pass
        finally:
            for number in children.ending_signals():
                signal.signal(number, signal.SIG_IGN)
            self._end_all()

    def _say(self, message: FromHost) -> None:
        """Send a message; when nobody takes it any more, the input ends as well."""
        line = encode(message)  # type: ignore[arg-type]
        with self._speech, contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            self._target.write(line)
            self._target.flush()

    def _handle(self, line: bytes) -> None:
        request: Any = None
        try:
            request = parse_request(line)
            _HANDLERS[type(request)](self, request)
        except (BenchError, OSError) as error:  # a full disk ends no other board's run
            run, board = getattr(request, "run", ""), getattr(request, "board", "")
            why = in_words(error) if isinstance(error, OSError) else str(error)
            self._say(messages.Failed(run=run, board=board, why=why))

    # ---------------------------------------------------------------- the host and its boards

    def _hello(self) -> messages.Hello:
        boards, trouble = self._boards()
        ports = None
        with contextlib.suppress(BenchError):
            span = load(self._config).peers.ports
            ports = span[1] - span[0] + 1 if span else None
        try:
            key = key_digest()
        except BenchError as error:
            key, trouble = "", trouble or str(error)
        return messages.Hello(
            version=__version__,
            protocol=PROTOCOL,
            free_bytes=self._workspace.free_bytes(),
            boards=boards,
            key=key,
            config=digest(self._config) if self._config else "",
            utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
            trouble=trouble,
            ports=ports,
        )

    def _boards(self) -> tuple[list[HostBoard], str]:
        """Return the boards of this host, and why they cannot be listed."""
        try:
            lab: Config = load(self._config)
            found = []
            specs = known_boards(lab)
            held, kept = holders(), reservations() if specs else {}
            for spec in specs:
                seen = see_state(spec, held, kept)
                found.append(
                    HostBoard(
                        name=spec.slot,
                        model=spec.model,
                        serial=spec.serial,
                        at=spec.port,
                        labels=list(spec.labels),
                        state=seen.state,
                        details=seen.details,
                        interface=_interface(spec.port),
                        control=spec.control_board,
                    )
                )
        except BenchError as error:
            return [], str(error)
        return found, ""

    def _look(self, request: messages.Look) -> None:
        boards, trouble = self._boards()
        self._say(messages.Seen(number=request.number, boards=boards, trouble=trouble))

    def _take_key(self, request: messages.TakeKey) -> None:
        keep_key(request.key, replace=request.replace)
        self._say(messages.KeyTaken(key=key_digest()))

    # ---------------------------------------------------------------- a board's run

    def _start(self, request: messages.Start) -> None:
        place = self._workspace.make(request.run, request.board, request.files)
        command = [
            *children.program("bench.cli", "run", "--part-of-lab", "--board", _selector(request)),
            *("--out", str(place.out)),
            *(("--config", str(self._config)) if self._config else ()),
            *request.arguments,
        ]
        with place.played() as lock, place.console.open("wb") as console:
            place.console.chmod(0o600)  # what tests print may show a board's identity
            process, pipe = children.spawn(
                command,
                stdout=console,
                stderr=subprocess.STDOUT,
                environment={FOR: request.person, "COLUMNS": "200"},
                pass_fds=(lock,),
                folder=place.files,
            )
        playing = _Playing(place, request.board, process, pipe)
        with self._lock:
            self._playing[request.run, request.board] = playing
        playing.follower = threading.Thread(target=self._follow, args=(playing,), daemon=True)
        playing.follower.start()

    def _follow(self, playing: _Playing) -> None:
        """Pass rows on as they are written, and say how the run ended."""
        over = False
        while not over:
            with contextlib.suppress(subprocess.TimeoutExpired):
                playing.process.wait(_LOOK_SECONDS)
                over = True
            for some in _new_rows(playing):
                self._say(messages.Rows(run=playing.place.run, board=playing.board, rows=some))
        os.close(playing.pipe)
        place, code = playing.place, playing.process.returncode
        said = _last_words(place)
        begun = place.begun
        if begun:
            place.note_end(code, said)
        else:
            place.discard()
        with self._lock:
            self._playing.pop((place.run, playing.board), None)
        self._say(messages.Ended(run=place.run, board=playing.board, exit_code=code, begun=begun, said=said))

    def _end(self, request: messages.End) -> None:
        with self._lock:
            playing = self._playing.get((request.run, request.board))
        if playing is not None:
            playing.interrupt()

    def _end_all(self) -> None:
        with self._lock:
            left = list(self._playing.values())
        for playing in left:
            playing.interrupt()
        for playing in left:
            try:
                playing.process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                playing.process.kill()
            if playing.follower is not None:
                playing.follower.join(1.0)  # it may wait for a client that reads no more
                if playing.place.begun:
                    playing.place.note_end(playing.process.wait(), _last_words(playing.place))

    # ---------------------------------------------------------------- its folder

    def _fetch(self, request: messages.Fetch) -> None:
        place = self._workspace.place(request.run, request.board)
        run, board = request.run, request.board
        with self._lock:
            running = (run, board) in self._playing
        if running or place.is_played:
            self._say(messages.Failed(run=run, board=board, why=f"{board} still runs", running=True))
            return
        if not place.begun:
            raise LabError(f"there is no run {run} of {board} here: it never began, or was removed")
        for piece in place.pack():
            self._say(messages.Piece(run=run, board=board, data=piece))
        code, said = place.read_end()
        self._say(messages.Piece(run=run, board=board, data=b"", exit_code=code, said=said))

    def _drop(self, request: messages.Drop) -> None:
        self._workspace.place(request.run, request.board).note_collected()
        self._workspace.forget_old()


_HANDLERS: dict[type[Any], Any] = {
    messages.Start: Program._start,
    messages.End: Program._end,
    messages.Fetch: Program._fetch,
    messages.Drop: Program._drop,
    messages.TakeKey: Program._take_key,
    messages.Look: Program._look,
}


def _selector(request: messages.Start) -> str:
    """Return what chooses the board, with its firmware where that is wanted."""
    return ",".join([f"name={request.board}", *([request.firmware] if request.firmware else [])])


def _on_signal(_number: int, _frame: object) -> None:
    raise _Signalled


def _new_rows(playing: _Playing) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows since the last call, some at a time; a damaged one says so."""
    some: list[dict[str, Any]] = []
    with contextlib.suppress(OSError), playing.place.stream.open("rb") as file:
        file.seek(playing.read)
        for line in file:
            if not line.endswith(b"\n"):
                break
            playing.read += len(line)
            some.append(row_of(line, playing.board))
            if len(some) >= _ROWS_AT_ONCE:
                yield some
                some = []
    if some:
        yield some


def row_of(line: bytes, board: str) -> dict[str, Any]:
    """Return the row of a line as it is; a row that says that evidence was lost for one that cannot be sent."""
    try:
        row = json.loads(line)
        msgspec.json.encode(row)
    except (ValueError, RecursionError):
        row = None
    if isinstance(row, dict):
        return row
    return {"type": "lost", "slot": board, "why": f"a damaged row of {board} in the {STREAM} of its host"}


def _interface(port: str) -> str:
    """Return the number of the USB interface behind a tty; empty where there is none."""
    try:
        return (Path("/sys/class/tty") / Path(port).name / "device" / "bInterfaceNumber").read_text().strip()
    except (OSError, ValueError):
        return ""


def _last_words(place: Place) -> str:
    """Return what a run said at its end: its error if there is one, else its last lines."""
    try:
        lines = place.console.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError as error:
        return f"(its output cannot be read: {in_words(error)})"
    found = next((number for number, line in enumerate(lines) if line.startswith(_ERROR)), None)
    told: Sequence[str] = (
        lines[-_SAID_LINES:] if found is None else [line.removeprefix(_ERROR) for line in lines[found:]]
    )
    return "\n".join(told)[-_SAID_LETTERS:]
