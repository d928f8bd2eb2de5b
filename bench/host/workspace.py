"""The folder on a board's host where lab runs are kept until they are collected: RUN/BOARD/RUN is a board's run.

The run's folder has the run's name, so that its rows name the run as the client's do. Beside it stand ``files``, the
client's own files and the working folder of the run, and two small files: how the run ended, and that it was collected.
"""

import contextlib
import fcntl
import io
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import LabError, in_words
from bench.evidence.run_folder import ALLURE_RESULTS, TRANSCRIPTS
from bench.evidence.stream import FILE as STREAM
from bench.host.archive import pack, unpack

EVIDENCE = (ALLURE_RESULTS, TRANSCRIPTS, "timelines", "logs", "support")
"""Folders of a run that go to the client; what pytest printed may show identities, and stays."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LOCK = "played.lock"
_PIECE = 256 * 1024
_DAY_S = 86400


@dataclass(frozen=True)
class Place:
    """Where a board's part of a run is kept."""

    folder: Path
    run: str

    @property
    def out(self) -> Path:
        """The run's folder."""
        return self.folder / self.run

    @property
    def files(self) -> Path:
        """The working folder of the run."""
        return self.folder / "files"

    @property
    def console(self) -> Path:
        """What ``nrf91-bench run`` printed."""
        return self.folder / "console.txt"

    @property
    def stream(self) -> Path:
        """Its result stream."""
        return self.out / STREAM

    @property
    def begun(self) -> bool:
        """Whether it has written evidence."""
        return self.stream.is_file()

    @contextlib.contextmanager
    def played(self) -> Iterator[int]:
        """Lock the place; yield the descriptor, which the run inherits: the lock stands until the run is gone."""
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def is_played(self) -> bool:
        """Whether the run still goes on, whichever session started it."""
        try:
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def note_end(self, exit_code: int, said: str) -> None:
        """Keep how the run ended, for a client that comes back."""
        with contextlib.suppress(OSError):
            (self.folder / "end.json").write_text(json.dumps({"exit_code": exit_code, "said": said}), encoding="utf-8")

    def read_end(self) -> tuple[int | None, str]:
        """Return the exit code and last words of the run; None where nobody saw its end."""
        try:
            content = json.loads((self.folder / "end.json").read_text(encoding="utf-8"))
            return int(content["exit_code"]), str(content["said"])
        except (OSError, ValueError, KeyError, TypeError):
            return None, ""

    def discard(self) -> None:
        """Remove what was made for a run that was refused."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()

    def note_collected(self) -> None:
        """Note that the run's folder has arrived at the client."""
        with contextlib.suppress(OSError):
            (self.folder / "collected").touch()

    def pack(self) -> Iterator[bytes]:
        """Yield the stream and the evidence as a gzipped tar, piece by piece.

        Raises:
            LabError: it cannot be read.
        """
        with tempfile.TemporaryFile() as packed:
            try:
                pack(packed, {path: self.out / path for path in (STREAM, *EVIDENCE)})
                packed.seek(0)
                while piece := packed.read(_PIECE):
                    yield piece
            except OSError as error:
                raise LabError(f"cannot read {self.out}: {in_words(error)}") from error


class Workspace:
    """The runs that a host keeps for its clients."""

    def __init__(self, root: Path, keep_days: float) -> None:
        self.root = root
        self._keep_days = keep_days

    def place(self, run: str, board: str) -> Place:
        """Return where a board's part of a run is kept; it need not be there.

        Raises:
            LabError: a name that leads elsewhere.
        """
        for name in (run, board):
            if not _NAME.fullmatch(name):
                raise LabError(f"{name[:80]!r} is not the name of a run or of a board")
        return Place(self.root / run / board, run)

    def make(self, run: str, board: str, files: bytes) -> Place:
        """Make the place of a board's part, with the client's own files in it.

        Raises:
            LabError: it is there already, the disk is full, or the files cannot be unpacked.
        """
        place = self.place(run, board)
        if place.folder.exists() and not place.begun and not place.is_played:
            place.discard()  # its host went down before it began
        try:
            place.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.folder.mkdir(mode=0o700)
            place.files.mkdir()
            if files:
                unpack(io.BytesIO(files), place.files)
        except FileExistsError as error:
            raise LabError(f"{board} has played in the run {run} already") from error
        except OSError as error:
            raise LabError(f"cannot keep the files of the run in {place.folder}: {in_words(error)}") from error
        return place

    def free_bytes(self) -> int:
        """Return how much room there is for runs."""
        folder = self.root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return 0

    def forget_old(self) -> None:
        """Remove runs that were collected long enough ago."""
        for folder in self.root.glob("*/*"):
            try:
                age = time.time() - (folder / "collected").stat().st_mtime
            except OSError:
                continue  # not collected, or gone by now
            if age >= self._keep_days * _DAY_S:
                Place(folder, folder.parent.name).discard()
