"""Measurements: judged when recorded, told with intervals that hold, or not told at all."""

import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.at import Response
from bench.config.lab import Config, MeasurementLimit
from bench.errors import DeviceError, LabError, UsageError
from bench.evidence.figures import figures, of_last_attempts
from bench.evidence.rows import MeasurementRow
from bench.measure import (
    VALUE,
    Exchange,
    Limit,
    LimitExceeded,
    LimitUnfit,
    LimitVerdict,
    Measurement,
    NoiseFloor,
    Series,
    TooFewSamples,
    at_least,
    at_most,
    configured_limits,
    drift,
    format_value,
    proportion,
    rate_of,
    reordered,
    take_apart,
    within,
)
from bench.measure.statistics import describe, quantile
from bench.peers import JournalEntry
from bench.simulator.path import Direction, Lane

NS_PER_MS = 1_000_000


def single(name: str, number: float, unit: str, limit: Limit) -> Measurement:
    return Measurement(name, unit, {VALUE: number}, {VALUE: limit})


class TestLimits:
    def test_a_value_is_judged_against_its_limit(self) -> None:
        single("connect", 2e9, "ns", at_most(seconds=2)).judge()
        with pytest.raises(LimitExceeded, match=r"connect was 2\.5 s, expected at most 2 s") as failure:
            single("connect", 2.5e9, "ns", at_most(seconds=2)).judge()
        assert isinstance(failure.value, DeviceError)
        with pytest.raises(LimitExceeded, match=r"expected 1\.9 s to 3 s"):
            single("wait", 1e9, "ns", within(seconds=(1.9, 3.0))).judge()
        with pytest.raises(LimitExceeded, match="loss was 7 %, expected at most 5 %"):
            single("loss", 0.07, "fraction", at_most(0.05)).judge()
        with pytest.raises(LimitExceeded, match=r"rate was 900 B/s, expected at least 1 kB/s"):
            single("rate", 900, "B/s", at_least(1000)).judge()

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_no_number_is_outside(self, value: float) -> None:
        for limit in (at_most(1), within((0, 1))):
            assert limit.verdict(value) == LimitVerdict.OUTSIDE

    @pytest.mark.parametrize(
        ("limit", "value", "verdict"),
        [
            (at_most(100, marginal=0.1), 89, LimitVerdict.OK),
            (at_most(100, marginal=0.1), 95, LimitVerdict.MARGINAL),
            (at_most(100, marginal=0.1), 101, LimitVerdict.OUTSIDE),
            (at_least(100, marginal=0.1), 111, LimitVerdict.OK),
            (at_least(100, marginal=0.1), 105, LimitVerdict.MARGINAL),
            (at_least(100, marginal=0.1), 99, LimitVerdict.OUTSIDE),
            (within((0, 100), marginal=0.1), 50, LimitVerdict.OK),
            (within((0, 100), marginal=0.1), 5, LimitVerdict.MARGINAL),
            (within((0, 100), marginal=0.1), 95, LimitVerdict.MARGINAL),
            (within((0, 100), marginal=0.1), -1, LimitVerdict.OUTSIDE),
        ],
    )
    def test_what_is_near_its_limit_is_marginal(self, limit: Limit, value: float, verdict: str) -> None:
        found = single("x", value, "ns", limit)
        assert found.verdict == verdict
        if verdict != LimitVerdict.OUTSIDE:
            found.judge()

    def test_a_limit_that_is_none(self) -> None:
        for make in (at_most, at_least, within):
            with pytest.raises(UsageError):
                make()
        with pytest.raises(UsageError):
            within((3, 1))

    def test_a_percentile_that_too_few_samples_give_is_no_pass(self) -> None:
        series = Series("echo", "ns", limits={"p99": at_most(seconds=1)})
        for value in range(100):
            series.add(value)
        with pytest.raises(TooFewSamples, match="p99 of echo is not known from 100 samples"):
            series.measurement().judge()

    def test_a_declared_series_without_a_sample(self) -> None:
        with pytest.raises(UsageError, match="echo was declared, but no sample was recorded"):
            Series("echo", "ns").measurement()

    def test_the_lab_says_what_a_measurement_must_be(self) -> None:
        rows = [
            {"name": "TCP echo*", "statistic": "p90", "at_most": 300, "unit": "ms", "marginal": 0.2},
            {"name": "TCP echo, 64 bytes", "statistic": "p90", "at_most": 0.2, "unit": "s"},
            {"name": "* uplink*", "at_least": 10000, "unit": "B/s"},
        ]
        entries = Config.model_validate({"measurements": rows}).measurements

        def of(name: str, unit: str = "ns", *, series: bool = True, part_of: str = "") -> dict[str, Limit]:
            return configured_limits(entries, name, unit, series=series, part_of=part_of)

        assert of("TCP echo, 16 bytes") == {"p90": at_most(seconds=0.3, marginal=0.2)}
        assert of("TCP echo, 64 bytes") == {"p90": at_most(seconds=0.2)}
        assert of("TCP echo, 16 bytes: uplink", part_of="TCP echo, 16 bytes") == {}
        assert of("TCP echo, 16 bytes: lost", "fraction", series=False) == {}
        assert of("TCP uplink", "B/s", series=False) == {VALUE: at_least(10000)}
        assert of("TCP connect") == {}
        with pytest.raises(LimitUnfit, match="limits TCP echo, 64 bytes in s, but it is measured in B/s"):
            of("TCP echo, 64 bytes", "B/s")
        with pytest.raises(LimitUnfit, match="limits p90 of TCP echo, 64 bytes, which is a single value"):
            of("TCP echo, 64 bytes", series=False)

    @pytest.mark.parametrize(
        "row",
        [
            {"name": "x", "unit": "s"},
            {"name": "x", "unit": "s", "at_most": 1, "at_least": 2},
            {"name": "x", "unit": "s", "at_most": float("nan")},
            {"name": "x", "unit": "s", "at_most": 1, "statistic": "p42"},
            {"name": "x", "unit": "s", "at_most": 1, "marginal": 1.5},
            {"name": "x", "at_most": 1},
        ],
    )
    def test_a_limit_that_makes_no_sense_is_refused(self, row: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            MeasurementLimit.model_validate(row)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (913_000, "ns", "913 µs"),
        (2e9, "ns", "2 s"),
        (45e6, "ns", "45 ms"),
        (17, "ns", "17 ns"),
        (0.05, "fraction", "5 %"),
        (11_520, "B/s", "11.5 kB/s"),
        (2.5e6, "B/s", "2.5 MB/s"),
        (3, "datagrams", "3 datagrams"),
    ],
)
def test_values_are_shown_in_the_unit_that_fits(value: float, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


class TestStatistics:
    @pytest.mark.parametrize(("part", "enough"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
    def test_a_quantile_is_told_only_from_enough_samples(self, part: float, enough: int) -> None:
        """0.99 ** 368 is the first power below 2.5 %: fewer samples do not bound p99 from above."""
        assert quantile(range(enough - 1), part) is None
        estimate = quantile(range(enough), part)
        assert estimate is not None
        assert estimate.low <= estimate.value <= estimate.high

    @pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
    @pytest.mark.parametrize("count", [400, 30_000])
    def test_the_interval_of_a_quantile_holds_the_truth(self, part: float, count: int) -> None:
        chance = numpy.random.default_rng(7)
        held = 0
        for _ in range(200):
            estimate = quantile(chance.random(count) ** 2, part)
            assert estimate is not None
            held += estimate.low <= part**2 <= estimate.high
        assert 182 <= held <= 200

    @given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=500))
    def test_what_is_told_is_in_order(self, samples: list[float]) -> None:
        told = describe(samples)
        values = [told[name].value for name in ("min", "p50", "p90", "p95", "p99", "max") if name in told]
        assert values == sorted(values)
        assert all(estimate.low <= estimate.value <= estimate.high for estimate in told.values())

    @given(st.integers(0, 1000), st.integers(1, 1000))
    def test_a_proportion_stays_one(self, hits: int, total: int) -> None:
        if hits > total:
            with pytest.raises(ValueError, match="is not a proportion"):
                proportion(hits, total)
        else:
            share = proportion(hits, total)
            assert 0 <= share.low <= share.value <= share.high <= 1

    @given(st.permutations(range(30)))
    def test_reordering_counts_what_came_after_a_later_one(self, numbers: list[int]) -> None:
        assert reordered(numbers) == sum(number < max(numbers[: i + 1]) for i, number in enumerate(numbers))

    def test_drift_is_found_and_its_absence_too(self) -> None:
        chance = numpy.random.default_rng(3)
        moments = numpy.arange(4000) * 1_000_000_000
        noise = chance.exponential(100_000, 4000)
        growing = drift(moments, noise + moments / 3.6e12 * 50_000)
        assert growing is not None
        assert growing.low <= 50_000 <= growing.high
        assert growing.low > 0
        steady = drift(moments, noise)
        assert steady is not None
        assert steady.low < 0 < steady.high
        assert drift(moments[:100], noise[:100]) is None


class TestTruth:
    """What a simulated path does in virtual time, against what is measured of it: a hundred seeds each."""

    SEEDS = range(100)

    @staticmethod
    def passed(model: Direction, seed: int, count: int, size: int = 100) -> list[tuple[int, int]]:
        """(number, delay in ns) in the order of arrival, of datagrams that set out every 2 ms."""
        lane = Lane(model, str(seed))
        arrivals: list[tuple[int, int, int]] = []
        held: int | None = None
        for number in range(count):
            now = number * 2 * NS_PER_MS
            due = lane.datagram(now, size)
            if due is None:
                continue
            if lane.overtaken() and held is None:
                held = number
                continue
            arrivals.append((due, number, due - now))
            if held is not None:
                arrivals.append((due + 1, held, due - held * 2 * NS_PER_MS))
                held = None
        return [(number, delay) for _, number, delay in sorted(arrivals)]

    def covered(self, found: Sequence[bool]) -> int:
        held = sum(found)
        assert 90 <= held <= 99, f"{held} of {len(found)} intervals hold the truth"
        return held

    def test_loss(self) -> None:
        found = []
        for seed in self.SEEDS:
            came = self.passed(Direction(loss=0.05), seed, 1000)
            share = proportion(1000 - len(came), 1000)
            found.append(share.low <= 0.05 <= share.high)
        self.covered(found)

    def test_order(self) -> None:
        """A datagram that is held is overtaken by the next; one that comes while another is held is not held."""
        found = []
        for seed in self.SEEDS:
            came = [number for number, _ in self.passed(Direction(reorder=0.1), seed, 1000)]
            share = proportion(reordered(came), len(came))
            truth = 0.1 / 1.1  # of those that can be held: each held one takes the next one's turn
            found.append(share.low <= truth <= share.high)
        self.covered(found)

    def test_delay(self) -> None:
        found = []
        for seed in self.SEEDS:
            delays = [delay for _, delay in self.passed(Direction(delay=10, jitter=8), seed, 500)]
            estimate = quantile(delays, 0.5)
            assert estimate is not None
            found.append(estimate.low <= 14 * NS_PER_MS <= estimate.high)
        self.covered(found)

    def test_rate(self) -> None:
        """A sender that is faster than the path: what comes through is the path's rate."""
        held = 0
        for seed in self.SEEDS:
            lane = Lane(Direction(delay=20, jitter=4, rate=375_000, queue=1e9), str(seed))
            chance = random.Random(seed)
            arrivals = []
            for number in range(600):
                size = chance.randint(50, 1200)
                due = lane.datagram(number * NS_PER_MS, size)
                assert due is not None
                arrivals.append((due, size))
            rate = rate_of(sorted(arrivals))
            assert rate.steady is not None
            held += rate.steady.low <= 375_000 / 8 <= rate.steady.high
        assert held >= 90

    @given(st.text(max_size=40))
    def test_a_direction_that_is_none_is_refused(self, text: str) -> None:
        with contextlib.suppress(UsageError):  # whatever is refused is refused by it
            assert Direction.parse(text) == Direction.parse(text)

    def test_the_same_seed_is_the_same_path(self) -> None:
        model = Direction(delay=5, jitter=5, loss=0.2, reorder=0.2)
        assert self.passed(model, 1, 200) == self.passed(model, 1, 200)
        assert self.passed(model, 1, 200) != self.passed(model, 2, 200)


class TestThroughput:
    def test_ramp_and_steady_rate_are_told_apart(self) -> None:
        events, t = [(0, 1000)], 0
        for number in range(400):
            t += 10_000_000 if number < 40 else 1_000_000
            events.append((t, 1000))
        rate = rate_of(events)
        assert rate.steady is not None
        assert rate.steady.low <= 1e6 <= rate.steady.high
        assert rate.overall == pytest.approx(400_000 / 0.76)
        assert 0.3e9 < rate.ramp_ns < 0.5e9
        assert rate.size == 401_000

    def test_a_transfer_that_is_none(self) -> None:
        for events in ([], [(1, 100)], [(1, 100), (1, 100)]):
            with pytest.raises(LabError, match="are not a transfer"):
                rate_of(events)

    def test_a_few_messages_have_no_steady_rate(self) -> None:
        assert rate_of([(0, 10), (10, 10), (20, 10)]).steady is None


class TestSplit:
    @staticmethod
    def response(sent: int, first: int, final: int) -> Response:
        return Response("AT", (), None, "OK", sent, first, final)

    def exchange(self, start: int, data: bytes) -> Exchange:
        send = self.response(start, start + 10, start + 15)
        return Exchange(send, self.response(start + 16, start + 70, start + 90), data)

    @given(st.lists(st.integers(1, 200), min_size=1, max_size=10), st.data())
    def test_a_stream_is_taken_apart_however_it_was_cut(self, sizes: list[int], data: st.DataObject) -> None:
        exchanges, journal = [], []
        for number, size in enumerate(sizes):
            start = 1000 * number
            exchanges.append(self.exchange(start, bytes(size)))
            cut = data.draw(st.integers(0, size - 1))
            pieces = [piece for piece in (cut, size - cut) if piece]
            journal += [JournalEntry(start + 30 + i, "received", size=piece) for i, piece in enumerate(pieces)]
            journal += [JournalEntry(start + 40 + i, "sent", size=piece) for i, piece in enumerate(pieces)]
        for exchange, trip in zip(exchanges, take_apart(exchanges, journal, stream=True), strict=True):
            parts = trip.parts
            assert parts["turn-around"] in (9, 10)
            assert sum(parts.values()) - parts["accepted"] == trip.total == 90
            assert parts["accepted"] == 15
            assert trip.sent_ns == exchange.send.sent_ns

    def test_a_message_in_pieces_has_come_with_its_last_byte_and_gone_with_its_first(self) -> None:
        """Of two messages of three bytes, each cut otherwise on its way in and out."""
        journal = [
            JournalEntry(30, "received", size=2),
            JournalEntry(33, "received", size=1),
            JournalEntry(40, "sent", size=1),
            JournalEntry(45, "sent", size=2),
            JournalEntry(1030, "received", size=1),
            JournalEntry(1037, "received", size=2),
            JournalEntry(1041, "sent", size=2),
            JournalEntry(1046, "sent", size=1),
        ]
        both = [self.exchange(0, b"one"), self.exchange(1000, b"two")]
        trips = take_apart(both, journal, stream=True)
        stamps = [(t.sent_ns, t.accepted_ns, t.peer_received_ns, t.peer_sent_ns, t.asked_ns) for t in trips]
        assert stamps == [(0, 15, 33, 40, 16), (1000, 1015, 1037, 1041, 1016)]
        assert [(t.first_byte_ns, t.final_ns) for t in trips] == [(70, 90), (1070, 1090)]
        late = [replace(trips[0], asked_ns=60), replace(trips[0], asked_ns=40), replace(trips[0], asked_ns=41)]
        assert [trip.parts["unasked"] for trip in late] == [20, 0, 1]
        assert [trip.parts["downlink"] for trip in late] == [10, 30, 29]
        assert trips[0].parts == {
            "accepted": 15, "uplink": 33, "turn-around": 7, "unasked": 0, "downlink": 30, "UART": 20,
        }  # fmt: skip

    def test_datagrams_are_found_by_their_bytes(self) -> None:
        journal = [
            JournalEntry(30, "received", data=b"lost on its way back", size=20),
            JournalEntry(1030, "received", data=b"two", size=3),
            JournalEntry(1041, "sent", data=b"two", size=3),
        ]
        (trip,) = take_apart([self.exchange(1000, b"two")], journal, stream=False)
        assert trip.parts == {
            "accepted": 15,
            "uplink": 30,
            "turn-around": 11,
            "unasked": 0,
            "downlink": 29,
            "UART": 20,
        }
        with pytest.raises(ValueError, match="has no datagram b'one'"):
            take_apart([self.exchange(0, b"one")], journal, stream=False)
        with pytest.raises(ValueError, match="ends at byte 23, before byte 24"):
            take_apart([self.exchange(0, bytes(24))], journal, stream=True)


class TestFigures:
    def test_parts_stand_with_their_whole_and_limits_for_themselves(self) -> None:
        def row(name: str, **fields: Any) -> MeasurementRow:  # noqa: ANN401
            told = {"p50": 2e6, "min": 1e6, "max": 3e6}
            return MeasurementRow(name=name, unit="ns", figures=told, n=10, slot="dk-1", test="t", **fields)

        rows = [
            row("echo", limit="p50 at most 5 ms", verdict="marginal", beside=["host noise"]),
            row("echo: uplink", part_of="echo"),
            row("echo: downlink", part_of="echo", limit="p50 at most 1 ms", verdict="outside"),
        ]
        whole, downlink = figures(rows)
        assert whole.text == "p50 2 ms   n 10   limit p50 at most 5 ms   marginal"
        assert (whole.parts, whole.beside) == (("uplink 2 ms",), ("host noise",))
        assert downlink.text.endswith("OUTSIDE")

    def test_single_values_of_one_name_share_a_line(self) -> None:
        rows = [
            MeasurementRow(name="lost", unit="datagrams", value=n, figures={"value": n}, slot=s, test="t")
            for n, s in ((0, "a"), (2, "b"), (1, "a"))
        ]
        (line,) = figures(rows)
        assert (line.value, line.count) == ("0 to 2 datagrams", 3)

    def test_of_a_test_that_was_tried_again_the_last_attempt_counts(self) -> None:
        rows = [
            MeasurementRow(name="connect", unit="ns", value=n, figures={"value": n}, slot="a", test=t, attempt=attempt)
            for n, t, attempt in ((9e9, "one", 1), (2e8, "one", 2), (3e8, "two", 1))
        ]
        (line,) = figures(of_last_attempts(rows))
        assert (line.value, line.count) == ("200 to 300 ms", 2)


def test_the_hosts_noise_is_measured() -> None:
    with NoiseFloor() as noise:
        floor = noise.floor()
        assert noise.floor() is floor, "one a minute"
    for found in (floor.pty, floor.loopback):
        assert 0 < found["min"].value <= found["p50"].value <= found["p99"].value
    assert floor.text.startswith("host noise p50/p99: pty ")
