"""Whether a bundle is what was signed, by whom, and whether that is enough for its plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.plan import FILE as PLAN_FILE
from bench.errors import UsageError, in_words
from bench.evidence import RunVerdict
from bench.exit_code import ExitCode
from bench.number_text import counted
from bench.release.bundle import EVIDENCE, SIGNATURES, STATEMENT, SUMS, Bundle, sha256
from bench.release.signature import Signature, check_signatures
from bench.report.views import SigningView
from bench.run.folder import rebuild, write_verdict

_NAMED = 10
_GOOD = (RunVerdict.QUALIFIED, RunVerdict.PASSED)


@dataclass(frozen=True)
class Verification:
    """What is true of a bundle.

    Attributes:
        bundle: that was verified.
        wrong: why it is not what its statement says, or a signature does not count.
        signatures: that count, one for each signer and role.
        missing: signatures that its plan still wants, in words.
    """

    bundle: Bundle
    wrong: Sequence[str]
    signatures: Sequence[Signature]
    missing: Sequence[str]

    @property
    def exit_code(self) -> ExitCode:
        """FAILED where something is wrong or the verdict is not good, INCOMPLETE where a signature is missing."""
        if self.wrong or self.bundle.facts["verdict"] not in _GOOD:
            return ExitCode.FAILED
        return ExitCode.INCOMPLETE if self.missing else ExitCode.OK


def extract(found: Verification, folder: Path) -> Path:
    """Write the evidence of a bundle into a new folder; return its verdict page, which says who signed.

    Raises:
        UsageError: the folder exists, or cannot be written, or the bundle has a name that leads out of it.
    """
    try:
        folder.mkdir(parents=True)
        for name, data in found.bundle.files.items():
            if name.startswith(EVIDENCE):
                path = folder / name.removeprefix(EVIDENCE)
                if ".." in path.parts or Path(name.removeprefix(EVIDENCE)).is_absolute():
                    raise UsageError(f"{found.bundle.path}: {name!r} leads out of its folder")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    except FileExistsError:
        raise UsageError(f"{folder} exists: name a new folder") from None
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {in_words(error)}") from error
    write_verdict(folder, rebuild(folder), signing_view(found))
    return folder / "verdict.html"


def signing_view(found: Verification) -> SigningView:
    """Return what the signatures say, for the verdict page."""
    if found.wrong:
        text = "Not genuine: this bundle proves nothing"
    elif found.missing:
        text = f"Not yet signed: it wants {' and '.join(found.missing)}"
    else:
        text = "Signed: the evidence is what was signed"
    signers = [f"{one.signer}{f' as {one.role}' if one.role else ''}, {one.utc}" for one in found.signatures]
    return SigningView(text, found.bundle.digest, signers, found.missing, found.wrong)


def verify(path: Path, allowed: Path, plan: Path | None = None) -> Verification:
    """Verify a bundle: its files, its statement, its signatures.

    Args:
        path: the bundle.
        allowed: who may sign, as OpenSSH's file of allowed signers.
        plan: the plan that it must be judged by; None takes the one that is inside.

    Raises:
        UsageError: a file cannot be read or is not a bundle.
        LabError: there is no ssh-keygen.
    """
    bundle = Bundle.read(path)
    wrong = [*_wrong_files(bundle), *_wrong_plan(bundle, plan)]
    checked = check_signatures(bundle, allowed)
    wrong += [signature.wrong for signature in checked if signature.wrong]
    good = list({(one.signer, one.role): one for one in checked if not one.wrong}.values())
    return Verification(bundle, wrong, good, list(_missing(bundle, good)))


def _wrong_files(bundle: Bundle) -> Iterator[str]:
    """Yield how files differ from their digests, and these from the statement."""
    subjects = {one["name"]: one["digest"]["sha256"] for one in bundle.statement["subject"]}
    if subjects.get(SUMS) != sha256(bundle.files[SUMS]):
        yield f"{SUMS} is not the one that {STATEMENT} speaks of"
    named: dict[str, str] = {}
    for line in bundle.files[SUMS].decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        named[name] = digest
    held = {name for name in bundle.files if name not in (SUMS, STATEMENT) and not name.startswith(SIGNATURES)}
    changed = sorted(name for name in named.keys() & held if sha256(bundle.files[name]) != named[name])
    for what, names in (
        ("was changed", changed),
        ("is missing", sorted(named.keys() - held)),
        ("was added", sorted(held - named.keys())),
    ):
        yield from (f"{name} {what}" for name in names[:_NAMED])
        if len(names) > _NAMED:
            yield f"{counted(len(names) - _NAMED, 'file')} more: {what}"


def _wrong_plan(bundle: Bundle, plan: Path | None) -> Iterator[str]:
    """Yield whether the plan is another one than the statement's, or than the one that is wanted."""
    stated = [one["digest"]["sha256"] for one in bundle.statement["predicate"]["configuration"]]
    held = bundle.files.get(f"{EVIDENCE}{PLAN_FILE}")
    if stated != ([sha256(held)] if held is not None else []):
        yield f"{EVIDENCE}{PLAN_FILE} is not the plan that {STATEMENT} speaks of"
    if plan is None:
        return
    try:
        wanted = sha256(plan.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the plan {plan}: {in_words(error)}") from error
    if wanted not in stated:
        yield f"the run was not judged by {plan}, but by {'another plan' if stated else 'no plan'}"


def _missing(bundle: Bundle, good: Sequence[Signature]) -> Iterator[str]:
    """Yield which signatures are still wanted: by different people, and one in each role; one in any case."""
    wanted, roles = max(1, int(bundle.facts["signatures"])), list(bundle.facts["roles"])
    signers = {one.signer for one in good}
    for role in roles:
        if not any(one.role == role for one in good):
            yield f"a signature as {role}"
    if len(signers) < wanted:
        others = " by other people" if signers else ""
        yield f"{counted(wanted - len(signers), 'signature')}{others}"
