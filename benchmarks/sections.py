"""The sections of the benchmarks by name, in the order in which they run."""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping

from benchmarks import answers, boards, bulk, discovery, fidelity, history, link, ports, secure, stamps, verdict
from benchmarks.figure import LeftOut, Row, Unavailable
from benchmarks.sizes import Sizes

Section = Callable[[Sizes], Iterable[Row]]
SECTIONS: Mapping[str, Section] = {
    module.SECTION: module.measure
    for module in (link, answers, stamps, bulk, ports, discovery, boards, verdict, history, secure, fidelity)
}


def title(name: str) -> str:
    """Return what a section measures, in a line: the first of its module's docstring."""
    return (sys.modules[SECTIONS[name].__module__].__doc__ or "").partition("\n")[0]


def run(name: str, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of a section; where it cannot run here, or breaks, say so: the figures of the others stand."""
    try:
        yield from SECTIONS[name](sizes)
    except Unavailable as error:
        yield LeftOut(name, "", str(error))
    except Exception as error:  # noqa: BLE001 - whatever it was, a person gets it whole
        traceback.print_exc()
        yield LeftOut(name, "", f"it broke: {type(error).__name__}: {error}")
