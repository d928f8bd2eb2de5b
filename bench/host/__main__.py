"""``python -m bench.host --stdio``: the program on a board's host, started by a lab's client through ssh."""

import argparse
import sys
from pathlib import Path

from bench.host.program import Program
from bench.host.workspace import Workspace
from bench.state import state_folder


def main() -> None:
    """Serve the client at standard input and output."""
    parser = argparse.ArgumentParser(prog="python -m bench.host", description=__doc__)
    parser.add_argument("--stdio", action="store_true", required=True, help="speak on standard input and output")
    parser.add_argument("--config", type=Path, metavar="FILE", help="this host's bench.toml; default: where it starts")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; default: the state folder")
    parser.add_argument("--keep-days", type=float, default=7.0, metavar="N", help="after they were collected")
    options = parser.parse_args()
    config = options.config or (Path("bench.toml") if Path("bench.toml").is_file() else None)
    runs = options.runs or state_folder() / "lab-runs"
    workspace = Workspace(runs.absolute(), options.keep_days)
    Program(sys.stdin.buffer, sys.stdout.buffer, workspace, config.absolute() if config else None).serve()


if __name__ == "__main__":
    main()
