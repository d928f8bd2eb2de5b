"""A part of benchmarks/false_alarms.py: seeded, so the same wherever it runs."""

import pytest

from benchmarks import false_alarms
from benchmarks.kinds_of_nights import KINDS

SWAPPED = "in turn, groups swapped, 6 nights, 2 + 2 boards"
CONTROLLED = "14 + 3 nights, 4 boards, 3 control boards"
ALONE = [design for design in false_alarms.DESIGNS if design.startswith("14") and "control" not in design]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("design", [SWAPPED, CONTROLLED])
def test_a_firmware_is_not_worse_than_itself(design: str, kind: str) -> None:
    assert false_alarms.cell(design, kind, 8, 0, seed=1).alarms == 0


@pytest.mark.parametrize("design", [design for design, one in false_alarms.DESIGNS.items() if one.promises])
def test_a_tenth_is_found_where_the_design_promises_it(design: str) -> None:
    found = false_alarms.cell(design, "nights autocorrelated, rho 0.9", 0, 30, seed=1)
    assert found.found >= 27


@pytest.mark.parametrize("design", ALONE)
@pytest.mark.parametrize("kind", ["trend of 0.5 % a night", "the network slows by 10 % as the candidate comes"])
def test_nights_alone_prove_nothing(design: str, kind: str) -> None:
    found = false_alarms.cell(design, kind, 8, 8, seed=1)
    assert (found.alarms, found.unknown, found.found) == (0, 8, 0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("steps")])
def test_a_clock_that_is_too_coarse_proves_nothing(kind: str) -> None:
    for design in (SWAPPED, CONTROLLED):
        found = false_alarms.cell(design, kind, 4, 4, seed=1)
        assert (found.alarms, found.unknown, found.found) == (0, 4, 0)
