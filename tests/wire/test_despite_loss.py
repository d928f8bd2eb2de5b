"""Datagrams that a live network loses are sent again, and counted."""

from collections.abc import Callable

import pytest

from bench.at import CommandError, Response, UrcTimeout
from bench.session.measuring import DespiteLoss, NothingArrived

ERROR = Response("AT#XRECV=0,0,0,1", (), None, "ERROR", 0, 0, 0, ())


@pytest.fixture
def counted() -> list[float]:
    return []


@pytest.fixture
def despite_loss(counted: list[float]) -> DespiteLoss:
    return DespiteLoss(3, lambda _name, value, **_: counted.append(value))  # type: ignore[arg-type]


def after(*losses: Exception | None) -> Callable[[], bytes]:
    """Raise each, or return nothing, and then return data."""
    left = list(losses)

    def arrived() -> bytes:
        if not left:
            return b"x"
        loss = left.pop(0)
        if loss is not None:
            raise loss
        return b""

    return arrived


@pytest.mark.parametrize("loss", [None, CommandError("", ERROR), UrcTimeout()], ids=["nothing", "ERROR", "no URC"])
def test_each_kind_of_loss(despite_loss: DespiteLoss, counted: list[float], loss: Exception | None) -> None:
    sent: list[int] = []
    assert despite_loss(lambda: sent.append(1), after(loss, loss)) == b"x"
    assert (len(sent), counted) == (3, [2])


def test_too_many(despite_loss: DespiteLoss) -> None:
    with pytest.raises(NothingArrived, match="3 datagrams"):
        despite_loss(lambda: None, after(UrcTimeout(), None, UrcTimeout()))
