"""The folder of a run: what it proves, rebuilt from its stream; what is written into it; what it measured."""

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from bench.config.lab import Config
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import load_plan
from bench.errors import InternalError, UsageError
from bench.evidence import ResultStream, RowReader, Summary, reconcile, rows, write_json
from bench.evidence.run_folder import ALLURE_RESULTS, check_run_folder
from bench.evidence.stream import FILE as STREAM
from bench.evidence.summary import FILE as SUMMARY
from bench.history import Observation, Store, chosen_runs, control_boards, known_models, observations
from bench.history.choice import why_none
from bench.internal_error import internal_error
from bench.packages import SUITES, package_folder
from bench.report import write_pages
from bench.report.allure_environment import describe_run
from bench.report.allure_results import count_results
from bench.report.history import run_record
from bench.report.junit import junit
from bench.report.specification import FOLDER as SPECIFICATION
from bench.report.specification import Specification
from bench.report.views import SigningView


def rebuild(folder: Path) -> Summary:
    """Return the summary of a run's folder, from its stream; where evidence is missing, it says so."""
    reader = RowReader(folder)
    summary = reconcile(reader.new_rows(), lambda: reader.damaged)
    if not (folder / STREAM).exists():
        summary.lost.append("there is no result stream")
    shown = count_results(folder / ALLURE_RESULTS)
    planned = sum(result.slot not in summary.not_here for result in summary.results)
    if summary.has_parent and shown < planned:
        summary.lost.append(f"Allure holds {shown} results of {planned} planned tests")
    if (folder / PLAN_FILE).is_file():  # last: it judges by all that is known
        summary.judge(load_plan(folder / PLAN_FILE), _day(summary.ended))
    return summary


def _day(utc: str) -> date:
    """Return the day of a moment; today where there is none."""
    try:
        return date.fromisoformat(utc[:10])
    except ValueError:
        return datetime.now(UTC).date()


def save(folder: Path, summary: Summary) -> None:
    """Write summary, pages and traceability matrix."""
    specification = _specification(summary)
    write_json(folder / SUMMARY, summary.to_json())
    write_pages(folder, summary, specification)
    (folder / "matrix.md").write_text(specification.markdown(), encoding="utf-8")
    with (folder / "junit.xml").open("w", encoding="utf-8") as file:
        file.writelines(junit(summary))
    describe_run(folder / ALLURE_RESULTS, summary, (folder / "verdict.html").read_text(encoding="utf-8"))


def write_verdict(folder: Path, summary: Summary, signing: SigningView) -> None:
    """Write the verdict's pages anew, with what the signatures of a bundle say."""
    write_pages(folder, summary, _specification(summary), signing)


def _specification(summary: Summary) -> Specification:
    specification = Specification.load(package_folder(SUITES) / SPECIFICATION)
    specification.take(summary)
    return specification


def begin(folder: Path, stream: ResultStream, row: rows.RunRow) -> None:
    """Write what a reader of a run's folder must know before the first test.

    Raises:
        OSError, EvidenceLost: evidence cannot be kept.
    """
    write_json(folder / SUMMARY, Summary(folder.name, simulated=row.simulated).to_json())
    stream.add(row)
    categories = package_folder("nrf91_bench_reports") / "categories.json"
    shutil.copy(categories, folder / ALLURE_RESULTS / categories.name)


def keep_mistake(error: Exception, folder: Path) -> InternalError:
    """Keep what an exception of the bench's own has left of a run; return what a person is told."""
    told = internal_error(error, folder)
    with contextlib.suppress(Exception):  # whatever was broken may be so still: the exception is kept already
        ResultStream(folder, folder.name, begins=False).add(rows.InternalErrorRow(why=told.headline))
        save(folder, rebuild(folder))
    return told


@dataclass(frozen=True)
class Choice:
    """What a choice on the command line means.

    Attributes:
        side: the observations.
        beside: those of control boards in the same runs.
    """

    side: list[Observation]
    beside: list[Observation]


def find_choice(text: str, history: Path, lab: Config | None = None) -> Choice:
    """Return the observations of a choice on the command line: a run's folder, or a part of the history.

    Args:
        text: the choice; see :func:`bench.history.chosen_runs`.
        history: the history file.
        lab: tells where nights end, and the names of boards that are chosen by what no history knows.

    Raises:
        UsageError: it means nothing.
    """
    lab = lab or Config()
    folder = Path(text)
    if _is_run(folder):
        check_run_folder(folder)
        models: Mapping[str, str] | None = None
        if _is_file(history):
            with Store(history, only_read=True) as store:
                models = known_models(store)
        with Store(":memory:", night_ends=lab.night_ends) as store:
            store.add(run_record(folder, rebuild(folder)))
            return _find_observations(store, "*", lab, models)
    if not _is_file(history):
        raise UsageError(f"{text} is not the folder of a run, and there is no history {history} to look it up in")
    with Store(history, only_read=True, night_ends=lab.night_ends) as store:
        found = _find_observations(store, text, lab)
        if not found.side:
            hint = why_none(store, text, lab.boards) or "; nrf91-bench history list shows its runs"
            raise UsageError(f"the history {history} has no measurement of {text!r}{hint}")
    return found


def with_earlier_nights(run: Choice, history: Path, besides: Choice) -> Choice:
    """Return a run together with what the history knows of its firmware, except what is part of another choice.

    A single night is a hint at most, so that the verdict on a firmware rests on all of its nights.
    """
    firmware = {one.firmware for one in run.side}
    with Store(history, only_read=True) as store:
        boards = [board for board, text in chosen_runs(store, "*").items() if {text} == firmware]
        earlier = Choice(observations(store, boards), observations(store, control_boards(store, boards)))
    taken = {one.trial for one in (*run.side, *besides.side)}
    return Choice([*run.side, *(one for one in earlier.side if one.trial not in taken)], [*run.beside, *earlier.beside])


def _is_run(folder: Path) -> bool:
    return _is_file(folder / STREAM)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # what no path can be
        return False


def _find_observations(store: Store, text: str, lab: Config, models: Mapping[str, str] | None = None) -> Choice:
    chosen = list(chosen_runs(store, text, lab.boards))
    return Choice(observations(store, chosen, models), observations(store, control_boards(store, chosen), models))
