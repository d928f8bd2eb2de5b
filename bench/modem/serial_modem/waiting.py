"""The time that a call waits on the host for a URC."""

from dataclasses import dataclass

from bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Patience:
    """A time to wait.

    Attributes:
        seconds: that are waited at most.
        certain: an event must have come by then: none is an error of the board.
    """

    seconds: float
    certain: bool


def patience(seconds: float | None, at_most: float | None, margin: float, call: str) -> Patience:
    """Return how long a call waits.

    Args:
        seconds: that are asked for; None for ever.
        at_most: seconds after which an event is certain to have come.
        margin: seconds that it may take beyond.
        call: for the message, such as ``a poll of -1``.

    Raises:
        UsageError: for ever, and nothing says when an event is certain.
    """
    if at_most is None:
        if seconds is None:
            raise UsageError(f"{call} waits for ever: say with at_most when an event is certain")
        return Patience(seconds, certain=False)
    limit = at_most + margin
    if seconds is None or limit < seconds:
        return Patience(limit, certain=True)
    return Patience(seconds, certain=False)
