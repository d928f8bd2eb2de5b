"""Pages are in the zone of the lab, files in UTC."""

import time
from collections.abc import Iterator

import pytest

from bench.report.lab_time import lab_clock, lab_time


@pytest.fixture
def oslo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("oslo")
class TestOslo:
    def test_winter_and_summer(self) -> None:
        assert lab_time("2026-11-23T02:12:45.123456Z") == "2026-11-23 03:12:45 CET"
        assert lab_time("2026-07-01T22:30:00.000000Z") == "2026-07-02 00:30:00 CEST"

    def test_the_clock_alone(self) -> None:
        assert lab_clock("2026-11-23T02:12:45.123456Z") == "03:12:45"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23"])
def test_what_is_no_moment_is_left_alone(text: str) -> None:
    assert lab_time(text) == text
    assert lab_clock(text) == text
