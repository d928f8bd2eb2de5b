"""Measure the bench: ``python -m benchmarks [NAME...]`` runs the sections and shows one table.

Compare ratios, and those of one run only: each is to something that was measured in the same minutes. The values depend
on the host.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.figure import Row, broken
from benchmarks.record import append, facts, record
from benchmarks.sections import SECTIONS, run, title
from benchmarks.sizes import add_options, sizes_of
from benchmarks.table import table_of


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("names", nargs="*", type=_section, metavar="NAME", help="sections; all by default")
    made.add_argument("--list", action="store_true", help="list the sections")
    made.add_argument("--quick", action="store_true", help="smaller sizes: whether it works, not how fast it is")
    made.add_argument(
        "--json", type=Path, metavar="FILE", help="append the run as one line of JSON: a file that grows to a trend"
    )
    made.add_argument(
        "--check", action="store_true", help="exit with 1 if a limit is not kept, or a section cannot run"
    )
    made.add_argument(
        "--no-venvs",
        dest="venvs",
        action="store_false",
        help="without the libraries that need their own environments",
    )
    add_options(made)
    return made


def _section(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"there is no section {name}; there are {', '.join(SECTIONS)}")
    return name


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    asked = parser().parse_args()
    if asked.list:
        print("\n".join(f"{name:<12}{title(name)}" for name in SECTIONS))
        return 0
    sizes, host = sizes_of(asked), facts()
    rows: list[Row] = []
    for name in asked.names or SECTIONS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += run(name, sizes)
    print("\n".join(table_of(rows)))
    if asked.json:
        append(asked.json, record(rows, sizes, host))
    wrong = broken(rows) if asked.check else []
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
