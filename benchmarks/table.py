"""All figures as one table of text."""

from collections.abc import Iterator, Sequence

from benchmarks.figure import Figure, LeftOut, Row

_HEAD = ("section", "figure", "value", "unit", "ratio", "range", "to", "limit", "")
_RIGHT = (2, 4, 5)


def table_of(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines: the figures, then what was left out."""
    cells = [_HEAD, *(_cells(row) for row in rows if isinstance(row, Figure))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(
            cell.rjust(width) if number in _RIGHT else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    for left in rows:
        if isinstance(left, LeftOut):
            yield f"left out: {left.section}{f', {left.name}' if left.name else ''}: {left.why}"


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.section,
        figure.name,
        _number(figure.value),
        figure.unit,
        "" if figure.ratio is None else f"{figure.ratio:.3f}",
        "" if figure.spread is None else f"{figure.spread[0]:.2f}..{figure.spread[1]:.2f}",
        figure.reference,
        figure.limit.text if figure.limit else "",
        {None: "", True: "kept", False: "NOT KEPT"}[figure.kept],
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
