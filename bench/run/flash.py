"""Programming the boards of a run: before the first test, several at once, and back after the last."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from bench.boards import BoardSpec
from bench.boards.hotplug import has_ended
from bench.flashing import Flashing, FlashRequest, flash_board
from bench.number_text import counted
from bench.run.images import WantedImages
from bench.run.run import Run
from bench.run.schedule import Schedule
from bench.run.watcher import Level
from bench.session.programming import flash_row

_LOOK_SECONDS = 0.2
# A programmer that runs when the run is interrupted gets this long: half an image is worse than waiting.
_FINISH_SECONDS = 60.0


@dataclass
class RunFlash:
    """Programs the boards of a run.

    Attributes:
        run: on leased boards.
        wanted: the images.
    """

    run: Run
    wanted: WantedImages
    _changed: dict[str, tuple[BoardSpec, FlashRequest]] = field(default_factory=dict)
    _until: float | None = None

    def program(self, schedule: Schedule) -> Schedule:
        """Bring the images into the boards; return the schedule with each board as it is afterwards."""
        specs = (*schedule.specs, *schedule.controls)
        requests = {
            spec.slot: FlashRequest(images, self.wanted.always) for spec in specs if (images := self.wanted.of(spec))
        }
        if not requests:
            return schedule
        chosen = [spec for spec in specs if spec.slot in requests]
        self._announce("", chosen, requests)
        after: dict[str, BoardSpec] = {}
        free = [spec for spec in chosen if self.run.has(spec)]
        for spec in chosen:
            if spec not in free:
                after[spec.slot] = replace(spec, unusable=f"{spec.slot} is in use, so that it could not be programmed")
        for flashing, spec in self._flash(free, requests, self._is_impatient, ends_early=True):
            after[spec.slot] = spec
            if flashing.touched or not spec.unusable:
                self._changed[spec.slot] = (spec, requests[spec.slot])
        return schedule.with_boards(after)

    def restore(self) -> None:
        """Put the golden images back, within the time that programming a board may take."""
        requests = {
            slot: FlashRequest(images, restores=True)
            for slot, (_, request) in self._changed.items()
            if (images := self.wanted.back(request.images))
        }
        specs = [replace(spec, unusable="") for slot, (spec, _) in self._changed.items() if slot in requests]
        specs = [spec for spec in specs if not has_ended(spec)]
        if not specs:
            return
        self._announce("back to ", specs, requests)
        flash = self.run.workers.lab.flash
        rounds = -(-len(specs) // flash.at_once)
        until = time.monotonic() + rounds * (flash.seconds + flash.boot_seconds)
        self._flash(specs, requests, lambda: time.monotonic() > until)

    def _announce(self, back: str, specs: Sequence[BoardSpec], requests: Mapping[str, FlashRequest]) -> None:
        images = {image.text: None for spec in specs for image in requests[spec.slot].images}
        most = self.run.workers.lab.flash.at_once
        at_once = f", {most} at once" if len(specs) > most else ""
        self.run.watcher.line("flash", f"{counted(len(specs), 'board')}{at_once}: {back}{', '.join(images)}")

    def _is_impatient(self) -> bool:
        """Return whether programmers are to end now: some time after the run was interrupted."""
        if self._until is None and self.run.interruption.requested:
            self._until = time.monotonic() + _FINISH_SECONDS
        return self._until is not None and time.monotonic() > self._until

    def _flash(
        self,
        specs: Sequence[BoardSpec],
        requests: Mapping[str, FlashRequest],
        stopped: Callable[[], bool],
        *,
        ends_early: bool = False,
    ) -> list[tuple[Flashing, BoardSpec]]:
        """Program boards, several at once; return each with its spec afterwards. Rows are added as they end.

        Args:
            specs: the boards.
            requests: the images of each, by slot.
            stopped: whether programmers that run are to end now.
            ends_early: whether none is begun any more once the run was interrupted.
        """
        run, lab = self.run, self.run.workers.lab
        lines: deque[str] = deque()  # this thread alone speaks to the watcher
        ended: list[tuple[Flashing, BoardSpec]] = []
        with ThreadPoolExecutor(lab.flash.at_once) as pool:
            futures: dict[Future[BoardSpec], Flashing] = {}
            for spec in specs:
                job = Flashing(spec, lab, run.lease_of(spec), run.folder, stopped, lines.append)
                futures[pool.submit(flash_board, job, requests[spec.slot])] = job
            pending = set(futures)
            while pending:
                done, pending = wait(pending, _LOOK_SECONDS, FIRST_COMPLETED)
                while lines:
                    run.watcher.line("flash", lines.popleft())
                for future in done:
                    job = futures[future]
                    ended.append((job, _not_begun(job.spec) if future.cancelled() else future.result()))
                    for result in job.results:
                        run.stream.add(flash_row(result))
                run.take_rows()
                run.watcher.tick()
                if ends_early and run.interruption.requested:
                    ends_early = False
                    self._end_early(pending)
        return ended

    def _end_early(self, pending: Collection[Future[BoardSpec]]) -> None:
        for future in pending:
            future.cancel()
        text = f"boards that are being programmed get {_FINISH_SECONDS:.0f} s: half an image is worse"
        self.run.watcher.line("stopping", text, Level.WARNING)


def _not_begun(spec: BoardSpec) -> BoardSpec:
    return replace(spec, unusable=f"{spec.slot} was not programmed, because the run was interrupted")
