"""Plots and pages of measurements: round marks, where they come from, and samples that a table program reads."""

import csv
import re

import pytest

from bench.clock import Anchor
from bench.measure import OverTime, rate_of
from bench.report import Origin, WrongEnd, measured_page, samples_csv, timeline_page
from bench.report.axes import axis, counts
from bench.report.evidence import Event
from bench.report.lab_time import time_between
from bench.report.plots import averages, time_line
from bench.report.timeline import TimeLine
from tests.support.measured import measured

MS = 1_000_000
ORIGIN = Origin("test_latency.py::test_echo[TCP]", "dk-1", "mfw_9, SLM 3.1.0", "night-7", "2026-11-29T22:10:00.000000Z")


def labels_of(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


class TestAxis:
    @pytest.mark.parametrize(
        ("low", "high", "unit", "marks"),
        [
            (877e3, 1.75e6, "ns", ["0.8 ms", "1.0 ms", "1.2 ms", "1.4 ms", "1.6 ms", "1.8 ms"]),
            (610e3, 940e3, "ns", ["0.6 ms", "0.7 ms", "0.8 ms", "0.9 ms", "1.0 ms"]),
            (100e3, 380e3, "ns", ["100 µs", "200 µs", "300 µs", "400 µs"]),
            (0, 28e9, "ns", ["0 s", "10 s", "20 s", "30 s"]),
            (0, 1, "fraction", ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
            (11_200, 11_900, "B/s", ["11.2 kB/s", "11.4 kB/s", "11.6 kB/s", "11.8 kB/s", "12.0 kB/s"]),
            (-3, 4, "mA", ["-4 mA", "-2 mA", "0 mA", "2 mA", "4 mA"]),
        ],
    )
    def test_marks_are_round_and_in_one_unit(self, low: float, high: float, unit: str, marks: list[str]) -> None:
        found = axis(low, high, unit)
        assert [text for _, text in found.marks] == marks
        assert found.low <= low
        assert high <= found.high

    @pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-300, 1e18])
    def test_of_one_value(self, value: float) -> None:
        found = axis(value, value, "ns")
        assert found.low <= value <= found.high
        assert found.low < found.high
        assert 2 <= len(found.marks) <= 12

    @pytest.mark.parametrize("most", [1, 3, 7, 41, 400, 123_456])
    def test_numbers_of_samples_are_whole(self, most: int) -> None:
        found = counts(most)
        assert found.low == 0
        assert most <= found.high
        assert all(text.isdigit() for _, text in found.marks)


class TestPlots:
    def test_a_value_over_time_starts_at_nothing(self) -> None:
        labels = labels_of(time_line([7 * MS, 30 * MS], [182e6, 190e6], "ns"))
        assert "200 ms" in labels
        assert labels.count("0 ms") == 2, "on both axes"

    def test_a_rate_is_drawn_in_the_steps_that_it_was_taken_in(self) -> None:
        svg = averages(OverTime([0, MS, 2 * MS], [1000.0, 3000.0]), "B/s")
        (points,) = re.findall(r'points="([^"]*)"', svg)
        assert len(points.split()) == 4
        assert "3 kB/s" in labels_of(svg)

    def test_colours_are_those_of_the_page(self) -> None:
        assert "var(--ink, #1f6feb)" in averages(OverTime([0, MS], [1.0]), "B/s")

    def test_a_label_at_the_end_of_a_time_line_stays_within(self) -> None:
        line = TimeLine("t", ("AT",))
        line.marks += [("AT", 0, "send"), ("AT", 100 * MS, "a long answer that comes last")]
        assert re.search(r'text-anchor="end">a long answer that comes last<', line.svg())


class TestRate:
    def test_over_time_is_told_of_a_transfer_long_enough(self) -> None:
        events = [(number * MS, 1000) for number in range(100)]
        over_time = rate_of(events).over_time
        assert over_time is not None
        assert (over_time.borders[0], over_time.borders[-1]) == (0, 99 * MS)
        assert over_time.values == pytest.approx([1e6] * 20)
        assert rate_of(events[:5]).over_time is None


class TestMeasuredPage:
    def test_it_says_where_it_comes_from(self) -> None:
        page = measured_page(measured(), ORIGIN)
        for words in ("dk-1", "mfw_9, SLM 3.1.0", "night-7", "test_<wbr>latency.py::<wbr>test_<wbr>echo<wbr>[TCP]"):
            assert words in page
        assert "2026-11-29" in page or "2026-11-30" in page, "the lab's own time"
        assert "SIMULATED" not in page

    def test_simulated_is_said_in_head_and_title(self) -> None:
        page = measured_page(measured(), Origin("t", "simulated-1", simulated=True))
        assert page.count("SIMULATED") == 2
        assert "<title>SIMULATED" in page

    def test_words_are_explained_and_the_rate_is_drawn(self) -> None:
        page = measured_page(measured(), ORIGIN)
        assert page.count("<svg") == 7
        assert "the mean difference between one sample and the next" in page
        assert "until the peer had read the whole message" in page
        assert "turn-around" not in page, "only what is on the page"
        assert page.count("quiet") == 1, "what holds for all is said once"
        assert "p90 at most 1 s" in page

    def test_it_leads_nowhere(self) -> None:
        assert "href" not in measured_page(measured(), ORIGIN), "a report that holds a copy has no such file"


def test_samples_say_where_they_come_from() -> None:
    anchor = Anchor()
    rows = list(csv.DictReader(samples_csv(measured(), ORIGIN, anchor).splitlines()))
    assert len(rows) == 82
    own, origin = ["measurement", "unit", "sample", "t_s", "value"], ["board", "firmware", "test", "run", "utc"]
    assert list(rows[0]) == [*own, *origin, "simulated"]
    assert {(row["board"], row["test"], row["run"], row["simulated"]) for row in rows} == {
        ("dk-1", ORIGIN.test, "night-7", "false")
    }
    assert rows[0]["utc"] == anchor.text(1000)
    assert [row["value"] for row in rows if row["measurement"] == "rate"] == ["4000.0", "6000.0"]


class TestTimelinePage:
    EVENTS = (
        Event(1 * MS, "bench > board", "AT"),
        Event(5 * MS, "bench > board", 'AT#XSEND="hello"\\r\\n'),
        Event(7 * MS, "tcp-echo", "received 5 bytes"),
        Event(90 * MS, "bench > board", "AT#XSOCKET=0"),
    )

    def test_the_tests_own_events_stand_open_and_the_benchs_folded(self) -> None:
        end = WrongEnd("failed", "no echo\nmore", "test_a.py:7: assert data", since_ns=2 * MS, until_ns=80 * MS)
        page = timeline_page(self.EVENTS, end, ORIGIN, [("verdict", "../../verdict.html")])
        opened = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
        assert "AT#XSOCKET=0" in page
        assert "AT#XSOCKET=0" not in opened
        assert "received 5 bytes" in opened
        assert 'href="../../verdict.html"' in opened
        assert "test_a.py:7: assert data" in opened
        assert "0.006000" in opened, "seconds since the first event"

    def test_without_a_moment_every_event_is_the_tests_own(self) -> None:
        page = timeline_page(self.EVENTS, WrongEnd("lab error", "gone"), ORIGIN, ())
        assert "<details>" not in page

    def test_of_a_very_long_test_the_end_is_shown(self) -> None:
        events = [Event(number, "bench < board", f"line {number}.") for number in range(5000)]
        page = timeline_page(events, WrongEnd("failed", "m"), ORIGIN, ())
        assert "4000 earlier events are in the transcript" in page
        assert "line 3999." not in page
        assert "line 4999." in page


@pytest.mark.parametrize(
    ("started", "ended", "text"),
    [
        ("2026-11-29T22:10:00.000000Z", "2026-11-29T22:13:33.900000Z", "3 min 34 s"),
        ("2026-11-29T22:10:00.000000Z", "2026-11-29T22:10:00.000000Z", "0 s"),
        ("", "2026-11-29T22:10:00.000000Z", ""),
        ("2026-11-29T22:10:00", "2026-11-29T22:10:00.000000Z", ""),
        ("2026-11-29T22:10:00.000000Z", "2026-11-29T22:09:00.000000Z", ""),
    ],
)
def test_how_long_it_took(started: str, ended: str, text: str) -> None:
    assert time_between(started, ended) == text
