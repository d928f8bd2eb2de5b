"""Whole runs share nothing: what one test reserves or leases is not there for the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rack import MIXED, RunningRack, running_rack


@pytest.fixture(autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own leases and state."""
    monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def _light(tmp_path: Path) -> None:
    """Spare each process of a lab hypothesis: its plugin imports all of it, for a second, and the lab has none."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest\n")


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[RunningRack]:
    """A rack of three boards, each of another model."""
    with running_rack(tmp_path, *MIXED, boards=3) as running:
        yield running
