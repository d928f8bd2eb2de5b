"""The floor of seconds: pytest and the command line run in this process, on boards that tests share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards
from tests.support.inline import InlineLab

if TYPE_CHECKING:
    from tests.support.browser import Browser


@pytest.fixture(scope="session")
def shared_board() -> Iterator[BoardSpec]:
    """A simulated board for all who leave it as they found it, or let the bench do that."""
    with SimulatedBoards(1, hosts={PEER_NAME: ("127.0.0.1", "::1")}) as boards:
        yield boards.specs[0]


@pytest.fixture
def lab(pytester: pytest.Pytester, shared_board: BoardSpec) -> InlineLab:
    """A lab whose tests run in this process."""
    return InlineLab(pytester, shared_board)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    """The distribution's Chromium, open."""
    from tests.support.browser import browser  # most tests of this floor do not wait for its import

    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
