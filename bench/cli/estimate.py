"""``run --estimate``: prints what each board and its SIM would spend."""

from collections.abc import Iterator

from bench.boards import BudgetLine, Cost
from bench.cli.terminal import say
from bench.exit_code import ExitCode
from bench.number_text import counted, percent
from bench.run import Prepared
from bench.run.estimate import SpendingEstimate, all_specs, estimates
from bench.run.power import Prospect, prospect_of

_SOUGHT, _HARDEST = 0.1, 5


def print_estimate(prepared: Prepared) -> ExitCode:
    """Print what a run would spend; return FAILED where a budget has not enough left, LAB where a board is absent."""
    enough = True
    for estimate in estimates(prepared):
        _print(estimate)
        enough = enough and estimate.affordable
    prospect = prospect_of(prepared, all_specs(prepared))
    if prospect is not None:
        for line in _prospect_lines(prospect):
            say(f"power     {line}")
    absent = any(not spec.port for spec in prepared.boards)
    return ExitCode.worst([*[ExitCode.LAB] * absent, *[ExitCode.FAILED] * (not enough)])


def _prospect_lines(prospect: Prospect) -> Iterator[str]:
    """Yield what a change of 10 % needs to be found, and what it takes for the measurements that scatter most."""
    if not prospect.measurements:
        yield (
            "not known yet: the history must hold nights in which at least two of these boards measured together"
            f" (it holds {counted(prospect.nights, 'night')} of them)"
        )
        return
    first = prospect.powers[0]
    yield (
        f"by {counted(prospect.nights, 'night')} of these boards in the history: where a change of {percent(_SOUGHT)}"
        f" is found 95 times in 100, in {counted(first.rounds, 'round')} a night and groups of {first.groups[0]} and"
        f" {first.groups[1]} that swap firmware each night"
    )
    for power, doubled in zip(prospect.powers, prospect.doubled, strict=True):
        found, twice = (len(one.finding(_SOUGHT)) for one in (power, doubled))
        measurements = counted(prospect.measurements, "measurement")
        yield f"{power.nights:>2} nights: in {found} of {measurements} (with twice the boards in {twice})"
    longest = prospect.powers[-1]
    hard = sorted((least, key.text) for key, least in longest.detectable.items() if least > _SOUGHT)
    for least, text in hard[: -_HARDEST - 1 : -1]:
        yield f"noisy: {text}: in {longest.nights} nights a change of {percent(least)} is found"


def _print(estimate: SpendingEstimate) -> None:
    slot, rounds = estimate.spec.slot, estimate.rounds
    tests = f"{counted(estimate.tests, 'test')}{f' in each of {rounds} rounds' if rounds > 1 else ''}"
    cost = f"{_cost_text(estimate.cost)}{_unknown_text(estimate.unknown)}"
    say(f"estimate  {slot}   {tests}{_left_out_text(estimate)}, {cost}")
    for line in estimate.lines:
        say(f"budget    {_budget_text(line, line.holds(estimate.cost))}")
    if estimate.sim_unknown:
        say(f"budget    {slot}   its SIM is known once it has been open: no bytes compared")


def _left_out_text(estimate: SpendingEstimate) -> str:
    """Return how many tests are beside those: the end of a run counts them apart, too."""
    if estimate.left_out:
        return f" ({estimate.left_out} more left out: {estimate.firmware} does not have what they are about)"
    return " (less those that its firmware, which is not known yet, leaves out)" if estimate.depends else ""


def _budget_text(line: BudgetLine, enough: bool) -> str:
    left = "enough is left" if enough else "not enough is left: tests that do not fit are not begun"
    return f"{line.subject}   {line.key}: {line.spent:,} of {line.limit:,} {line.what} spent, {left}"


def _cost_text(cost: Cost) -> str:
    minutes = round(cost.milliseconds / 60_000)
    return (
        f"up to {cost.octets / 1e6:.1f} MB, {cost.attaches} attaches, {cost.credential_writes} credential writes,"
        f" {cost.resets} resets,{_flashes_text(cost.flashes)} {minutes or 'less than 1'} min"
    )


def _flashes_text(flashes: int) -> str:
    return f" {counted(flashes, 'image')} programmed," if flashes else ""


def _unknown_text(unknown: int) -> str:
    if not unknown:
        return ""
    return f"; {unknown} never ran: their time is not counted, their bytes as the most that a test moves"
