"""Measurements: declared in the test, judged at once, kept in the stream as they come."""

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from bench.at import CommandError, UrcTimeout
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError
from bench.evidence import rows
from bench.measure import VALUE, Estimate, Limit, Measurement, NoiseFloor, OverTime, Series, configured_limits
from bench.number_text import counted
from bench.report import Measured
from bench.session.board_session import BoardSession

T = TypeVar("T")


class NothingArrived(DeviceError):
    """Of several datagrams, sent one after another, nothing arrived."""


class Measure:
    """Records measurements of one test."""

    def __init__(self, session: BoardSession, test: str, kept: list[Measured], noise: Callable[[], NoiseFloor]) -> None:
        self._session = session
        self._test = test
        self._kept = kept
        self._noise = noise

    def __call__(
        self,
        name: str,
        value: float,
        *,
        unit: str,
        limit: Limit | None = None,
        estimate: Estimate | None = None,
        count: int = 1,
        doc: str = "",
        beside: tuple[str, ...] = (),
        part_of: str = "",
        over_time: OverTime | None = None,
    ) -> None:
        """Record a single value.

        Args:
            name: what was measured.
            value: the number.
            unit: of the number; times are in ns.
            limit: what it must be; bench.toml may say otherwise.
            estimate: the value with its confidence interval, where there is one.
            count: how many observations are behind it.
            doc: what it means.
            beside: facts to read it by.
            part_of: the name of the measurement that it is a part of.
            over_time: what it is an average of, to be drawn.

        Raises:
            LimitExceeded: it is outside its limit.
        """
        intervals = {VALUE: (estimate.low, estimate.high)} if estimate else {}
        limits = self._limits(name, unit, {} if limit is None else {VALUE: limit}, series=False, part_of=part_of)
        found = Measurement(name, unit, {VALUE: value}, limits, doc, count, intervals, beside, part_of)
        self._keep(Measured(found, over_time=over_time))

    @contextlib.contextmanager
    def series(
        self,
        name: str,
        *,
        unit: str = "ns",
        limits: Mapping[str, Limit] | None = None,
        doc: str = "",
        beside: tuple[str, ...] = (),
        part_of: str = "",
    ) -> Iterator[Series]:
        """Collect samples; they are judged at the end of the block. Meanwhile no garbage is collected.

        Args:
            name: what is measured.
            unit: of each sample; times are in ns.
            limits: what p50, p90, p95, p99, max, mean or jitter must be; bench.toml may say otherwise.
            doc: what it means.
            beside: facts to read it by; the host's noise floor stands beside every series.
            part_of: the name of the series that it is a part of.

        Raises:
            LimitExceeded: a statistic is outside its limit.
            TooFewSamples: a limited one cannot be told from so few samples.
            UsageError: no sample was recorded.
        """
        floor = self._noise().floor()
        series = Series(
            name,
            unit,
            limits=self._limits(name, unit, limits or {}, series=True, part_of=part_of),
            doc=doc,
            beside=(*beside, floor.text),
            part_of=part_of,
            noise=floor.worse,
            keep=lambda stamps, values: self._session.stream.add(
                rows.SamplesRow(test=self._test, name=name, unit=unit, stamps=stamps, values=values)
            ),
        )
        with _without_collections():
            try:
                yield series
            finally:
                series.flush()
        self._keep(Measured(series.measurement(), series))

    def samples(
        self,
        name: str,
        samples: Iterable[tuple[int, float]],
        *,
        unit: str = "ns",
        doc: str = "",
        beside: tuple[str, ...] = (),
        part_of: str = "",
    ) -> None:
        """Record a whole series at once, of (stamp in ns, value); the other arguments as in :meth:`series`."""
        with self.series(name, unit=unit, doc=doc, beside=beside, part_of=part_of) as series:
            for stamp, value in samples:
                series.add(value, stamp)

    def _limits(
        self, name: str, unit: str, own: Mapping[str, Limit], *, series: bool, part_of: str
    ) -> dict[str, Limit]:
        entries = self._session.config.measurements
        fits = self._session.use_limit
        return {**own, **configured_limits(entries, name, unit, series=series, part_of=part_of, used=fits)}

    def _keep(self, measured: Measured) -> None:
        self._kept.append(measured)
        self._session.stream.add(rows.MeasurementRow(test=self._test, **measured.measurement.to_row()))
        measured.measurement.judge()


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Collect garbage before, not in the middle of what is timed: a collection can take 150 ms."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class DespiteLoss:
    """Sends datagrams again that a network may lose, and counts the losses."""

    def __init__(self, attempts: int, measure: Measure, seen: Callable[[int], int | None]) -> None:
        """Make it.

        Args:
            attempts: how often a datagram is sent before its loss is a failure.
            measure: counts the losses.
            seen: returns how many datagrams the peers have received since a moment (CLOCK_MONOTONIC, ns); None where
                that is not known.
        """
        self._attempts = attempts
        self._measure = measure
        self._seen = seen

    def __call__(self, send: Callable[[], object], arrived: Callable[[], T]) -> T:
        """Send until something arrives.

        Args:
            send: sends one datagram.
            arrived: returns what arrived; ERROR or no URC (nothing came in time), and a false value, are a loss.

        Raises:
            NothingArrived: the network's attempts are used up.
        """
        began_ns = now_ns()
        for lost in range(self._attempts):
            send()
            try:
                result = arrived()
            except (CommandError, UrcTimeout):
                continue
            if result:
                self._measure("UDP datagrams lost", lost, unit="datagrams")
                return result
        raise NothingArrived(_both_sides(self._attempts, self._seen(began_ns)))


def _both_sides(sent: int, seen: int | None) -> str:
    """Return what is known at both ends of datagrams to which no answer came."""
    one = sent == 1
    text = f"nothing came back to the board of {counted(sent, 'datagram')}{'' if one else ' sent one after another'}"
    if seen is None:
        return text
    if seen == 0:
        which = "it" if one else "any of them"
        return f"{text}; the peers did not receive {which}: not sent, although the board said so, or lost on the way"
    return f"{text}; the peers received {seen} and answered: lost on the way back, or not delivered by the board"


class Progress:
    """Tells the console how far a long test is, and logs once a minute where its board is.

    Call it between two samples, never within one.
    """

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self._told_ns = 0

    def __call__(self, text: str, done: float) -> None:
        """Tell how far the test is.

        Args:
            text: what is under way.
            done: the part of it that is done, from 0 to 1.
        """
        if now_ns() - self._told_ns > NS_PER_S // 2:
            self._told_ns = now_ns()
            self._session.stream.add(rows.ProgressRow(text=text, done=round(min(1.0, max(0.0, done)), 3)))
            if self._session.board is not None:
                self._session.radio.log_when_due(self._session.board)
