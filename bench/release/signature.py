"""Signatures by OpenSSH: ``ssh-keygen -Y``. The bench does no cryptography of its own.

Who signs endorses the statement of a bundle: a small text with the statement's digest, the role and the time is signed.
The role is part of the signature's namespace, so the file of allowed signers says who may sign in which role:

    anna@example.com namespaces="nrf91-bench/quality" ssh-ed25519 AAAA...

ssh-keygen(1), "ALLOWED SIGNERS".
"""

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import LabError, UsageError, in_words
from bench.release.bundle import SIGNATURES, Bundle

NAMESPACE = "nrf91-bench"
ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SECONDS = 30.0
_LEEWAY_S = 300
"""By so much the clocks of two hosts may differ."""


@dataclass(frozen=True)
class Signature:
    """A signature that was checked.

    Attributes:
        role: in which the signer signs; empty for none.
        utc: when, as the signer says.
        signer: the principal of the allowed signers; empty when nobody known signed.
        wrong: why it does not count; empty when it does.
    """

    role: str
    utc: str
    signer: str = ""
    wrong: str = ""


def namespace_of(role: str) -> str:
    """Return the namespace of signatures in a role."""
    return f"{NAMESPACE}/{role}" if role else NAMESPACE


def sign(bundle: Bundle, key: Path, role: str = "") -> Bundle:
    """Add a signature to a bundle; return the bundle.

    Args:
        bundle: that is endorsed; its file is written anew.
        key: a private key of OpenSSH, or the public one of a key that ssh-agent holds.
        role: in which the signer signs.

    Raises:
        UsageError: the role is not a name, or the key cannot sign.
        LabError: there is no ssh-keygen.
    """
    if role and not ROLE.fullmatch(role):
        raise UsageError(f"--role {role!r}: a role is a name of small letters, digits and hyphens, such as quality")
    utc = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    text = json.dumps({"role": role, "statement_sha256": bundle.digest, "utc": utc}, indent=2, sort_keys=True) + "\n"
    with tempfile.TemporaryDirectory(prefix="nrf91-bench-") as folder:
        file = Path(folder) / "endorsement.json"
        file.write_text(text, encoding="utf-8")
        done = _ssh_keygen("sign", "-f", str(key), "-n", namespace_of(role), str(file), asks=True)
        signed = file.with_name(f"{file.name}.sig")
        if done.returncode or not signed.is_file():
            raise UsageError(f"{key} cannot sign: {done.stderr.strip() or 'ssh-keygen gave no reason'}")
        number = 1 + sum(name.startswith(SIGNATURES) and name.endswith(".sig") for name in bundle.files)
        stem = f"{SIGNATURES}{number:02}{f'-{role}' if role else ''}.json"
        return bundle.with_files({stem: file.read_bytes(), f"{stem}.sig": signed.read_bytes()})


def check_signatures(bundle: Bundle, allowed: Path) -> list[Signature]:
    """Check each signature of a bundle.

    Raises:
        UsageError: the file of allowed signers cannot be read.
        LabError: there is no ssh-keygen.
    """
    try:
        allowed.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the allowed signers {allowed}: {in_words(error)}") from error
    names = sorted(name for name in bundle.files if name.startswith(SIGNATURES) and name.endswith(".json"))
    return [_check(bundle, name, allowed.resolve()) for name in names]


def _check(bundle: Bundle, name: str, allowed: Path) -> Signature:
    text, signed = bundle.files[name], bundle.files.get(f"{name}.sig")
    try:
        content: dict[str, Any] = json.loads(text)
        role, utc, digest = str(content["role"]), str(content["utc"]), str(content["statement_sha256"])
        moment = datetime.fromisoformat(utc.replace("Z", "+00:00"))
    except (ValueError, KeyError, TypeError):
        return Signature("", "", wrong=f"{name} is not an endorsement")
    if signed is None:
        return Signature(role, utc, wrong=f"{name} has no signature beside it")
    if role and not ROLE.fullmatch(role):
        return Signature("", utc, wrong=f"{name}: {role!r} is not a role")
    if digest != bundle.digest:
        return Signature(role, utc, wrong=f"{name} speaks of another statement, {digest[:16]}")
    if moment.tzinfo is None or (moment - datetime.now(UTC)).total_seconds() > _LEEWAY_S:
        return Signature(role, utc, wrong=f"{name} is dated {utc}: that is not a time that has passed")
    with tempfile.TemporaryDirectory(prefix="nrf91-bench-") as folder:
        file = Path(folder) / "signature"
        file.write_bytes(signed)
        return _who_signed(file, text, role, moment, allowed, name)


def _who_signed(file: Path, text: bytes, role: str, moment: datetime, allowed: Path, name: str) -> Signature:
    utc = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    when = f"verify-time={moment.astimezone(UTC):%Y%m%d%H%M%SZ}"
    found = _ssh_keygen("find-principals", "-s", str(file), "-f", str(allowed), "-O", when)
    principals = found.stdout.split("\n")[0].strip().split(",")
    if found.returncode or not principals[0]:
        return Signature(role, utc, wrong=f"{name} is signed by nobody known to {allowed.name}")
    done = _ssh_keygen(
        "verify", "-f", str(allowed), "-I", principals[0], "-n", namespace_of(role), "-s", str(file), "-O", when,
        text=text,
    )  # fmt: skip
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()[:1]
        may = f"the signature of {principals[0]} does not count as {namespace_of(role)}: {''.join(why)}"
        return Signature(role, utc, principals[0], f"{name}: {may}")
    return Signature(role, utc, principals[0])


def _ssh_keygen(
    what: str, *arguments: str, text: bytes | None = None, asks: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run ssh-keygen -Y; it may ask for a passphrase, and waits for as long as the person needs."""
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", what, *arguments],
            input=text,
            stdin=None if asks or text is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=None if asks else _SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise LabError("signatures need ssh-keygen, of OpenSSH 8.9 or newer: install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"ssh-keygen -Y {what} did not end in {_SECONDS:.0f} s") from None
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
