"""A run from request to summary."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards
from bench.config.known_issues import known_issue_files, load_known_issues
from bench.config.lab import Config, load
from bench.config.limits import with_limits
from bench.config.named_files import check_named
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import Plan, load_plan
from bench.errors import BenchError, InternalError, in_words
from bench.evidence import EvidenceLost, ResultStream, Summary, rows, write_json
from bench.evidence.run_folder import discard_run_folder, new_run_folder
from bench.evidence.summary import FILE as SUMMARY
from bench.internal_error import internal_error
from bench.run import suites
from bench.run.control_board import control_boards
from bench.run.ending import Ending, PytestRefused
from bench.run.flash import RunFlash
from bench.run.folder import rebuild, save
from bench.run.images import WantedImages, wanted_images
from bench.run.interruption import Interruption
from bench.run.listing import select_suites
from bench.run.request import RunRequest, Simulate, check_arguments
from bench.run.run import Run
from bench.run.schedule import Schedule
from bench.run.selection import choose_boards, named_slots, schedule_boards
from bench.run.watcher import Level, Watcher
from bench.run.worker import Workers


@dataclass(frozen=True)
class Prepared:
    """A request with all that it names found and checked; nothing has been opened or made.

    Attributes:
        boards: those that are not simulated.
        simulated: how many simulated boards there are.
        rounds: of the tests; None is the schedule's default.
        images: that the boards are to hold.
        arguments: for pytest.
    """

    request: RunRequest
    lab: Config
    plan: Plan | None
    selection: suites.SuiteSelection
    boards: list[BoardSpec]
    simulated: int
    rounds: int | None
    images: WantedImages
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The options of the command line that plays its tests again."""
        return self.request.again(self.plan.suites if self.plan else self.request.suites, self.arguments)


def prepare(request: RunRequest, watcher: Watcher | None = None) -> Prepared:
    """Find and check all that a request names.

    Raises:
        UsageError: the request cannot be fulfilled.
        LabError: a board that was named is not there.
    """
    watcher = watcher or Watcher()
    request.check()
    lab = with_limits(load(request.config), request.limits)
    plan = load_plan(request.plan) if request.plan else None
    by_plan = plan is not None and not (request.part_of_lab and request.suites)  # its paths are those of another host
    selection = suites.select(plan.suites) if plan and by_plan else select_suites(request)
    boards = choose_boards(request, lab, plan, watcher.line)
    simulated = 1 if request.simulate is Simulate.AUTO and not boards else request.simulated_boards
    for file in known_issue_files(selection.paths, Path.cwd()):
        load_known_issues(file)
    check_named(request.config, lab, [spec.slot for spec in boards], history_of(request, lab))
    rounds = plan.repetitions if plan else request.repeat
    arguments = tuple(plan.arguments if plan else request.arguments)
    check_arguments(arguments)
    images = wanted_images(request, lab, plan, boards)
    return Prepared(request, lab, plan, selection, boards, simulated, rounds, images, arguments)


def history_of(request: RunRequest, lab: Config) -> Path | None:
    """Return the history file of a run; None for a part of a lab's run, which is in nobody's history by itself."""
    return None if request.part_of_lab else request.history or lab.history


def execute(request: RunRequest, watcher: Watcher | None = None) -> Summary:
    """Run what was asked for; return what it proves. The run's folder is ``summary.folder``.

    Prints nothing: pass a watcher to see how the run goes on. In the main thread SIGINT, SIGTERM and SIGHUP end the run
    in order; so does the end of the parent of a process that was started by :func:`bench.children.spawn`.

    Raises:
        UsageError: the request cannot be fulfilled.
        LabError: a board that was named is not there, or somebody else uses it.
        InternalError: the bench itself made a mistake; its details and the evidence are kept.
    """
    watcher = watcher or Watcher()
    prepared = prepare(request, watcher)
    folder = new_run_folder(request.out)
    try:
        return _execute(prepared, folder, watcher)
    except BenchError as error:
        begun = not isinstance(error, PytestRefused)
        discard_run_folder(folder, keep=request.out is not None, only_unbegun=begun)
        raise
    except Exception as error:
        raise _end_by_mistake(error, folder) from error


def _execute(prepared: Prepared, folder: Path, watcher: Watcher) -> Summary:
    request, lab = prepared.request, prepared.lab
    prepared, plan = _with_own_plan(prepared, folder)
    peer_name = lab.peers.name or (PEER_NAME if prepared.simulated else None)
    workers = Workers(
        folder, prepared.selection, request.config, lab, prepared.arguments, plan, peer_name, request.limits
    )
    needed = named_slots(prepared.boards, request)
    with Interruption() as interruption:
        with contextlib.suppress(OSError):  # begin() finds out, and says so
            write_json(folder / SUMMARY, Summary(folder.name).to_json())
        stream = ResultStream(folder, folder.name)
        run = Run(workers, stream, watcher, interruption, request.until, request.wait, needed)
        ending = Ending(run, plan, history_of(request, lab))
        with _all_boards(prepared) as specs:
            schedule = schedule_boards(specs, request.interleave, prepared.rounds)
            schedule = schedule.beside(control_boards(lab, schedule.specs))
            with run.leased(schedule.specs), run.leased_if_free(schedule.controls) as controls:
                flash = RunFlash(run, prepared.images)
                summary = _play(run, ending, flash, replace(schedule, controls=tuple(controls)), prepared.command)
                summary.folder = folder
                _tell_unused_limits(prepared, summary, watcher)
                watcher.finish(summary)
                ending.remember(summary)
                return summary


def _end_by_mistake(error: Exception, folder: Path) -> InternalError:
    """Keep what an exception of the bench's own has left of a run; return what a person is told."""
    told = internal_error(error, folder)
    with contextlib.suppress(Exception):  # whatever was broken may be so still: the exception is kept already
        ResultStream(folder, folder.name, begins=False).add(rows.InternalErrorRow(why=told.headline))
        save(folder, rebuild(folder))
    return told


def _play(run: Run, ending: Ending, flash: RunFlash, schedule: Schedule, command: Sequence[str]) -> Summary:
    if run.interruption.requested:
        return Summary(run.folder.name, troubles=["interrupted before the first test"])
    try:
        run.begin(schedule, command)
        schedule = flash.program(schedule)
    except (OSError, EvidenceLost) as error:
        return Summary(run.folder.name, lost=[f"evidence cannot be kept: {in_words(error)}"])
    workers = run.play(schedule)
    flash.restore()
    return ending.reconcile(workers)


def _with_own_plan(prepared: Prepared, folder: Path) -> tuple[Prepared, Path | None]:
    """Copy the plan into the run's folder: from here on the copy counts, whatever becomes of the file."""
    if prepared.request.plan is None:
        return prepared, None
    copy = folder / PLAN_FILE
    copy.write_bytes(prepared.request.plan.read_bytes())
    plan = load_plan(copy)
    return replace(prepared, plan=plan, rounds=plan.repetitions, arguments=tuple(plan.arguments)), copy


@contextlib.contextmanager
def _all_boards(prepared: Prepared) -> Iterator[list[BoardSpec]]:
    """Yield the boards of the run, simulated ones included, which live as long as this."""
    if not prepared.simulated:
        yield prepared.boards
        return
    peers = prepared.lab.peers
    hosts = {peers.name or PEER_NAME: peers.reachable_at}
    wanted = prepared.request
    with SimulatedBoards(
        prepared.simulated, firmwares=wanted.firmwares, hosts=hosts, realistic=wanted.realistic
    ) as simulated:
        yield [*prepared.boards, *simulated.specs]


def _tell_unused_limits(prepared: Prepared, summary: Summary, watcher: Watcher) -> None:
    limits = (*prepared.lab.measurements, *(prepared.plan.measurements if prepared.plan else ()))
    for limit in limits if summary.results else ():
        if limit.title not in summary.limits_used:
            text = f"no measurement of this run matches [[measurements]] {limit.title}"
            watcher.line("unused", text, Level.WARNING)
