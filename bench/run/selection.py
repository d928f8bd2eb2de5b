"""Which boards a run uses, and when each of them runs."""

from collections.abc import Callable, Sequence

from bench.boards import BoardSpec, Selector, matches, reservation_of, select
from bench.config.lab import Config
from bench.config.plan import Plan
from bench.errors import LabError, UsageError
from bench.run.probe import firmware_of
from bench.run.request import RunRequest, Simulate
from bench.run.schedule import Schedule, interleaved, repeated

INTERLEAVED_ROUNDS = 10

Tell = Callable[[str, str], None]
"""Takes a word and a text for whoever watches."""


def choose_boards(request: RunRequest, lab: Config, plan: Plan | None, tell: Tell) -> list[BoardSpec]:
    """Return the boards that are not simulated.

    Raises:
        UsageError: no board is there, or a selector matches none.
        LabError: a board that was named is not attached, or is reserved by somebody else.
    """
    count = request.simulated_boards
    chosen = [] if count and not request.names_boards else _choose(request, lab, tell)
    if plan is None or request.names_boards:
        return chosen
    models = {wanted.model for wanted in plan.boards}
    chosen = [spec for spec in chosen if spec.model in models]
    if not chosen and not count:
        wanted = ", ".join(boards.text for boards in plan.boards)
        raise UsageError(f"no board of the plan is there: it wants {wanted} (`nrf91-bench boards` shows what is)")
    return chosen


def _choose(request: RunRequest, lab: Config, tell: Tell) -> list[BoardSpec]:
    found = select(lab, request.boards, request.ports, firmware_of)
    chosen = _check_attached(_drop_reserved(found, request, tell), request, tell)
    # A configured board that is not there must not be replaced by a simulated one.
    stands_in = request.simulate is Simulate.AUTO and not (lab.boards or request.names_boards)
    if not chosen and not stands_in and not request.simulated_boards:
        raise UsageError(
            "no board is attached and none is configured: plug one in, name its port (--port /dev/ttyACM0), or try the"
            " bench on a simulated board (--simulate 1)"
        )
    return chosen


def named_slots(specs: Sequence[BoardSpec], request: RunRequest) -> list[str]:
    """Return the slots of boards that the user named one by one: without them nothing runs."""
    return [spec.slot for spec in specs if _is_named(spec, request)]


def _is_named(spec: BoardSpec, request: RunRequest) -> bool:
    """Return whether the user named just this board: by its name, serial number, place or port."""
    return spec.port in request.ports or any(Selector.parse(text).names(spec) for text in request.boards)


def _check_attached(specs: list[BoardSpec], request: RunRequest, tell: Tell) -> list[BoardSpec]:
    """Return the boards, when none that was named is missing; tell of the others.

    Raises:
        LabError: a board that was named is not attached, or none is.
    """
    absent = [spec for spec in specs if not spec.port]
    for spec in absent:
        what = f"{spec.slot} ({spec.sought}) is not attached"
        if _is_named(spec, request) or len(absent) == len(specs):
            raise LabError(f"board {what}; plug it in, or leave it out of bench.toml")
        tell("absent", f"{what}: its tests look for it, and are lab errors until it comes")
    return specs


def _drop_reserved(specs: list[BoardSpec], request: RunRequest, tell: Tell) -> list[BoardSpec]:
    """Return the boards that nobody has reserved; one that this user reserved counts where it was named.

    Raises:
        LabError: no board is left.
    """
    left, reserved = [], []
    for spec in specs:
        kept = reservation_of(spec.key)
        if kept is None or (kept.mine and _is_named(spec, request)):
            left.append(spec)
        else:
            reserved.append(f"{spec.slot} is {kept.text}")
    for text in reserved:
        tell("reserved", text)
    if specs and not left:
        raise LabError(f"no board is left: {'; '.join(reserved)}")
    return left


def schedule_boards(specs: Sequence[BoardSpec], selectors: Sequence[str], rounds: int | None) -> Schedule:
    """Return when which board runs.

    Raises:
        UsageError: the selectors do not make two groups of all boards.
    """
    if not selectors:
        return repeated(specs, rounds or 1)
    groups: dict[str, Sequence[BoardSpec]] = {
        selector: [spec for spec in specs if matches(selector, spec, firmware_of)] for selector in selectors
    }
    schedule = interleaved(groups, rounds or INTERLEAVED_ROUNDS)
    left = [spec.slot for spec in specs if spec not in schedule.specs]
    if left:
        raise UsageError(f"--interleave: {', '.join(left)} would be in neither group")
    return schedule
