"""A qualification plan as its page shows it: what it asks for, what it excuses, and what came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.config.lab import MeasurementLimit
from bench.config.plan import Plan
from bench.evidence.qualification import Qualification, Waived
from bench.number_text import counted, percent
from bench.report.failures import group_by_test, place_of
from bench.report.links import RunLinks
from bench.report.views import Place


@dataclass(frozen=True)
class WaiverView:
    """A waiver of the plan, and the tests that it excused."""

    test: str
    kind: str
    reason: str
    reference: str
    owner: str
    expires: str
    excused: Sequence[Place]


@dataclass(frozen=True)
class LimitView:
    """A limit of the plan, and whether some measurement of the run fits it."""

    name: str
    statistic: str
    bound: str
    used: bool


@dataclass(frozen=True)
class PlanView:
    """The plan, and the run by its measure.

    Attributes:
        waivers_used: how many of them excused a test.
        why: the reasons of the verdict.
        facts: (name, value) of what the plan asks for.
        roles: in which somebody signs.
    """

    name: str
    waivers_used: int
    why: Sequence[str]
    facts: Sequence[tuple[str, str]]
    roles: Sequence[str]
    limits: Sequence[LimitView]
    waivers: Sequence[WaiverView]


def plan_view(judged: Qualification, limits_used: set[str], links: RunLinks, digest: str = "") -> PlanView:
    """Return a plan and what came of it; ``digest`` is that of the run's copy of the plan."""
    plan = judged.plan
    return PlanView(
        plan.name,
        len({one.waiver for one in judged.waived}),
        [*judged.against, *judged.missing],
        _facts(plan, digest),
        [role.capitalize() for role in plan.roles] or ["Tested by", "Released by"],
        [_limit(limit, limits_used) for limit in plan.measurements],
        [
            WaiverView(
                waiver.test,
                waiver.kind,
                waiver.reason,
                waiver.reference,
                waiver.owner,
                str(waiver.expires),
                _excused((one for one in judged.waived if one.waiver == waiver), links),
            )
            for waiver in plan.waivers
        ],
    )


def _facts(plan: Plan, digest: str) -> list[tuple[str, str]]:
    facts = (
        ("boards", "; ".join(wanted.text for wanted in plan.boards)),
        ("suites", ", ".join(plan.suites) or "all"),
        ("arguments", " ".join(plan.arguments)),
        ("repetitions", str(plan.repetitions)),
        ("lab errors", f"at most {percent(plan.lab_error_rate, 1)} of the tests"),
        ("flaky tests", {"fail": "count as failed", "allow": "are allowed"}[plan.flaky]),
        ("allowed reasons to skip", "any but an observation" if plan.skips == ("*",) else "; ".join(plan.skips)),
        ("compared with", plan.baseline),
        ("evidence of the comparison", plan.evidence if plan.baseline else ""),
        ("signatures", _signatures(plan)),
        ("digest of plan.toml", f"sha256 {digest}" if digest else ""),
    )
    return [(name, value) for name, value in facts if value]


def _signatures(plan: Plan) -> str:
    """Return how many people must sign the bundle, and in which roles; empty where the plan does not say."""
    if not plan.wanted_signatures:
        return ""
    roles = f", as {' and '.join(plan.roles)}" if plan.roles else ""
    return f"of {counted(plan.wanted_signatures, 'person')}{roles}".replace("persons", "people")


def _limit(limit: MeasurementLimit, used: set[str]) -> LimitView:
    bounds = [
        f"{word} {bound:g} {limit.unit}"
        for word, bound in (("at least", limit.at_least), ("at most", limit.at_most))
        if bound is not None
    ]
    return LimitView(limit.name, limit.statistic, ", ".join(bounds), limit.title in used)


def _excused(waived: Iterable[Waived], links: RunLinks) -> list[Place]:
    return [place_of(same, links=links) for same in group_by_test(one.result for one in waived)]
