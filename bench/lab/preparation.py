"""A request for a run on boards of a lab, read and checked as far as this host can."""

from bench.config.flash import PlannedFirmware
from bench.config.plan import Plan
from bench.errors import UsageError
from bench.run.asked import Asked, read_request
from bench.run.request import RunRequest


def prepare_in_lab(request: RunRequest) -> Asked:
    """Read and check all that a request names, as far as this host knows it.

    Raises:
        UsageError: the request cannot be fulfilled.
    """
    asked = read_request(request)
    if not asked.lab.lab.coordinator:
        raise UsageError(
            '--lab needs [lab] coordinator = "HOST:20408" in bench.toml: the address of labgrid\'s coordinator'
        )
    _refuse_images(request, asked.plan)
    asked.check([])
    return asked


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
