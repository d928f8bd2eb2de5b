"""``run --estimate``: prints what each board and its SIM would spend."""

from bench.boards import BudgetLine, Cost
from bench.cli.terminal import say
from bench.run import Prepared
from bench.run.estimate import SpendingEstimate, estimates
from bench.session.account import TestCosts


def print_estimate(prepared: Prepared) -> bool:
    """Print what a run would spend; return whether every budget has enough left."""
    enough = True
    for estimate in estimates(prepared):
        _print(estimate)
        enough = enough and estimate.affordable
    return enough


def _print(estimate: SpendingEstimate) -> None:
    slot, rounds = estimate.spec.slot, estimate.rounds
    tests = f"{estimate.costs.tests} tests{f' in each of {rounds} rounds' if rounds > 1 else ''}"
    say(f"estimate  {slot}   {tests}, {_cost_text(estimate.cost)}{_unknown_text(estimate.costs)}")
    for line in estimate.lines:
        say(f"budget    {_budget_text(line, line.holds(estimate.cost))}")
    if estimate.sim_unknown:
        say(f"budget    {slot}   its SIM is known once it has been open: no bytes compared")


def _budget_text(line: BudgetLine, enough: bool) -> str:
    left = "enough is left" if enough else "not enough is left: tests that do not fit are not begun"
    return f"{line.subject}   {line.key}: {line.spent:,} of {line.limit:,} {line.what} spent, {left}"


def _cost_text(cost: Cost) -> str:
    minutes = round(cost.milliseconds / 60_000)
    return (
        f"up to {cost.octets / 1e6:.1f} MB, {cost.attaches} attaches, {cost.credential_writes} credential writes,"
        f" {cost.resets} resets, {minutes or 'less than 1'} min"
    )


def _unknown_text(costs: TestCosts) -> str:
    if not costs.unknown:
        return ""
    return f"; {costs.unknown} never ran: their time is not counted, their bytes as the most that a test moves"
