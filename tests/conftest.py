"""What tests of several files start from: a lab with a suite of its own, and the peers' program."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.peers import Peers
from tests.support.lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the long tests to the heads of the workers' equal parts: none is begun when all else is over."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if item not in long]
    part = -(-len(short) // workers)
    items[:] = [item for worker in range(workers) for item in (*long[worker::workers], *short[worker * part :][:part])]


@pytest.fixture(autouse=True, scope="session")
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of tests are not part of anybody's history; tests at the same time share no lease and no state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRF91_BENCH_HISTORY", str(tmp_path_factory.mktemp("history") / "history.sqlite"))
        patch.setenv("NRF91_BENCH_LOCKS", str(tmp_path_factory.mktemp("locks")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab in a folder of its own."""
    return Lab(tmp_path)


@pytest.fixture
def peers() -> Iterator[Peers]:
    """Peers on this host."""
    with Peers() as program:
        yield program
