"""What tests of several files start from: a lab with a suite of its own, and the peers' program."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.peers import Peers
from tests.support.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab in a folder of its own."""
    return Lab(tmp_path)


@pytest.fixture
def peers() -> Iterator[Peers]:
    """Peers on this host."""
    with Peers() as program:
        yield program
