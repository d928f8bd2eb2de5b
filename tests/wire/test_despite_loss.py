"""Datagrams that a live network loses are sent again, and counted."""

from collections.abc import Callable

import pytest

from bench.at import CommandError, Response, UrcTimeout
from bench.session.measuring import DespiteLoss, NothingArrived

ERROR = Response("AT#XRECV=0,0,0,1", (), None, "ERROR", 0, 0, 0, ())


@pytest.fixture
def counted() -> list[float]:
    return []


def sender(counted: list[float], attempts: int = 3, seen: int | None = None) -> DespiteLoss:
    return DespiteLoss(attempts, lambda _name, value, **_: counted.append(value), lambda _: seen)  # type: ignore[arg-type]


@pytest.fixture
def despite_loss(counted: list[float]) -> DespiteLoss:
    return sender(counted)


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


@pytest.mark.parametrize(
    ("attempts", "seen", "says"),
    [
        (3, None, "nothing came back to the board of 3 datagrams sent one after another"),
        (3, 0, "the peers did not receive any of them: not sent, although the board said so, or lost on the way"),
        (1, 0, "nothing came back to the board of 1 datagram; the peers did not receive it: not sent"),
        (3, 2, "the peers received 2 and answered: lost on the way back, or not delivered by the board"),
    ],
)
def test_too_many(counted: list[float], attempts: int, seen: int | None, says: str) -> None:
    """Both sides are said: the bench cannot know which of them lost it."""
    with pytest.raises(NothingArrived, match=says):
        sender(counted, attempts, seen)(lambda: None, after(*[UrcTimeout()] * attempts))
    assert counted == []
