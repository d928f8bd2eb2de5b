"""``nrf91-bench doctor``: what breaks labs, and the cure of each."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.text import Text

from bench.boards import Catalog, attached_boards, known_boards
from bench.boards.diagnosis import Diagnosis, check_config, diagnose
from bench.cli.lab import default_config
from bench.cli.terminal import VisibleConsole, say_lines
from bench.config.lab import Config, ReachedPeers, load
from bench.errors import BenchError
from bench.exit_code import ExitCode
from bench.peers import Peer, Peers
from bench.privacy import Concealer, lab_key
from bench.report.allure_program import CannotRender, find_allure
from bench.security import library

EPILOG = "Exit codes: 0 nothing is wrong; 1 something to cure; 2 wrong usage. What is optional changes no exit code."

_RULE_FOLDERS = (Path("/etc/udev/rules.d"), Path("/run/udev/rules.d"), Path("/usr/lib/udev/rules.d"))
_RULE_FILE = "/etc/udev/rules.d/60-nrf91-bench.rules"
# Programs that open every serial port they see, and what they are for.
_MEDDLERS = {"ModemManager": "probes it with AT commands of its own", "brltty": "takes it for a Braille display"}
_LOW_DISK, _EMPTY_DISK = 1 << 30, 100 << 20


def doctor(
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
    in_lab: Annotated[bool, typer.Option("--lab", help="Examine coordinator and hosts of a lab of several.")] = False,
    fix_udev: Annotated[bool, typer.Option("--fix-udev", help="Print the udev rule file to install.")] = False,
) -> None:
    """Examine this lab: host, boards, peers, and what may be installed beside."""
    lab = load(config or default_config())
    if fix_udev:
        say_lines(_rules(lab).rstrip("\n"))
        return
    console = VisibleConsole(soft_wrap=True)
    wrong = 0
    for finding in _findings_of_hosts(lab) if in_lab else _findings(lab):
        _print(console, finding, "cure", "bold red")
        wrong += bool(finding.cure)
    if not in_lab:
        console.print("optional, for what is named")
        for finding in _optional(lab):
            _print(console, finding, "none", "yellow")
    console.print(f"{wrong} thing{'' if wrong == 1 else 's'} to cure" if wrong else "nothing is wrong")
    raise typer.Exit(ExitCode.FAILED if wrong else ExitCode.OK)


def _findings_of_hosts(lab: Config) -> Iterator[Diagnosis]:
    from bench.lab.diagnosis import diagnose_lab  # a lab of one host must not wait for the import

    return diagnose_lab(lab.lab)


def _print(console: VisibleConsole, finding: Diagnosis, mark: str, style: str) -> None:
    """Print a finding, with its mark where something is missing."""
    word = Text(f"{mark:6}", style=style) if finding.cure else Text("ok    ", style="green")
    console.print(word + Text(finding.what))
    if finding.cure:
        console.print(Text(f"      -> {finding.cure}"))


def _optional(lab: Config) -> Iterator[Diagnosis]:
    """Yield what a lab may have: nothing is wrong without it."""
    try:
        found = find_allure("nrf91-bench report DIR --html --install")
        yield Diagnosis(f"Allure reports as pages: {found.allure} on {found.node}")
    except CannotRender as error:
        missing = [line.strip() for line in str(error).splitlines() if line.startswith(" ")]
        cure = "nrf91-bench report DIR --html --install"
        yield Diagnosis(f"Allure reports as pages (report --html) need {'; '.join(missing)}", cure)
    there = find_spec("ppk2_api") is not None
    needed = ", which bench.toml names for a board" if any(entry.meter for entry in lab.boards) else ""
    what = f"current by the Power Profiler Kit II{needed}: ppk2-api is {'' if there else 'not '}installed"
    yield Diagnosis(what, "" if there else f"{sys.executable} -m pip install ppk2-api")


def _findings(lab: Config) -> Iterator[Diagnosis]:
    yield from _host(lab)
    yield from check_config(lab)
    concealer = Concealer(lab_key())
    try:
        boards = known_boards(lab)
    except BenchError as error:
        yield Diagnosis("boards cannot be listed", str(error))
        return
    if not boards:
        yield Diagnosis("no board is attached and none is in the inventory", "plug one in, with a data cable")
    try:
        with Peers(lab.peers) as peers:
            yield Diagnosis(f"the peers run on {peers.where}")
            echo = peers.tcp_echo()
            for spec in boards:
                yield from diagnose(spec, lab, concealer, _as_reached(echo, spec.peers))
    except BenchError as error:
        yield Diagnosis("the peers do not run", str(error))
        for spec in boards:
            yield from diagnose(spec, lab, concealer, None)


def _as_reached(echo: Peer, reached: ReachedPeers) -> Peer:
    """Return the peer as one board's network reaches it."""
    return echo if reached.address is None else echo.at(str(reached.address))


def _host(lab: Config) -> Iterator[Diagnosis]:
    try:
        attached_boards(Catalog(lab.models))
        yield Diagnosis("libudev lists devices")
    except BenchError as error:
        yield Diagnosis("boards cannot be found", str(error))
    if Path("/run/udev/control").exists():
        yield Diagnosis("udevd is running")
    else:
        yield Diagnosis(
            "udevd is not running: plugging is noticed only by looking again, and names and groups stay as they are",
            "start it; in a container use the host's network and mount /run/udev into it",
        )
    yield from _meddlers()
    yield from _rule(lab)
    try:
        yield Diagnosis(f"TLS and DTLS: {library().version}")
    except BenchError as error:
        yield Diagnosis("TLS and DTLS are not available", str(error))
    yield _disk(Path.cwd())


def _meddlers() -> Iterator[Diagnosis]:
    kept_off = _keeps_off()
    for process in psutil.process_iter(["name"]):
        name = process.info["name"]
        if name in _MEDDLERS and not (name == "ModemManager" and kept_off):
            cure = f"nrf91-bench doctor --fix-udev | sudo tee {_RULE_FILE}, then sudo udevadm control --reload"
            if name == "brltty":
                cure = "remove brltty, or mask its udev rule"
            yield Diagnosis(f"{name} runs (pid {process.pid}): it opens a board's port and {_MEDDLERS[name]}", cure)


def _rule(lab: Config) -> Iterator[Diagnosis]:
    if _keeps_off():
        yield Diagnosis("a udev rule keeps ModemManager off the boards")
        return
    with contextlib.suppress(BenchError):
        if any(spec.hardware and spec.serial and spec.port for spec in known_boards(lab)):
            cure = f"nrf91-bench doctor --fix-udev | sudo tee {_RULE_FILE}, then sudo udevadm control --reload"
            yield Diagnosis("no udev rule gives the boards' ports to a group and keeps ModemManager off them", cure)


def _keeps_off() -> bool:
    """Return whether a rule file tells ModemManager to leave the probes of both vendors alone."""
    for folder in _RULE_FOLDERS:
        for file in folder.glob("*.rules") if folder.is_dir() else ():
            try:
                text = file.read_text(errors="replace")
            except OSError:
                continue
            if "ID_MM_DEVICE_IGNORE" in text and "1366" in text and "1915" in text:
                return True
    return False


def _disk(folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB are free in {folder}"
    if free < _EMPTY_DISK:
        return Diagnosis(text, "a run keeps every byte of every test: make room, or choose another --out")
    return Diagnosis(text if free >= _LOW_DISK else f"{text}: a night may need more")


def _rules(lab: Config) -> str:
    vendors = sorted({f"{model.vendor:04x}" for model in Catalog(lab.models).models if not model.generic})
    head = (
        "# nrf91-bench: the boards' ports belong to the group dialout, and ModemManager leaves them alone.\n"
        f"# Install as {_RULE_FILE}, then: udevadm control --reload && udevadm trigger\n"
    )
    what = 'ENV{ID_MM_DEVICE_IGNORE}="1", GROUP="dialout", MODE="0660"'
    return head + "".join(f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vendor}", {what}\n' for vendor in vendors)
