"""A run from request to summary."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards
from bench.errors import BenchError, in_words
from bench.evidence import EvidenceLost, ResultStream, Summary, write_json
from bench.evidence.run_folder import discard_run_folder, new_run_folder
from bench.evidence.summary import FILE as SUMMARY
from bench.run.asked import Asked, read_request
from bench.run.control_board import control_boards
from bench.run.ending import Ending, PytestRefused
from bench.run.flash import RunFlash
from bench.run.folder import keep_mistake
from bench.run.images import WantedImages, wanted_images
from bench.run.interruption import INTERRUPTED, Interruption
from bench.run.request import RunRequest, Simulate
from bench.run.run import Run
from bench.run.schedule import Schedule
from bench.run.selection import choose_boards, named_slots, schedule_boards
from bench.run.watcher import Level, Watcher
from bench.run.worker import Workers


@dataclass(frozen=True)
class Prepared(Asked):
    """A request with all that it names found and checked; nothing has been opened or made.

    Attributes:
        boards: those that are not simulated.
        simulated: how many simulated boards there are.
        images: that the boards are to hold.
    """

    boards: list[BoardSpec]
    simulated: int
    images: WantedImages


def prepare(request: RunRequest, watcher: Watcher | None = None) -> Prepared:
    """Find and check all that a request names.

    Raises:
        UsageError: the request cannot be fulfilled.
        LabError: a board that was named is not there.
    """
    watcher = watcher or Watcher()
    asked = read_request(request)
    boards = choose_boards(request, asked.lab, asked.plan, watcher.line)
    simulated = 1 if request.simulate is Simulate.AUTO and not boards else request.simulated_boards
    asked.check([spec.slot for spec in boards])
    images = wanted_images(request, asked.lab, asked.plan, boards)
    return Prepared(**vars(asked), boards=boards, simulated=simulated, images=images)


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
        raise keep_mistake(error, folder) from error


def _execute(prepared: Prepared, folder: Path, watcher: Watcher) -> Summary:
    request, lab = prepared.request, prepared.lab
    prepared, plan = prepared.with_own_plan(folder)
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
        ending = Ending(run, plan, prepared.history)
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


def _play(run: Run, ending: Ending, flash: RunFlash, schedule: Schedule, command: Sequence[str]) -> Summary:
    if run.interruption.requested:
        return Summary(run.folder.name, troubles=[f"{INTERRUPTED} before the first test"])
    try:
        run.begin(schedule, command)
        schedule = flash.program(schedule)
    except (OSError, EvidenceLost) as error:
        return Summary(run.folder.name, lost=[f"evidence cannot be kept: {in_words(error)}"])
    workers = run.play(schedule)
    flash.restore()
    return ending.reconcile(workers)


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
