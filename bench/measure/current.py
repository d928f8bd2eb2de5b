"""The current of a board over time, and its charge between two moments."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Current:
    """A current that changes in steps.

    Attributes:
        steps: (moment in ns, mA from then on), in order.
        until_ns: the end of the last step.
    """

    steps: Sequence[tuple[int, float]]
    until_ns: int

    def between(self, begin_ns: int, end_ns: int) -> Iterator[tuple[int, int, float]]:
        """Yield (from, to, mA) of each step between two moments; nothing where the current is not known."""
        first = max(0, bisect_right(self.steps, begin_ns, key=lambda step: step[0]) - 1)
        for index in range(first, len(self.steps)):
            moment, milliamperes = self.steps[index]
            following = self.steps[index + 1][0] if index + 1 < len(self.steps) else self.until_ns
            start, stop = max(moment, begin_ns), min(following, end_ns)
            if start >= end_ns:
                return
            if stop > start:
                yield start, stop, milliamperes

    def charge_uc(self, begin_ns: int, end_ns: int) -> float:
        """Return the charge between two moments in microcoulombs: mA times s, times 1000.

        Raises:
            ValueError: The current is not known for all of that time.
        """
        if not self.steps or begin_ns < self.steps[0][0] or end_ns > self.until_ns:
            raise ValueError("the current is not known for all of that time")
        return sum((stop - start) * milliamperes for start, stop, milliamperes in self.between(begin_ns, end_ns)) / 1e6
