"""How much the sections measure: whole by default, little with ``--quick``, and each size by an option."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, fields
from typing import Any


def _size(whole: int, quick: int, text: str) -> Any:  # noqa: ANN401 - dataclasses.field says so too
    return field(default=whole, metadata={"quick": quick, "help": text})


@dataclass(frozen=True)
class Sizes:
    """The sizes of one run of the benchmarks."""

    rounds: int = _size(10, 3, "alternating rounds of link, answers, stamps, bulk, ports and secure")
    transactions: int = _size(2000, 300, "transactions of a client in a round")
    attached: int = _size(300, 300, "boards in the virtual rack of discovery")
    boards: int = _size(8, 2, "simulated boards of boards, beside one")
    results: int = _size(116_000, 11_600, "results of a night of verdict")
    nights: int = _size(90, 9, "nights of history")
    samples: int = _size(300, 30, "round trips of a client and delay of fidelity")
    venvs: bool = True


def add_options(parser: ArgumentParser) -> None:
    """Add an option for each size."""
    group = parser.add_argument_group("sizes")
    for size in fields(Sizes):
        if "quick" in size.metadata:
            text = f"{size.metadata['help']}; {size.default}, with --quick {size.metadata['quick']}"
            group.add_argument(f"--{size.name}", type=int, metavar="N", help=text)


def sizes_of(asked: Namespace) -> Sizes:
    """Return the sizes that a command line asks for."""
    chosen = {size.name: getattr(asked, size.name) for size in fields(Sizes) if "quick" in size.metadata}
    quick = {size.name: size.metadata["quick"] for size in fields(Sizes) if "quick" in size.metadata and asked.quick}
    given = {name: value for name, value in chosen.items() if value is not None}
    return Sizes(**{**quick, **given}, venvs=asked.venvs)
