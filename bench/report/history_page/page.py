"""The history page: what a lab's nights have shown, in one file that needs neither a server nor the network."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench import __version__
from bench.history import Store
from bench.history.change_points import FEWEST_NIGHTS
from bench.number_text import counted
from bench.report.history_page.causes import CauseView, cause_views
from bench.report.history_page.measurements import MeasurementView, measurement_views
from bench.report.history_page.results import ResultGrid, result_grid
from bench.report.history_page.run_folders import read_run_folders
from bench.report.history_page.runs import BoardView, RunView, board_views, run_views
from bench.report.history_page.scope import SILENT, Scope, scope_of
from bench.report.rendering import render_html
from bench.visible import visible

MARK = "nrf91-bench history page"
"""What the head of a page says, so that no other file is taken for one."""
_LIBRARY = "uPlot.iife.min.js"
# What would end a script element, or begin a comment in one, and JSON needs outside of texts nowhere.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True)
class ChangeView:
    """Measurements that have changed since the same night, with the same facts."""

    since: str
    with_it: str
    simulated: bool
    count: str
    measurements: Sequence[MeasurementView]


@dataclass(frozen=True)
class HistoryPage:
    """The parts of the page.

    Attributes:
        more_causes: of lab errors, that have no room.
        notes: what could not be read.
    """

    scope: Scope
    measurements: Sequence[MeasurementView]
    registering: Sequence[MeasurementView]
    grid: ResultGrid
    causes: Sequence[CauseView]
    more_causes: int
    boards: Sequence[BoardView]
    runs: Sequence[RunView]
    notes: Sequence[str]

    @property
    def simulated(self) -> bool:
        """Whether no hardware produced anything that is here."""
        return self._kinds == {True}

    @property
    def mixed(self) -> bool:
        """Whether there are results of hardware and of simulated boards."""
        return len(self._kinds) > 1

    @property
    def _kinds(self) -> set[bool]:
        return {board.simulated for board in self.boards} | {run.simulated for run in self.runs}

    @property
    def span(self) -> str:
        """The nights in words."""
        nights, every = self.scope.nights, self.scope.all_nights
        if not nights:
            return "The history has no run yet."
        dates = " to ".join(dict.fromkeys((nights[0], nights[-1])))
        shown = f"{counted(len(nights), 'night')} with runs, {dates}"
        return f"{shown}, the last of {every}; --nights shows more" if every > len(nights) else shown

    @property
    def night_ends(self) -> str:
        """The time of the day at which a night ends."""
        return f"{self.scope.night_ends:%H:%M}"

    @property
    def changes(self) -> list[ChangeView]:
        """The change points, the latest first."""
        found: dict[tuple[str, str, bool], list[MeasurementView]] = {}
        for view in (*self.measurements, *self.registering):
            for move in view.moves:
                found.setdefault((move.since, move.with_it, view.simulated), []).append(view)
        return [
            ChangeView(*key, counted(len(views), "measurement"), views)
            for key, views in sorted(found.items(), key=lambda item: item[0], reverse=True)
        ]

    def data(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        return {
            "nights": self.scope.nights,
            "nightNames": [self.scope.night_text(night) for night in self.scope.nights],
            "firmware": [visible(text or SILENT) for text in self.scope.firmware],
            "charts": {view.anchor: view.chart for view in (*self.measurements, *self.registering)},
            "outcomes": self.grid.outcomes,
            "columns": self.grid.columns,
            "counts": self.grid.counts,
            "tests": [
                {"name": visible(test.name), "simulated": test.simulated, "cells": test.cells.tolist()}
                for test in self.grid.tests
            ],
            "causes": [
                {"name": visible(cause.text), "simulated": cause.simulated, "hits": cause.by_night}
                for cause in self.causes
            ],
        }


def history_page(store: Store, runs: Path, page_folder: Path, most_nights: int) -> HistoryPage:
    """Return the parts of the page.

    Args:
        store: the history.
        runs: the folder that holds the folders of runs.
        page_folder: where the page will be, for its links.
        most_nights: how many are shown, the last ones.
    """
    folders = read_run_folders(runs)
    with store.unchanged():
        scope = scope_of(store, most_nights)
        measurements, registering = measurement_views(store, scope)
        causes, more = cause_views(store, scope)
        grid = result_grid(store, scope)
    return HistoryPage(
        scope=scope,
        measurements=measurements,
        registering=registering,
        grid=grid,
        causes=causes,
        more_causes=more,
        boards=board_views(scope, folders.runs, page_folder),
        runs=run_views(scope, folders.runs, page_folder),
        notes=folders.notes,
    )


def render(page: HistoryPage) -> str:
    """Return the page as HTML: self-contained, every text of others escaped."""
    assets = resources.files("bench.report") / "assets" / "uplot"
    library = (assets / _LIBRARY).read_text(encoding="utf-8")
    own = (resources.files("bench.report") / "templates" / "history.js").read_text(encoding="utf-8")
    return render_html(
        "history.html",
        page=page,
        mark=MARK,
        fewest_nights=FEWEST_NIGHTS,
        version=__version__,
        data=script_json(page.data()),
        library=Markup(library),
        own=Markup(own),
        sources=" ".join(f"'sha256-{_digest(script)}'" for script in (library, own)),
        library_style=Markup((assets / "uPlot.min.css").read_text(encoding="utf-8")),
        licence=(assets / "LICENSE.txt").read_text(encoding="utf-8"),
    )


def script_json(content: Mapping[str, Any]) -> Markup:
    """Return JSON for a script element: nothing in it ends the element, whatever texts it holds."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for letter, escaped in _ESCAPED.items():
        text = text.replace(letter, escaped)
    return Markup(text)


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()
