"""The record of a bisection on disk: what is searched among which images, and what each try showed."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from bench.bisect.search import Judgement
from bench.errors import UsageError, in_words

FILE = "bisect.json"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An image.

    Attributes:
        name: of its file, as it was given.
        path: of the file, from the root.
        sha256: its digest.
    """

    name: str
    path: str
    sha256: str


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """A try of an image.

    Attributes:
        place: of the image, from 0.
        judgement: what it shows.
        reason: in a line.
        run: the folder of its run, in the bisection's; empty where no run began.
        utc: when it ended.
    """

    place: int
    judgement: Judgement
    reason: str = ""
    run: str = ""
    utc: str = ""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of a measurement: reference, image, image, reference.

    Attributes:
        place: of the image, from 0.
        difference: of the logarithms, image less reference.
        runs: folders of its runs, in the bisection's.
    """

    place: int
    difference: float
    runs: list[str] = []


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is sought, on which boards: enough to go on after a kill.

    Attributes:
        test: the id of the test that became bad, or that measures what did.
        measurement: the name of what became another; empty where the test itself fails.
        boards, ports, simulate, suites, config, arguments: as :class:`bench.run.RunRequest` has them.
        tries: how often an image is tried that nobody could judge.
    """

    test: str
    measurement: str = ""
    boards: list[str] = []
    ports: list[str] = []
    simulate: int = 0
    suites: list[str] = []
    config: str = ""
    arguments: list[str] = []
    tries: int = 3

    @property
    def sought(self) -> str:
        """What became bad, for a person."""
        return self.measurement or self.test


class BisectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A bisection.

    Attributes:
        images: from an old one to a new one.
        wanted: what is sought, and where.
        tries: what was tried so far, in order.
        blocks: of a measurement, those that are whole.
    """

    images: list[Candidate]
    wanted: Wanted
    tries: list[Try] = []
    blocks: list[Block] = []
    schema: int = 1

    @property
    def seen(self) -> dict[int, list[Judgement]]:
        """The judgements by place."""
        found: dict[int, list[Judgement]] = {}
        for one in self.tries:
            found.setdefault(one.place, []).append(one.judgement)
        return found

    def with_try(self, one: Try) -> "BisectRecord":
        """Return the record with one more try."""
        return msgspec.structs.replace(self, tries=[*self.tries, one])

    def with_block(self, one: Block) -> "BisectRecord":
        """Return the record with one more block."""
        return msgspec.structs.replace(self, blocks=[*self.blocks, one])

    def differences(self, place: int) -> list[float]:
        """Return what the blocks of an image show."""
        return [one.difference for one in self.blocks if one.place == place]

    def save(self, folder: Path) -> None:
        """Replace the record of a folder in one step: a killed bisection loses no more than the try at hand.

        Raises:
            UsageError: it cannot be written.
        """
        temporary = folder / f".{FILE}.new"
        try:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
            temporary.replace(folder / FILE)
        except OSError as error:
            raise UsageError(f"cannot write {folder / FILE}: {in_words(error)}") from error

    @classmethod
    def load(cls, folder: Path) -> "BisectRecord":
        """Return the record of a folder; its images must still be the same files.

        Raises:
            UsageError: it cannot be read, or an image is gone or another one.
        """
        try:
            found = msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except OSError as error:
            raise UsageError(f"{folder} is not the folder of a bisection: {FILE}: {in_words(error)}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{folder / FILE} cannot be read: {error}") from error
        for image in found.images:
            if candidate(Path(image.path)).sha256 != image.sha256:
                raise UsageError(f"{image.name} is not the image any more with which this bisection began")
        return found


def candidate(path: Path) -> Candidate:
    """Return the image of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Candidate(name=str(path), path=str(path.resolve()), sha256=digest)
    except OSError as error:
        raise UsageError(f"cannot read the image {path}: {in_words(error)}") from error


def candidates(paths: Sequence[Path]) -> list[Candidate]:
    """Return the images of files, in their order.

    Raises:
        UsageError: one cannot be read, there are fewer than two, or two neighbours are the same.
    """
    found = [candidate(path) for path in paths]
    if len(found) < 2:
        raise UsageError("a bisection needs at least two images, from a good one to a bad one")
    for before, after in pairwise(found):
        if before.sha256 == after.sha256:
            raise UsageError(f"{before.name} and {after.name} are the same image")
    return found
