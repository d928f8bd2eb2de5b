"""What a run measured, as rows of its verdict page: links to the plots, and where the host's noise spoils a number."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.evidence.figures import COLUMNS, Figure
from bench.evidence.rows import MeasurementRow
from bench.measure import HOST_NOISE, PART_MEANINGS, LimitVerdict, format_range
from bench.report.links import RunLinks

_MOST_PAGES = 8
_MANY = 3
"""A fact that stands beside so many figures is told once."""
_SPOILT = 0.5
"""From this part of the median on the host's noise spoils a number."""
_WORST_FIRST = (LimitVerdict.OUTSIDE, LimitVerdict.UNTOLD, LimitVerdict.MARGINAL, LimitVerdict.OK)


@dataclass(frozen=True)
class MeasuredRow:
    """One figure.

    Attributes:
        board: the slot, where there are several boards.
        pages: links to the pages with its plots; ``more_pages`` have no room.
        samples: link to all samples of the first of them; empty where there are none.
        statistics: texts of a series; empty for single values.
        noisy: the host's noise spoils it.
    """

    name: str
    board: str
    pages: Sequence[str]
    more_pages: int
    samples: str
    value: str
    statistics: Sequence[str]
    count: int
    rounds: int
    limit: str
    verdict: str
    parts: Sequence[str]
    beside: Sequence[str]
    noisy: bool


@dataclass(frozen=True)
class MeasuredView:
    """All figures of a run, those outside of a limit first.

    Attributes:
        columns: names of the statistics of series.
        series: figures with statistics.
        single: others.
        parts: what the parts of a round trip are.
        noise: of the host; empty where nothing was measured beside it.
        common: facts to read many of them by, with how many.
    """

    columns: Sequence[str]
    series: Sequence[MeasuredRow]
    single: Sequence[MeasuredRow]
    parts: Sequence[tuple[str, str]]
    noise: str
    common: Sequence[tuple[str, int]]

    @property
    def limited(self) -> bool:
        """Whether some series has a limit."""
        return any(row.limit for row in self.series)

    @property
    def noisy(self) -> bool:
        """Whether some figure is spoilt."""
        return any(row.noisy for row in self.series)


def measured_view(figures: Sequence[Figure], links: RunLinks) -> MeasuredView:
    """Return the figures of a run as its page shows them."""
    ordered = sorted(figures, key=lambda figure: _rank(figure) if figure.limit else len(_WORST_FIRST))
    facts = Counter(fact for figure in figures for fact in _facts(figure))
    common = [(fact, count) for fact, count in facts.items() if count >= _MANY]
    said = {fact for fact, _ in common}
    with_parts = any(figure.parts and figure.statistics for figure in figures)
    return MeasuredView(
        COLUMNS,
        [_row(figure, links, said) for figure in ordered if figure.statistics],
        [_row(figure, links, said) for figure in ordered if not figure.statistics],
        list(PART_MEANINGS.items()) if with_parts else [],
        _noise_text([row for figure in figures for row in figure.rows]),
        common,
    )


def _rank(figure: Figure) -> int:
    return next((rank for rank, verdict in enumerate(_WORST_FIRST) if verdict == figure.verdict), 0)


def _facts(figure: Figure) -> list[str]:
    """Return the facts beside a figure; the host's noise is told once for all of them."""
    return [fact for fact in figure.beside if not fact.startswith(HOST_NOISE)]


def _row(figure: Figure, links: RunLinks, said: Collection[str]) -> MeasuredRow:
    name = figure.rows[0].name
    turns = {(row.test, row.slot, row.round, row.attempt): row for row in figure.rows}
    pages = [link for link in map(links.to_measured, islice(turns.values(), _MOST_PAGES)) if link]
    return MeasuredRow(
        name=name,
        board=figure.name.removeprefix(name).strip(" ()"),
        pages=pages,
        more_pages=max(0, len(turns) - _MOST_PAGES),
        samples=links.to_samples(figure.rows[0]),
        value=figure.value,
        statistics=[figure.statistics.get(name, "") for name in COLUMNS] if figure.statistics else [],
        count=figure.count,
        rounds=len({row.round for row in figure.rows}),
        limit=figure.limit,
        verdict=figure.verdict if figure.limit else "",
        parts=figure.parts,
        beside=[fact for fact in _facts(figure) if fact not in said],
        noisy=any(map(is_noisy, figure.rows)),
    )


def is_noisy(row: MeasurementRow) -> bool:
    """Return whether the host's noise spoils a series of times.

    It does from half of the median on: the number then says more of this computer than of the board.
    """
    level = row.figures.get("p50", row.figures.get("min"))
    return row.unit == "ns" and level is not None and row.noise.get("p99", 0.0) >= _SPOILT * level


def _noise_text(rows: Sequence[MeasurementRow]) -> str:
    """Return the range of the host's noise in the run."""
    known = [row.noise for row in rows if {"p50", "p99"} <= set(row.noise)]
    if not known:
        return ""
    return ", ".join(f"{name} {format_range((noise[name] for noise in known), 'ns')}" for name in ("p50", "p99"))
