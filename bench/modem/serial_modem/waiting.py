"""The time that a call waits on the host for a URC."""

from dataclasses import dataclass

from bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Patience:
    """A time to wait.

    Attributes:
        seconds: the longest time.
        certain: whether an event must come by then; its absence is an error of the board.
    """

    seconds: float
    certain: bool


def patience(seconds: float | None, at_most: float | None, margin: float, call: str) -> Patience:
    """Return how long a call waits.

    Args:
        seconds: as asked for; None for ever.
        at_most: seconds after which an event is certain to have come.
        margin: seconds by which it may be late.
        call: for the message, such as ``a poll of -1``.

    Raises:
        UsageError: the call would wait for ever, without ``at_most``.
    """
    if at_most is None:
        if seconds is None:
            raise UsageError(f"{call} waits for ever: say with at_most when an event is certain")
        return Patience(seconds, certain=False)
    limit = at_most + margin
    if seconds is None or limit < seconds:
        return Patience(limit, certain=True)
    return Patience(seconds, certain=False)
