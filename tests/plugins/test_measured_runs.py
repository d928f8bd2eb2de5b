"""Measurements in a run: declared, judged by suite and lab, kept as samples, drawn, and taken alone."""

import csv

import pytest

from tests.support.lab import Lab

SERIES = """
import pytest


@pytest.mark.measures("AT, {kind}")
@pytest.mark.parametrize("kind", ["plain"])
def test_series(modem, measure, network, kind):
    with measure.series(f"AT, {kind}", doc="How long AT takes.") as series:
        for _ in range(network.samples):
            response = modem.link.command("AT")
            series.add(response.duration_ns, response.sent_ns)
"""


class TestSeries:
    def test_samples_are_kept_told_and_drawn(self, lab: Lab) -> None:
        run = lab.run(SERIES, ("--simulate", "1", "--", "--samples", "400"))
        assert run.code == 0, run.output
        kept = [value for row in run.rows if row["type"] == "samples" for value in row["values"]]
        stamps = [stamp for row in run.rows if row["type"] == "samples" for stamp in row["stamps"]]
        (told,) = [row for row in run.rows if row["type"] == "measurement"]
        assert len(kept) == told["n"] == 400
        assert stamps == sorted(stamps)
        assert set(told["figures"]) == {"min", "p50", "p90", "p95", "p99", "max", "mean", "jitter"}
        low, high = told["intervals"]["p99"]
        assert low <= told["figures"]["p99"] <= high
        folder = run.folder / "allure-results"
        (table,) = folder.glob("*samples-attachment.csv")
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert [float(row["value"]) for row in rows] == kept
        (page,) = folder.glob("*measured-attachment.html")
        text = page.read_text()
        assert text.count("<svg") == 3
        assert "<script" not in text
        assert "How long AT takes." in text
        (line,) = [line for line in run.output.splitlines() if line.startswith("measured  AT, plain")]
        assert all(name in line for name in ("p50", "p99", "n 400"))
        assert "host noise p50/p99: pty" in run.output
        assert "Noise of this host" in (run.folder / "verdict.html").read_text()

    def test_a_declared_measurement_that_is_never_recorded_fails(self, lab: Lab) -> None:
        suite = (
            SERIES
            + """

@pytest.mark.measures("size", "time")
def test_forgets(modem, measure):
    measure("size", 3, unit="bytes")

def test_empty(modem, measure):
    with measure.series("nothing"):
        pass
"""
        )
        run = lab.run(suite)
        assert run.code == 1
        assert "declared, but never recorded: time" in run.output
        assert "nothing was declared, but no sample was recorded" in run.output
        assert (run.summary["failed"], run.summary["script_errors"]) == (1, 1)

    def test_a_failed_test_is_not_told_what_it_did_not_measure(self, lab: Lab) -> None:
        suite = "import pytest\n\n@pytest.mark.measures('x')\ndef test_fails(modem, measure):\n    assert 1 == 2\n"
        run = lab.run(suite)
        assert run.code == 1
        assert "assert 1 == 2" in run.output
        assert "never recorded" not in run.output

    @pytest.mark.parametrize(
        ("limit", "code", "word"),
        [
            ('at_most = 10\nunit = "s"', 0, "limit p50 at most 10 s   ok"),
            ('at_most = 1\nunit = "ns"', 1, "p50 of AT, plain was"),
            ('at_least = 1\nunit = "ns"\nmarginal = 0.5', 0, "limit p50 at least 1 ns   ok"),
        ],
    )
    def test_the_lab_sets_limits(self, lab: Lab, limit: str, code: int, word: str) -> None:
        config = lab.folder / "bench.toml"
        config.write_text(f'[[measurements]]\nname = "AT, *"\nstatistic = "p50"\n{limit}\n')
        run = lab.run(SERIES, ("--simulate", "1", "--config", str(config)))
        assert run.code == code, run.output
        assert word in run.output

    @pytest.mark.parametrize(
        ("limit", "words"),
        [
            ('at_most = 10\nunit = "kB"', "limits AT, plain in kB, but it is measured in s, ms, us or ns"),
            ('at_most = 10\nunit = "s"', "limits value of AT, plain, which is a series: give statistic"),
            ('at_most = 10\nunit = "s"\nstatistic = "p99"', "p99 of AT, plain is not known from 50 samples"),
        ],
    )
    def test_a_limit_that_cannot_be_judged_is_the_labs_fault(self, lab: Lab, limit: str, words: str) -> None:
        config = lab.folder / "bench.toml"
        config.write_text(f'[[measurements]]\nname = "AT, plain"\n{limit}\n[limits]\nlab_error_retries = 0\n')
        run = lab.run(SERIES, ("--simulate", "1", "--config", str(config)))
        assert run.code == 3, run.output
        assert words in run.output

    def test_a_number_of_samples_that_is_none(self, lab: Lab) -> None:
        run = lab.run(SERIES, ("--simulate", "1", "--", "--samples", "none"))
        assert run.code == 2
        assert "'none' is not a whole number from 2" in run.output
