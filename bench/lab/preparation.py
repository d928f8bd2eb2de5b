"""A request for a run on boards of a lab, found and checked as far as this host can."""

from dataclasses import dataclass
from pathlib import Path

from bench.config.flash import PlannedFirmware
from bench.config.known_issues import known_issue_files, load_known_issues
from bench.config.lab import Config, load
from bench.config.limits import with_limits
from bench.config.named_files import check_named
from bench.config.plan import Plan, load_plan
from bench.errors import UsageError
from bench.run import suites
from bench.run.listing import select_suites
from bench.run.request import RunRequest, check_arguments
from bench.run.suites import SuiteSelection


@dataclass(frozen=True)
class Prepared:
    """A request with all that it names found and checked, but for the lab's boards; nothing has been opened."""

    request: RunRequest
    lab: Config
    plan: Plan | None
    selection: SuiteSelection
    rounds: int
    arguments: tuple[str, ...]


def prepare_in_lab(request: RunRequest) -> Prepared:
    """Find and check all that a request names, as far as this host knows it.

    Raises:
        UsageError: the request cannot be fulfilled.
    """
    request.check()
    lab = with_limits(load(request.config), request.limits)
    if not lab.lab.coordinator:
        raise UsageError(
            '--lab needs [lab] coordinator = "HOST:20408" in bench.toml: the address of labgrid\'s coordinator'
        )
    plan = load_plan(request.plan) if request.plan else None
    _refuse_images(request, plan)
    selection = suites.select(plan.suites) if plan else select_suites(request)
    for file in known_issue_files(selection.paths, Path.cwd()):
        load_known_issues(file)
    check_named(request.config, lab, [], request.history or lab.history)
    arguments = tuple(plan.arguments if plan else request.arguments)
    check_arguments(arguments)
    rounds = plan.repetitions if plan else request.repeat or 1
    return Prepared(request, lab, plan, selection, rounds, arguments)


def _refuse_images(request: RunRequest, plan: Plan | None) -> None:
    """Refuse to test boards that would silently keep what they hold.

    Raises:
        UsageError: the run is to program its boards, which other hosts have.
    """
    asked = request.image or request.modem_image or request.flash_always or request.restore
    if asked or (plan is not None and plan.firmware != PlannedFirmware()):
        raise UsageError(
            "--lab: boards on other hosts are not programmed by a run yet: leave out --image, --modem-image and"
            " [firmware] of the plan, or run on the board's own host"
        )
