"""A real browser without a window, which tells what a page asked for and complained of."""

import base64
import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromedriver")
_MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
WITH_BROWSER = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


class Browser:
    """A browser, open.

    Attributes:
        driver: selenium's.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1280, dark: bool = False) -> None:
        """Open a page from the disk; what earlier pages did is forgotten."""
        self.driver.get("about:blank")
        self.complaints()
        self.requests()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", features=[scheme])
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tell("Emulation.setDeviceMetricsOverride", **metrics)
        self.driver.get(page.resolve().as_uri())

    def tell(self, command: str, **parameters: object) -> dict[str, Any]:
        """Send a command of the DevTools protocol; return its answer."""
        return dict(self.driver.execute_cdp_cmd(command, parameters))

    def ask(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the script returns
        """Return what a script returns, with ``arguments`` in it."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def choose(self, **filters: str) -> None:
        """Set filters of a page, by the ids of their fields."""
        for name, value in filters.items():
            self.driver.execute_script(
                "const [id, value] = arguments; const field = document.getElementById(id); field.value = value;"
                " field.dispatchEvent(new Event('input'));",
                name,
                value,
            )

    def complaints(self) -> list[str]:
        """Return what was written to the console since the last call."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [str(event["params"]["request"]["url"]) for event in events if event["method"] in _ASKED]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.execute("getLog", {"type": kind})["value"])

    def sheets(self, page: Path) -> int:
        """Return the number of sheets on which a page prints."""
        self.open(page)
        printed = self.tell("Page.printToPDF", preferCSSPageSize=True)
        sheets = len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))
        assert sheets, "a page prints on one sheet at least"
        return sheets

    def width_of(self, page: Path, window: int) -> int:
        """Return how wide the content of a page is in a window of so many pixels."""
        self.open(page, width=window)
        return int(self.ask("document.documentElement.scrollWidth"))

    def cpu_seconds(self) -> Mapping[str, float]:
        """Return what the page's main thread has spent so far, in seconds of its own clock: no load counts."""
        return {one["name"]: one["value"] for one in self.tell("Performance.getMetrics")["metrics"]}


_ASKED = {"Network.requestWillBeSent"}


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """The distribution's Chromium; ``profile`` is a folder for what it keeps."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which(PROGRAMS[0]))
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which(PROGRAMS[1]))))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
