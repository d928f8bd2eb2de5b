"""A bundle: the evidence of one run as an archive, with the digest of each file and a statement that is signed.

``evidence/``
    The files of the run's folder.
``SHA256SUMS``
    Their digests, as ``sha256sum -c`` reads them.
``statement.json``
    What was tested with what result; it names the digest of ``SHA256SUMS``, so who signs it signs every byte.
``signatures/``
    Endorsements of the statement, each with its signature; see :mod:`bench.release.signature`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config.plan import FILE as PLAN_FILE
from bench.errors import UsageError, in_words
from bench.evidence.run_folder import check_run_folder
from bench.evidence.summary import FILE as SUMMARY
from bench.release.archive import pack, unpack
from bench.release.statement import statement_of
from bench.run.folder import rebuild

SUMS, STATEMENT = "SHA256SUMS", "statement.json"
EVIDENCE, SIGNATURES = "evidence/", "signatures/"
SUFFIX = ".bundle.tar.gz"
_PRIVATE = "console-"
"""Output of pytest's own: it may show a board's identity, and belongs to its owner alone."""
_DERIVED = ("allure-report",)
"""Folders that are made of the rest at any time."""


@dataclass(frozen=True)
class Bundle:
    """An archive that was read, whatever is true of it.

    Attributes:
        path: of the archive.
        files: its files by name.
    """

    path: Path
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        """Return the bundle of a file.

        Raises:
            UsageError: it is not a bundle.
        """
        files = unpack(path)
        for name in (SUMS, STATEMENT):
            if name not in files:
                raise UsageError(f"{path} is not a bundle: it has no {name}")
        return cls(path, files)

    @cached_property
    def statement(self) -> dict[str, Any]:
        """The statement.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            content = json.loads(self.files[STATEMENT])
            _ = content["predicate"]["nrf91_bench"]["verdict"], content["subject"][0]["digest"]["sha256"]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise UsageError(f"{self.path}: {STATEMENT} is not a statement of this bench: {in_words(error)}") from error
        found: dict[str, Any] = content
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What the statement says in the bench's own words."""
        found: dict[str, Any] = self.statement["predicate"]["nrf91_bench"]
        return found

    @property
    def digest(self) -> str:
        """The SHA-256 of the statement: what a signature speaks of, and the name of all of the evidence."""
        return sha256(self.files[STATEMENT])

    def with_files(self, files: Mapping[str, bytes]) -> "Bundle":
        """Write the archive anew with further files; return it."""
        bundle = Bundle(self.path, {**self.files, **files})
        pack(bundle.files, self.path)
        return bundle


def sha256(data: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def make_bundle(folder: Path, out: Path | None = None, images: Sequence[Path] = ()) -> Bundle:
    """Make the bundle of a run that came to its end.

    Args:
        folder: of the run.
        out: the archive; None is beside the folder, with its name.
        images: files that were flashed; their digests become part of the statement.

    Raises:
        UsageError: the folder is not a run's, the run did not come to its end, its pages say something else than its
            stream, an image cannot be read, or the archive exists or cannot be written.
    """
    folder = folder.resolve()
    check_run_folder(folder)
    path = out or folder.with_name(f"{folder.name}{SUFFIX}")
    if path.exists():
        raise UsageError(f"{path} exists: remove it, or name another with --out")
    summary = rebuild(folder)
    if summary.has_parent and not summary.closed:
        raise UsageError(f"the run in {folder} did not come to its end, or goes on: there is nothing to release")
    _check_pages(folder, summary.verdict)
    evidence = _evidence_of(folder)
    sums = "".join(f"{sha256(data)}  {name}\n" for name, data in sorted(evidence.items())).encode()
    digests = {SUMS: sha256(sums), **summary.images, **{image.name: sha256(_read(image)) for image in images}}
    plan = evidence.get(f"{EVIDENCE}{PLAN_FILE}")
    statement = statement_of(summary, digests, sha256(plan) if plan is not None else "")
    text = json.dumps(statement, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    bundle = Bundle(path, {**evidence, SUMS: sums, STATEMENT: text.encode()})
    pack(bundle.files, path)
    return bundle


def _check_pages(folder: Path, verdict: str) -> None:
    try:
        said = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["verdict"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / SUMMARY} cannot be read: {in_words(error)}") from error
    if said != verdict:
        raise UsageError(
            f"{folder / SUMMARY} says {said}, the run's stream says {verdict}: nrf91-bench report {folder} cures that"
        )


def _evidence_of(folder: Path) -> dict[str, bytes]:
    """Return the files that prove something, by their names in the bundle."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or name.parts[0] in _DERIVED or path.name.startswith(_PRIVATE):
            continue
        if path.is_symlink():
            raise UsageError(f"{path} is a link: a bundle holds plain files only")
        if path.is_file():
            found[f"{EVIDENCE}{name.as_posix()}"] = _read(path)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {in_words(error)}") from error
