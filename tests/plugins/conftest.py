"""The floor of seconds: pytest and the command line run in this process, on boards that tests share."""

from collections.abc import Iterator

import pytest

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards
from tests.support.inline import InlineLab


@pytest.fixture(scope="session")
def shared_board() -> Iterator[BoardSpec]:
    """A simulated board for all who leave it as they found it, or let the bench do that."""
    with SimulatedBoards(1, hosts={PEER_NAME: ("127.0.0.1", "::1")}) as boards:
        yield boards.specs[0]


@pytest.fixture
def lab(pytester: pytest.Pytester, shared_board: BoardSpec) -> InlineLab:
    """A lab whose tests run in this process."""
    return InlineLab(pytester, shared_board)
