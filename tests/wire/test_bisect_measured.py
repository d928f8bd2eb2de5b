"""An image measures as the good one or as the bad one, whatever drifts meanwhile."""

import math
import random

import pytest

from bench.bisect.measured import MOST_BLOCKS, change_of, judge_between, judge_end
from bench.bisect.search import Judgement


def block(rng: random.Random, change: float, noise: float, drift: float) -> float:
    """The difference of a block A B B A on a lab that drifts."""
    level, values = rng.uniform(0.5, 2.0), []
    for place, factor in enumerate((1.0, 1 + change, 1 + change, 1.0)):
        values.append(level * factor * (1 + drift * place) * math.exp(rng.gauss(0, noise)))
    a, b, c, d = map(math.log, values)
    return (b + c - a - d) / 2


@pytest.mark.parametrize("drift", [0.0, 0.05, -0.05])
def test_a_change_is_found_whatever_drifts(drift: float) -> None:
    rng = random.Random(7)
    change = change_of([block(rng, 0.15, 0.005, drift) for _ in range(5)])
    assert change.low < 0.15 < change.high
    assert judge_end(change) is Judgement.BAD
    assert change.text.startswith("+1")


def test_no_change_is_told_as_none() -> None:
    rng = random.Random(7)
    assert judge_end(change_of([block(rng, 0.0, 0.001, 0.0) for _ in range(5)])) is Judgement.GOOD


def test_noise_wants_more_blocks_and_at_last_nobody_can_tell() -> None:
    rng = random.Random(7)
    differences = [block(rng, 0.0, 0.3, 0.0) for _ in range(MOST_BLOCKS)]
    assert judge_end(change_of(differences[:5])) is None
    assert judge_end(change_of(differences)) is Judgement.UNKNOWN


def test_too_few_blocks_tell_nothing() -> None:
    change = change_of([0.15, 0.15])
    assert judge_end(change) is None
    assert judge_between(change, 0.15) is None
    assert "too few" in change.text
    assert judge_end(change_of([])) is None


@pytest.mark.parametrize("sought", [0.15, -0.15, 0.9])
def test_an_image_belongs_to_the_end_to_which_it_is_nearer(sought: float) -> None:
    rng = random.Random(7)
    as_bad = change_of([block(rng, sought, 0.005, 0.02) for _ in range(4)])
    as_good = change_of([block(rng, 0.0, 0.005, 0.02) for _ in range(4)])
    assert judge_between(as_bad, sought) is Judgement.BAD
    assert judge_between(as_good, sought) is Judgement.GOOD


def test_false_judgements_are_rare() -> None:
    rng = random.Random(11)
    wrong = 0
    for _ in range(400):
        differences: list[float] = []
        judged = None
        while judged is None:
            differences.append(block(rng, 0.0, 0.02, 0.01))
            judged = judge_between(change_of(differences), 0.15)
        wrong += judged is Judgement.BAD
    assert wrong <= 8
