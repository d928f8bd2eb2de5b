"""Makes the pictures of the manual: ``python docs/screenshots.py [NAME...]``.

It plays runs on simulated boards, and looks at what they leave with Chromium, as a person would. It needs the group
``screenshots`` (``pip install --group screenshots``), Chromium, and for the Allure report what ``report --html`` needs.
"""

import argparse
import html
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pyte
from PIL import Image, ImageChops

from bench.history import RunRecord, Store
from bench.report.history import run_record
from bench.run.folder import rebuild

ROOT = Path(__file__).parents[1]
BENCH = (str(Path(sys.executable).with_name("nrf91-bench")),)
"""As it is called is how it is shown."""
MOST_BYTES = 150_000
_COLUMNS, _LINES = 118, 34
_NIGHTS = 40
_SUITE = '''"""Push: a peer sends without being asked."""

import pytest

from bench.errors import LabError
from bench.measure import at_most


def test_answers_a_push(modem, tcp_echo, measure, network):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        tcp_echo.push(b"news")
        received = client.receive(network.receive_timeout)
        measure("receive a push", received.response.duration_ns, unit="ns", limit=at_most(seconds=5))


def test_two_pushes_are_two_receives(modem, tcp_echo, network):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        tcp_echo.push(b"good ")
        tcp_echo.push(b"news")
        assert client.receive(network.receive_timeout).data == b"good "


def test_works_at_85_degrees(modem):
    raise LabError("the climate chamber does not answer")
'''


def main() -> None:
    """Make the pictures that the command line names, or all."""
    parser = argparse.ArgumentParser(description="Make the pictures of the manual.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(PICTURES)}; all without a name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="their folder")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture is called {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder))
        for name in asked.names or PICTURES:
            try:
                PICTURES[name](demo, asked.out / f"{name}.png")
            except CannotShow as error:
                failed.append(f"{name}: {error}")
            else:
                print(f"{name:10} {(asked.out / f'{name}.png').stat().st_size / 1000:.0f} kB")
    if failed:
        sys.exit("\n".join(["these pictures could not be made; the old ones stay:", *failed]))


class CannotShow(Exception):
    """A picture cannot be made here."""


@dataclass
class Demo:
    """A lab in a folder, and what happens in it; each run is played once."""

    folder: Path
    progress: pyte.Screen = field(default_factory=lambda: pyte.Screen(_COLUMNS, _LINES))
    ending: pyte.Screen = field(default_factory=lambda: pyte.Screen(_COLUMNS, _LINES))

    @cached_property
    def run(self) -> Path:
        """The folder of a run in which something goes wrong; ``progress`` and ``ending`` are its console."""
        suites = self.folder / "suites"
        suites.mkdir()
        (suites / "test_push.py").write_text(_SUITE, encoding="utf-8")
        chosen = ("dns", "tcp_client", "latency", "rai", "suites")
        options = [word for suite in chosen for word in ("--suite", suite)]
        out = self.folder / "run"
        command = [*BENCH, "run", "--simulate", "2", "--out", "run", *options, "--", "--rounds", "4"]
        self.ending = self._record(command)
        if not (out / "verdict.html").is_file():
            raise CannotShow(f"the run has failed:\n{text_of(self.ending)}")
        return out

    def bench(self, *arguments: str) -> str:
        """Run ``nrf91-bench`` in the lab; return what it prints."""
        done = subprocess.run([*BENCH, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode == 2:
            raise CannotShow(done.stderr.strip())
        return done.stdout + done.stderr

    def _record(self, command: list[str]) -> pyte.Screen:
        """Run a command at a terminal; return its last screen, and keep one from the middle."""
        master, slave = os.openpty()
        termios.tcsetwinsize(slave, (_LINES, _COLUMNS))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = subprocess.Popen(command, cwd=self.folder, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        screen, middle = pyte.Screen(_COLUMNS, _LINES), b""
        stream, seen = pyte.ByteStream(screen), b""
        with suppress(OSError):  # the program has closed its side
            while chunk := os.read(master, 65536):
                seen += chunk
                stream.feed(chunk)
                share = re.search(r"running\s+(\d+)/(\d+)", text_of(screen))
                if not middle and share and int(share[1]) > int(share[2]) * 0.6:
                    middle = seen
        os.close(master)
        process.wait()
        pyte.ByteStream(self.progress).feed(middle)
        return screen


def text_of(screen: pyte.Screen) -> str:
    """Return what a screen shows, without colours."""
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def picture_progress(demo: Demo, target: Path) -> None:
    """The console in the middle of a run."""
    assert demo.run
    _shoot_screen(demo.progress, target, demo.folder)


def picture_console(demo: Demo, target: Path) -> None:
    """The end of a run on the console."""
    assert demo.run
    _shoot_screen(demo.ending, target, demo.folder)


def picture_verdict(demo: Demo, target: Path) -> None:
    """The first screen of the verdict page."""
    shoot(demo.run / "verdict.html", target, 1000, 1100)


def picture_rounds(demo: Demo, target: Path) -> None:
    """Time lines of RAI rounds."""
    pages = sorted((demo.run / "measurements").rglob("test_rai-TestUdp-test_one_response*.html"))
    if not pages:
        raise CannotShow("the run has no page of RAI rounds with ONE_RESP")
    shoot(pages[0], target, 1000, 1300)


def picture_history(demo: Demo, target: Path) -> None:
    """The page of trends, over nights that are made from one run."""
    record = run_record(demo.run, rebuild(demo.run))
    history = demo.folder / "nights.sqlite"
    with Store(history) as store:
        for number in range(_NIGHTS):
            store.add(_night(record, number))
    site = demo.folder / "site"
    demo.bench("history", "page", "--history", str(history), "--out", str(site))
    pages = [site] if site.is_file() else sorted(site.glob("index.html"))
    if not pages:
        raise CannotShow("`nrf91-bench history page` wrote no index.html")
    shoot(pages[0], target, 1280, 1200)


def _night(record: RunRecord, number: int) -> RunRecord:
    """Return a run as it might have been in a night: from the middle on with a slower, newer modem firmware."""
    chance, newer = random.Random(number), number >= _NIGHTS // 2
    drift = 1 + 0.04 * chance.gauss(0, 1) + 0.08 * newer
    measurements = [
        replace(
            one,
            samples=[value * drift * (1 + 0.02 * chance.gauss(0, 1)) for value in one.samples],
            figures={name: value * drift * (1 + 0.01 * chance.gauss(0, 1)) for name, value in one.figures.items()},
        )
        for one in record.measurements
    ]
    firmware = "mfw_nrf91x1_2.0.2" if newer else "mfw_nrf91x1_2.0.1"
    started = datetime.now(UTC).replace(hour=21) - timedelta(days=_NIGHTS - number)
    return replace(
        record,
        uid=f"{record.uid}-{number}",
        name=f"{started:%Y%m%dT%H%M%SZ}-{number}",
        started=started.isoformat().replace("+00:00", "Z"),
        boards=[replace(board, modem_firmware=firmware) for board in record.boards],
        results=[one for one in record.results if "test_push" not in one.test or newer],
        measurements=measurements,
    )


def picture_boards(demo: Demo, target: Path) -> None:
    """The page of a lab whose boards are free, in use and reserved: a rack, as far as udev can tell."""
    page = demo.folder / "boards.html"
    script = (
        f"{' '.join(BENCH)} boards reserve nrf9161dk-1 --until 8h --why 'crash in DTLS' &&"
        f" ({' '.join(BENCH)} run --board nrf9151dk-1 --suite tcp_client --suite latency > /dev/null & run=$!;"
        f" sleep 8; {' '.join(BENCH)} boards --page {page}; kill -INT $run; wait $run)"
    )
    models = [word for model in ("nrf9151dk", "nrf9161dk", "thingy91x") for word in ("--model", model)]
    demo.bench("simulate", "--rack", *models, "--", "bash", "-c", script)
    if not page.is_file():
        raise CannotShow("`nrf91-bench boards --page` wrote nothing; does this host let you make namespaces?")
    shoot(page, target, 1280, 720)


def picture_allure(demo: Demo, target: Path) -> None:
    """The first screen of the Allure report."""
    said = demo.bench("report", str(demo.run), "--html")
    report = demo.run / "allure-report" / "index.html"
    if not report.is_file():
        raise CannotShow(said.strip().split("\n")[-1])
    shoot(report, target, 1280, 900)


PICTURES: Mapping[str, Callable[[Demo, Path], None]] = {
    "progress": picture_progress,
    "console": picture_console,
    "verdict": picture_verdict,
    "rounds": picture_rounds,
    "history": picture_history,
    "boards": picture_boards,
    "allure": picture_allure,
}
"""Name -> what makes it."""


def shoot(page: Path, target: Path, width: int, height: int) -> None:
    """Take a picture of a page, cut off what is empty below, and make the file small."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise CannotShow("install Chromium")
    raw = target.with_suffix(".raw.png")
    options = [f"--window-size={width},{height}", f"--screenshot={raw}", "--hide-scrollbars", "--disable-gpu"]
    options += ["--virtual-time-budget=5000", *["--no-sandbox"] * (os.geteuid() == 0)]
    command = [chromium, "--headless=new", *options, page.resolve().as_uri()]
    for _ in range(2):  # a busy machine: Chromium gives up now and then
        subprocess.run(command, capture_output=True, check=False, timeout=120)
        if raw.is_file():
            break
        time.sleep(1)
    else:
        raise CannotShow(f"Chromium made no picture of {page.name}")
    with Image.open(raw) as shown:
        _save_small(_without_empty_end(shown.convert("RGB")), target)
    raw.unlink()


def _without_empty_end(image: Image.Image) -> Image.Image:
    width, height = image.size
    background = Image.new("RGB", image.size, image.getpixel((width - 1, height - 1)))
    box = ImageChops.difference(image, background).getbbox()
    return image.crop((0, 0, width, min(height, box[3] + 16))) if box else image


def _save_small(image: Image.Image, target: Path) -> None:
    """Write a picture with as many colours as fit."""
    for colours in (256, 128, 64, 32, 16):
        image.quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            return
    raise CannotShow(f"{target.name} is larger than {MOST_BYTES // 1000} kB with 16 colours")


_COLOURS = {"default": "#d4d4d4", "black": "#1e1e1e", "red": "#f14c4c", "green": "#23d18b", "brown": "#e5e510"}
_COLOURS |= {"blue": "#3b8eea", "magenta": "#d670d6", "cyan": "#29b8db", "white": "#e5e5e5", "yellow": "#e5e510"}
_STYLE = "margin:0;padding:16px;background:#1e1e1e;color:#d4d4d4;font:14px/1.35 'DejaVu Sans Mono',monospace"


def _shoot_screen(screen: pyte.Screen, target: Path, folder: Path) -> None:
    """Take a picture of a terminal: its text, colours and weights."""
    lines = []
    for number in range(len(text_of(screen).split("\n"))):
        row = screen.buffer[number]
        lines.append("".join(_span(row[column]) for column in range(screen.columns)).rstrip())
    page = folder / f"{target.stem}.html"
    head, body = '<meta charset="utf-8"><body style="margin:0">', "\n".join(lines)
    page.write_text(f'{head}<pre style="{_STYLE}">{body}</pre>', encoding="utf-8")
    shoot(page, target, 1040, 700)


def _span(char: pyte.screens.Char) -> str:
    colour = _COLOURS.get(char.fg.removeprefix("bright"), f"#{char.fg}")
    if char.fg == "default" and not char.bold:
        return html.escape(char.data)
    return f'<span style="color:{colour};font-weight:{700 if char.bold else 400}">{html.escape(char.data)}</span>'


if __name__ == "__main__":
    main()
