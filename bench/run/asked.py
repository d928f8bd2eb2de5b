"""What a request asks for, read and checked as far as no board is concerned: the lab, the plan, the suites."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from bench.config.known_issues import known_issue_files, load_known_issues
from bench.config.lab import Config, load
from bench.config.limits import with_limits
from bench.config.named_files import check_named
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import Plan, load_plan
from bench.run import suites
from bench.run.listing import select_suites
from bench.run.request import RunRequest, check_arguments


@dataclass(frozen=True)
class Asked:
    """A request with the files that it names; nothing has been opened or made.

    Attributes:
        rounds: of the tests; None is the schedule's default.
        arguments: for pytest.
    """

    request: RunRequest
    lab: Config
    plan: Plan | None
    selection: suites.SuiteSelection
    rounds: int | None
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The options of the command line that plays its tests again."""
        return self.request.again(self.plan.suites if self.plan else self.request.suites, self.arguments)

    @property
    def history(self) -> Path | None:
        """The history file; None for a part of a lab's run, which is in nobody's history by itself."""
        return None if self.request.part_of_lab else self.request.history or self.lab.history

    def check(self, slots: Collection[str]) -> None:
        """Check the files of the suites and of the lab, and the arguments for pytest.

        Args:
            slots: the boards whose files are looked at.

        Raises:
            UsageError: one of them cannot be used.
        """
        for file in known_issue_files(self.selection.paths, Path.cwd()):
            load_known_issues(file)
        check_named(self.request.config, self.lab, slots, self.history)
        check_arguments(self.arguments)

    def with_own_plan(self, folder: Path) -> tuple[Self, Path | None]:
        """Copy the plan into the run's folder: from here on the copy counts, whatever becomes of the file."""
        if self.request.plan is None:
            return self, None
        copy = folder / PLAN_FILE
        copy.write_bytes(self.request.plan.read_bytes())
        plan = load_plan(copy)
        return replace(self, plan=plan, rounds=plan.repetitions, arguments=tuple(plan.arguments)), copy


def read_request(request: RunRequest) -> Asked:
    """Read the files that a request names, and find the suites and tests that it means.

    Raises:
        UsageError: the request cannot be fulfilled.
    """
    request.check()
    lab = with_limits(load(request.config), request.limits)
    plan = load_plan(request.plan) if request.plan else None
    by_plan = plan is not None and not (request.part_of_lab and request.suites)  # its paths are those of another host
    selection = suites.select(plan.suites) if plan and by_plan else select_suites(request)
    rounds = plan.repetitions if plan else request.repeat
    return Asked(request, lab, plan, selection, rounds, tuple(plan.arguments if plan else request.arguments))
