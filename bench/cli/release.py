"""``nrf91-bench bundle``, ``sign`` and ``verify``: from a run to a signed verdict that anybody can check."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.terminal import say, short_path
from bench.number_text import counted
from bench.release import Bundle, Verification
from bench.release import make_bundle as make
from bench.release import sign as add_signature
from bench.release import verify as check
from bench.release.verification import extract as extracted

_File = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The archive that `bundle` has made.")]


def make_bundle(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The archive; default DIR.bundle.tar.gz.")] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An image that was tested: its digest becomes part of the statement."),
    ] = None,
) -> None:
    """Make one archive of a run: its evidence, the digest of each file, a statement of the result to be signed."""
    bundle = make(folder, out, image or ())
    _tell(bundle)
    say(f"bundle    {short_path(bundle.path.resolve())}   {bundle.path.stat().st_size / 1e6:.1f} MB")
    say(f"sign      nrf91-bench sign {short_path(bundle.path.resolve())} --key FILE")


def sign(
    bundle: _File,
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="A private key of OpenSSH, or the public one of a key in ssh-agent.")
    ],
    role: Annotated[str, typer.Option(metavar="NAME", help="In which you sign, such as quality.")] = "",
) -> None:
    """Sign the statement of a bundle; the signature is added to the archive."""
    found = Bundle.read(bundle)
    _tell(found)
    add_signature(found, key, role)
    say(f"signed    with {key}{f' as {role}' if role else ''}")


def verify(
    bundle: _File,
    signers: Annotated[
        Path, typer.Option(metavar="FILE", help="OpenSSH's file of allowed signers: who may sign, in which role.")
    ],
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The plan that the run must have been judged by.")
    ] = None,
    extract: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the evidence into this new folder; its verdict page says who signed."),
    ] = None,
) -> None:
    """Verify a bundle: every file, the statement, the plan, who signed.

    Exit codes: 0 the verdict is good, nothing was changed, all wanted signatures are there; 1 something is wrong, or
    the verdict is not good; 5 a signature is missing.
    """
    found = check(bundle, signers, plan)
    _tell(found.bundle)
    for signature in found.signatures:
        say(f"signer    {signature.signer}{f' as {signature.role}' if signature.role else ''}, {signature.utc}")
    for text in found.missing:
        say(f"missing   {text}")
    for text in found.wrong:
        say(f"wrong     {text}")
    if extract is not None:
        say(f"report    {short_path(extracted(found, extract).resolve())}")
    say(f"{'genuine' if not found.wrong else 'NOT GENUINE':<9} {_outcome(found)}")
    raise typer.Exit(found.exit_code)


def _outcome(found: Verification) -> str:
    if found.wrong:
        return f"{counted(len(found.wrong), 'thing')} wrong: this bundle proves nothing"
    signed = f"not yet signed: it wants {' and '.join(found.missing)}" if found.missing else "signed"
    return f"{found.bundle.facts['verdict']}, {signed}"


def _tell(bundle: Bundle) -> None:
    facts = bundle.facts
    plan = f"   plan {facts['plan']}" if facts["plan"] else ""
    say(f"verdict   {facts['verdict']}{'   SIMULATED' if facts['simulated'] else ''}{plan}   {facts['reason']}")
    for board in facts["boards"]:
        say(f"board     {board['slot']}   {board['model']}   {board['firmware']}")
    for subject in bundle.statement["subject"]:
        say(f"digest    {subject['name']}   sha256 {subject['digest']['sha256']}")
    say(f"digest    statement.json   sha256 {bundle.digest}")
