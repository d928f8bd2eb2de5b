"""The reports of a run for people: pages, plots, JUnit, Markdown, files for Allure."""

from bench.report.evidence import Evidence, PeerJournal, attachment_of, folder_of, stem_of
from bench.report.kept_tests import KeptTest, keep_test, kept_file, kept_tests
from bench.report.measured import Measured, samples_csv
from bench.report.measured import page as measured_page
from bench.report.origin import Origin
from bench.report.page import board_line, write_pages
from bench.report.timeline_page import WrongEnd, timeline_page

__all__ = [
    "Evidence",
    "KeptTest",
    "Measured",
    "Origin",
    "PeerJournal",
    "WrongEnd",
    "attachment_of",
    "board_line",
    "folder_of",
    "keep_test",
    "kept_file",
    "kept_tests",
    "measured_page",
    "samples_csv",
    "stem_of",
    "timeline_page",
    "write_pages",
]
