"""Evidence and verdicts: result stream, summary, pages, Allure."""

from bench.report.evidence import Evidence, PeerJournal, stem_of
from bench.report.measured import Measured, samples_csv
from bench.report.measured import page as measured_page
from bench.report.page import board_line, write_pages
from bench.report.results import worst
from bench.report.stream import EvidenceLost, ResultStream, RowReader
from bench.report.summary import Summary, reconcile, write_json

__all__ = [
    "Evidence",
    "EvidenceLost",
    "Measured",
    "PeerJournal",
    "ResultStream",
    "RowReader",
    "Summary",
    "board_line",
    "measured_page",
    "reconcile",
    "samples_csv",
    "stem_of",
    "worst",
    "write_json",
    "write_pages",
]
