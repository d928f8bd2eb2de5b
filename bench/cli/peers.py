"""``nrf91-bench peers``: echo peers by hand."""

import asyncio
import json
import re
from typing import Annotated, Any

import typer

from bench.errors import LabError, UsageError
from bench.peers.service import serve_alone


def peers(
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    ports: Annotated[str | None, typer.Option(metavar="FIRST-LAST", help="Use only these ports.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a peer.")] = False,
) -> None:
    """Run a TCP and a UDP echo peer until SIGINT or SIGTERM."""

    def show(peer: dict[str, Any]) -> None:
        typer.echo(json.dumps(peer) if as_json else f"{peer['peer']:10} {peer['host']} port {peer['port']}")

    try:
        asyncio.run(serve_alone(bind, None if ports is None else _range(ports), show))
    except OSError as error:
        raise LabError(f"{error}; choose another --bind or --ports") from error


def _range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 0 < int(match[1]) <= int(match[2]) < 65536:
        raise UsageError(f"--ports {text}: write FIRST-LAST, such as 20000-20010")
    return int(match[1]), int(match[2])
