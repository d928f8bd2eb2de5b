"""The end of a run: what the workers' ends say, what the history says, what all of it proves."""

import contextlib
import json
import signal
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.plan import load_plan
from bench.errors import BenchError, LabError, UsageError, in_words
from bench.evidence import EvidenceLost, Summary, rows
from bench.evidence.run_folder import ALLURE_RESULTS
from bench.evidence.summary import FILE as SUMMARY
from bench.fork_server import UNTOLD
from bench.history import CompareSettings, Store, compare
from bench.report.allure_history import history_beside, remember_run
from bench.report.comparison import comparison_row
from bench.report.history import run_record
from bench.report.notification import RunChange, change_since, notify
from bench.run.folder import find_choice, rebuild, save, with_earlier_nights
from bench.run.played import PlayedRun
from bench.run.watcher import Level
from bench.run.worker import Worker

# pytest's own exit codes: tests ran (0, 1), interrupted, internal error, usage error, nothing collected.
_PYTEST_FAILED, _PYTEST_INTERRUPTED, _PYTEST_USAGE, _PYTEST_NOTHING = 1, 2, 4, 5
_SHOWN_LINES = 12
_PYTEST_TROUBLE = {2: "was interrupted", 3: "had an internal error", 4: "could not start", 5: "collected no test"}


class PytestRefused(UsageError):
    """No test ran, for pytest refuses its arguments, or the files of a suite."""


@dataclass(frozen=True)
class Ending:
    """Ends a run whose workers have ended.

    Attributes:
        run: the run.
        plan: the plan's copy in the run's folder, if there is one.
        history: the history file; None keeps none.
    """

    run: PlayedRun
    plan: Path | None
    history: Path | None

    def reconcile(self, workers: Sequence[Worker] = ()) -> Summary:
        """Write what is missing into the stream, then read it from its beginning and write what it proves.

        Raises:
            PytestRefused: it could not start on any board, so the request was wrong.
        """
        run = self.run
        changed = run.reader.changed()
        try:
            if run.interruption.requested:
                run.stream.add(rows.TroubleRow(why=run.interruption.reason))
            for worker in workers:
                self._examine(worker)
            self._look_back()
            self._compare()
            run.stream.add(rows.ClosedRow())
        except EvidenceLost as error:
            return self._without_evidence(str(error))
        if workers and all(worker.process.returncode == _PYTEST_USAGE for worker in workers):
            shown = "\n".join(f"    {line}" for line in _printed(workers[0])[-_SHOWN_LINES:])
            raise PytestRefused(f"pytest could not start:\n{shown}")
        summary = self._rebuild()
        summary.lost += [changed] if changed else []
        try:
            save(run.folder, summary)
        except OSError as error:
            return self._without_evidence(in_words(error))
        return summary

    def remember(self, summary: Summary) -> None:
        """Add the run to the history and notify people, when all else is written: no verdict changes by it."""
        if self.history is None or not summary.closed:
            return
        if not summary.results:
            return  # a command line of pytest's that means no test is not a night
        if summary.lost:
            self.run.watcher.line("history", "not added: evidence was lost", Level.WARNING)
            return
        lab = self.run.lab
        try:
            with Store(self.history, night_ends=lab.night_ends) as store:
                record = run_record(self.run.folder, summary)
                change = change_since(store, record)
                store.add(record)
        except (LabError, OSError, sqlite3.Error) as error:
            text = f"{in_words(error)}; nrf91-bench history import adds a run that is missing"
            self.run.watcher.line("history", text, Level.WARNING)
        else:
            self._tell(change, summary)
        try:
            remember_run(history_beside(self.history), self.run.folder / ALLURE_RESULTS, summary)
        except OSError as error:
            file = history_beside(self.history)
            text = f"{file}: {in_words(error)}; nrf91-bench history import adds a run that is missing"
            self.run.watcher.line("allure", text, Level.WARNING)

    def _tell(self, change: RunChange, summary: Summary) -> None:
        """Notify people where something has changed."""
        section = self.run.lab.notify
        if not change.worth_telling:
            return
        try:
            notify(section, change.message(summary, section.link))
        except LabError as error:
            self.run.watcher.line("notify", str(error), Level.WARNING)

    def _examine(self, worker: Worker) -> None:
        """Add a row where a worker's end is explained by no test."""
        why = self._explain(worker)
        if why:
            self.run.stream.add(rows.TroubleRow(why=why))

    def _explain(self, worker: Worker) -> str:
        code, slot = worker.process.returncode, worker.spec.slot
        if worker.spec.control_board and (code < 0 or code in (_PYTEST_FAILED, _PYTEST_NOTHING)):
            return ""  # the suites measure nothing, or it went wrong: that says nothing of the boards under test
        if code < 0:
            return f"the process of {slot} was ended by {signal.Signals(-code).name}"
        if code == UNTOLD:
            return f"how the process of {slot} ended is not known: the process that had started it is gone"
        explained = self.run.state.went_wrong(slot, worker.round, worker.attempt)
        if code in _PYTEST_TROUBLE:
            if self.run.interruption.requested or (explained and code == _PYTEST_INTERRUPTED):
                return ""
            return f"pytest {_PYTEST_TROUBLE[code]} on {slot}: {_last_words(worker)} (see {worker.log.name})"
        if code > max(_PYTEST_TROUBLE) or (code == _PYTEST_FAILED and not explained):
            return f"the process of {slot} ended with {code}, which no test explains (see {worker.log.name})"
        return ""

    def _look_back(self) -> None:
        """Add what the history says of the tests that failed: whether their failing is new."""
        failed = self.run.state.failed_tests()
        if not failed or self.history is None or not self.history.is_file():
            return
        earlier = {}
        try:
            with Store(self.history, only_read=True, night_ends=self.run.lab.night_ends) as store:
                for (test, simulated), boards in sorted(failed.items()):
                    earlier[test] = store.earlier(test, sorted(boards), simulated=simulated)
        except (LabError, sqlite3.Error):
            return  # reported when the run is added to the history
        self.run.stream.add(rows.EarlierRow(tests={test: text for test, text in earlier.items() if text}))

    def _compare(self) -> None:
        """Compare with the plan's baseline, as the history knows it: this run, and earlier nights of its firmware."""
        if self.plan is None or self.history is None:
            return
        baseline = load_plan(self.plan).baseline
        if not baseline:
            return
        try:
            lab = self.run.lab
            settings = CompareSettings(**lab.compare.model_dump())
            base = find_choice(baseline, self.history, lab)
            own = with_earlier_nights(find_choice(str(self.run.folder), self.history, lab), self.history, base)
            found = compare(base.side, own.side, settings, [*base.beside, *own.beside])
        except (BenchError, sqlite3.Error) as error:
            self.run.watcher.line("compare", f"nothing: {error}", Level.WARNING)
            return
        self.run.stream.add(comparison_row(found, baseline, "this run and earlier nights of its firmware"))

    def _rebuild(self) -> Summary:
        """Return what the folder proves; that no hardware took part is said even when all evidence is lost."""
        summary = rebuild(self.run.folder)
        summary.simulated = summary.simulated or self.run.simulated
        return summary

    def _without_evidence(self, why: str) -> Summary:
        """Return the summary of a run whose evidence is lost; write it where an older one has left room."""
        summary = self._rebuild()
        summary.lost.append(why)
        with contextlib.suppress(OSError):
            (self.run.folder / SUMMARY).write_text(json.dumps(summary.to_json()), encoding="utf-8")
        return summary


def _last_words(worker: Worker) -> str:
    """Return the line of pytest's output that says most."""
    lines = _printed(worker)
    for mark in ("error: ", "E   ", "ERROR "):
        found = next((line for line in lines if mark in line and "usage:" not in line), "")
        if found:
            return found.strip()
    return lines[-1].strip("= ") if lines else ""


def _printed(worker: Worker) -> list[str]:
    """Return the lines that pytest has printed; none when the folder is gone."""
    try:
        return worker.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return []
