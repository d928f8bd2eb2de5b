"""``nrf91-bench simulate``: boards without hardware."""

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UsageError
from bench.simulator import Registration, Settings, run


def simulate(
    count: Annotated[int, typer.Option(help="How many boards.")] = 1,
    model: Annotated[str, typer.Option(help="nrf9151dk, nrf9161dk, nrf9160dk, thingy91 or thingy91x.")] = "nrf9151dk",
    firmware: Annotated[str, typer.Option(help="slm-2.9, slm-3.1 or page.")] = "slm-3.1",
    terminator: Annotated[str, typer.Option(help="What ends a command in this build: crlf, cr or lf.")] = "crlf",
    data_mode_urc: Annotated[bool, typer.Option(help="A build that reports each flush of data mode.")] = False,
    link: Annotated[Path | None, typer.Option(help="Symbolic link to make to the board's port.")] = None,
    host: Annotated[list[str] | None, typer.Option(metavar="NAME=IP[,IP...]", help="A name that resolves.")] = None,
    address: Annotated[str | None, typer.Option(help="The board's IPv4 address; default one of 127.0.0.0/8.")] = None,
    register_after: Annotated[float, typer.Option(min=0.0, help="Seconds from CFUN=1 to registered.")] = 0.0,
    deny: Annotated[int | None, typer.Option(help="Refuse registration with this EMM cause.")] = None,
    journal: Annotated[Path | None, typer.Option(help="File for the ground truth, JSON lines.")] = None,
) -> None:
    """Simulate boards on pseudo-terminals until SIGINT or SIGTERM; prints one JSON line a board."""
    run(
        Settings(
            count=count,
            model=model,
            firmware=firmware,
            terminator=terminator,
            data_mode_urc=data_mode_urc,
            link=link,
            address=None if address is None else _address(address, "--address"),
            hosts=dict(_host(entry) for entry in host or ()),
            registration=Registration(register_after, deny),
            journal=journal,
        )
    )


def _host(entry: str) -> tuple[str, tuple[str, ...]]:
    name, equals, addresses = entry.partition("=")
    if not name or not equals:
        raise UsageError(f"--host {entry}: write NAME=IP, or NAME=IP,IP for several addresses")
    return name, tuple(_address(address, f"--host {entry}") for address in addresses.split(","))


def _address(text: str, option: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(f"{option}: {text!r} is no IP address") from None
