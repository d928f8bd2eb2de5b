"""The history page: trends of measurements and tests, lab errors, boards and runs of a lab's nights."""

from bench.report.history_page.page import HistoryPage, history_page, render
from bench.report.history_page.site import DEFAULT, check_site, write_site

__all__ = ["DEFAULT", "HistoryPage", "check_site", "history_page", "render", "write_site"]
