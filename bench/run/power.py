"""What interleaved nights of a run's boards would find, by this lab's own history."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.boards import BoardSpec, Selector
from bench.errors import LabError
from bench.history import CompareSettings, Observation, Store, chosen_runs, observations
from bench.history.observations import SIMULATED
from bench.history.power import NIGHTS, Power, power_of, scatter_of
from bench.run.execute import Prepared
from bench.run.selection import INTERLEAVED_ROUNDS


@dataclass(frozen=True)
class Prospect:
    """What a run's boards would find.

    Attributes:
        nights: of the history, from which that is known.
        measurements: in them, for which it is known.
        powers: by number of nights.
        doubled: the same with twice as many boards.
    """

    nights: int
    measurements: int
    powers: list[Power]
    doubled: list[Power]


def prospect_of(prepared: Prepared, specs: Sequence[BoardSpec]) -> Prospect | None:
    """Return what interleaved nights would find; None where the run is not interleaved. Opens no board.

    Args:
        prepared: the run.
        specs: its boards, simulated ones included.
    """
    if not prepared.request.interleave:
        return None
    settings = CompareSettings(**prepared.lab.compare.model_dump())
    seen = _seen(prepared, {spec.slot: not spec.hardware for spec in specs})
    scatter = scatter_of(seen, settings)
    groups = _groups(prepared.request.interleave, specs)
    rounds = prepared.rounds or INTERLEAVED_ROUNDS
    twice = (2 * groups[0], 2 * groups[1])
    return Prospect(
        len({one.night for one in seen}),
        len(scatter),
        [power_of(scatter, groups, nights, rounds, settings) for nights in NIGHTS],
        [power_of(scatter, twice, nights, rounds, settings) for nights in NIGHTS],
    )


def _seen(prepared: Prepared, slots: dict[str, bool]) -> list[Observation]:
    """Return what the history holds of these boards; a simulated board of a slot says nothing of a real one."""
    path = prepared.request.history or prepared.lab.history
    if not path.is_file():
        return []
    try:
        with Store(path, only_read=True) as store:
            found = observations(store, list(chosen_runs(store, "*")))
    except LabError:
        return []
    return [one for one in found if slots.get(one.slot) is one.key.model.startswith(SIMULATED)]


def _groups(selectors: Sequence[str], specs: Sequence[BoardSpec]) -> tuple[int, int]:
    """Return how many boards each group has; half of all, where boards would have to be asked for their firmware."""
    sizes = [sum(Selector.parse(text).matches(spec) for spec in specs) for text in selectors]
    if all(sizes):
        return sizes[0], sizes[1]
    half = max(1, len(specs) // 2)
    return half, max(1, len(specs) - half)
