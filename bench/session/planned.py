"""The tests that a pytest process would run, as it tells whoever asks: no board is opened."""

from collections.abc import Sequence

import msgspec

from bench.boards import Cost


class PlannedTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test before it runs.

    Attributes:
        test: its id.
        title: what must hold, in a sentence: the first one of its documentation.
        suite: what its suite is about, likewise.
        markers: of the bench, by name.
        needs: the option of pytest without which it is left out; empty when it runs.
        features: that the firmware must have; on one without them the test is left out.
        cost: the most that it has cost, or may cost, by the names of :class:`bench.boards.Cost`.
    """

    test: str
    title: str = ""
    suite: str = ""
    markers: Sequence[str] = ()
    needs: str = ""
    features: Sequence[str] = ()
    cost: dict[str, int] = {}

    @property
    def milliseconds(self) -> int:
        """How long it takes at most; 0 when it never ran."""
        return self.cost.get("milliseconds", 0)


_DECODER = msgspec.json.Decoder(list[PlannedTest])


def encode_tests(tests: Sequence[PlannedTest]) -> bytes:
    """Return what the pytest process writes."""
    return msgspec.json.encode(tests)


def decode_tests(data: bytes) -> list[PlannedTest]:
    """Return the tests that a pytest process has told."""
    return _DECODER.decode(data)


def total_cost(tests: Sequence[PlannedTest]) -> Cost:
    """Return what tests may cost together."""
    return sum((Cost(**test.cost) for test in tests), Cost())
