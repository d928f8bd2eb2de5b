"""The lab's configuration as the command line finds it."""

from pathlib import Path
from typing import Annotated

import typer

from bench.boards import Board, BoardSpec
from bench.config.lab import load
from bench.errors import BenchError
from bench.modem import Identity
from bench.privacy import Concealer, lab_key


def default_config() -> Path | None:
    """``bench.toml`` in the working folder, where there is one."""
    here = Path("bench.toml")
    return here if here.is_file() else None


def asked(spec: BoardSpec) -> Identity:
    """A board's own answers: opens its port for a moment.

    Raises:
        LabError: it is in use, cannot be opened, or does not answer.
    """
    with Board(spec, Concealer(lab_key()), job="nrf91-bench asks who it is") as board:
        return board.identity


def firmware_of(spec: BoardSpec) -> str:
    """What ``--board firmware=...`` compares with; nothing for a board that does not answer."""
    try:
        identity = asked(spec)
    except BenchError:
        return ""
    return f"{identity.modem_firmware} SLM {identity.slm_version}"


HistoryFile = Annotated[
    Path | None,
    typer.Option("--history", metavar="FILE", envvar="NRF91_BENCH_HISTORY", help="Default: as bench.toml says."),
]


def history_path(wanted: Path | None) -> Path:
    """The history file: as named, or as the lab's configuration says."""
    return wanted or load(default_config()).history
