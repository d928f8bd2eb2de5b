"""``nrf91-bench simulate``: boards without hardware."""

import ipaddress
import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.errors import UsageError
from bench.simulator import (
    BAUDRATES,
    CA,
    CERTIFICATE,
    FIRMWARES,
    KEY,
    MODELS,
    PSK,
    PSK_IDENTITY,
    REALISTIC,
    REALISTIC_SEARCH,
    TERMINATORS,
    AccessPoint,
    Behaviour,
    Carrier,
    Cell,
    Direction,
    Settings,
    SimKind,
    SimulatedRegistration,
    VisitedNetwork,
    capabilities_of,
    run,
)
from bench.suggestion import unknown

_CELL_HELP = (
    "The cell: setup, inactivity, release (ms), grant (probability), longer, as_rai, cp_rai, number; several in turn."
)
_CARRIER_HELP = "The operator: ipv6, inbound (0 or 1), nat (s), mtu (bytes of a datagram), blocked (a port of peers)."
_PATH_HELP = "The way to the peers: delay, jitter (ms), loss, reorder (probabilities), rate (bit/s), queue (bytes)."
_BOARDS, _NETWORK, _TROUBLE = "Boards", "Network", "Trouble of boards and SIMs"
_SECRETS, _CONTROL = "Credentials", "Rack, control and journal"


def simulate(
    context: typer.Context,
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="How many boards; default 1, or one a --model or --firmware.", rich_help_panel=_BOARDS
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.models,
            help="nrf9151dk (default), nrf9161dk, nrf9160dk, thingy91 or thingy91x; several in turn.",
            rich_help_panel=_BOARDS,
        ),
    ] = None,
    firmware: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.firmwares,
            help=f"{', '.join(FIRMWARES)}; default slm-3.1; several in turn.",
            rich_help_panel=_BOARDS,
        ),
    ] = None,
    terminator: Annotated[
        str | None,
        typer.Option(
            metavar="crlf|cr|lf",
            help="What ends a command in this build: crlf, cr or lf; default the firmware's.",
            rich_help_panel=_BOARDS,
        ),
    ] = None,
    data_mode_urc: Annotated[
        bool,
        typer.Option("--data-mode-urc", help="A build that reports each flush of data mode.", rich_help_panel=_BOARDS),
    ] = False,
    link: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Symbolic link to make to the board's port.", rich_help_panel=_BOARDS),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=IP[,IP...]", help="A name that resolves.", rich_help_panel=_NETWORK),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="IP", help="The board's IPv4 address; default one of 127.0.0.0/8.", rich_help_panel=_NETWORK
        ),
    ] = None,
    register_after: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.0,
            help="Seconds in each network until it answers; default 0.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    deny: Annotated[
        int | None,
        typer.Option(
            metavar="CAUSE", min=0, max=255, help="Refuse registration with this EMM cause.", rich_help_panel=_NETWORK
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLMN[:CAUSE]",
            help="A network to try, in this order; an EMM cause refuses (18 admits).",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    realistic: Annotated[
        bool,
        typer.Option(
            "--realistic",
            help="Like recorded boards: slow start, radio off, each attach step reported.",
            rich_help_panel=_BOARDS,
        ),
    ] = False,
    radio_off: Annotated[
        bool, typer.Option("--radio-off", help="A build that leaves the radio off.", rich_help_panel=_TROUBLE)
    ] = False,
    sim: Annotated[SimKind, typer.Option(help="The SIM, beside its --pin.", rich_help_panel=_TROUBLE)] = SimKind.READY,
    sim_boot: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.0, help="Seconds until the SIM answers.", rich_help_panel=_TROUBLE),
    ] = None,
    brown_out: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.0,
            help="The supply gives way this many seconds into each attach.",
            rich_help_panel=_TROUBLE,
        ),
    ] = None,
    dead_core: Annotated[
        bool, typer.Option("--dead-core", help="A modem core that refuses every command.", rich_help_panel=_TROUBLE)
    ] = False,
    noise: Annotated[
        bool, typer.Option("--noise", help="Half a line and rubbish before each restart.", rich_help_panel=_TROUBLE)
    ] = False,
    pin: Annotated[
        str, typer.Option(metavar="PIN", help="The PIN that the SIM wants, of 4 to 8 digits.", rich_help_panel=_TROUBLE)
    ] = "",
    apn: Annotated[
        str,
        typer.Option(
            metavar="NAME[:USER:PASSWORD]",
            help="The only access point that the network knows.",
            rich_help_panel=_NETWORK,
        ),
    ] = "",
    reset_loop: Annotated[
        bool,
        typer.Option(
            "--reset-loop", help="A modem that was reset too often and does not attach.", rich_help_panel=_TROUBLE
        ),
    ] = False,
    psk: Annotated[
        list[str] | None, typer.Option(metavar="TAG:IDENTITY:HEX", help="A pre-shared key.", rich_help_panel=_SECRETS)
    ] = None,
    ca: Annotated[
        list[str] | None, typer.Option(metavar="TAG:FILE", help="Trusted certificates, PEM.", rich_help_panel=_SECRETS)
    ] = None,
    cert: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG:FILE", help="The board's certificate, PEM.", rich_help_panel=_SECRETS),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(metavar="TAG:FILE", help="Its private key, PEM.", rich_help_panel=_SECRETS)
    ] = None,
    modem_firmware: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Such as mfw_nrf9160_1.3.4; default the model's.", rich_help_panel=_BOARDS),
    ] = None,
    key_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the secrets of TLS for Wireshark to this file.", rich_help_panel=_SECRETS
        ),
    ] = None,
    uplink: Annotated[
        str | None, typer.Option(metavar="NAME=NUMBER,...", help=_PATH_HELP, rich_help_panel=_NETWORK)
    ] = None,
    downlink: Annotated[
        str | None, typer.Option(metavar="NAME=NUMBER,...", help="The other way.", rich_help_panel=_NETWORK)
    ] = None,
    carrier: Annotated[
        str | None, typer.Option(metavar="NAME=NUMBER,...", help=_CARRIER_HELP, rich_help_panel=_NETWORK)
    ] = None,
    cell: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER,...", help=_CELL_HELP, rich_help_panel=_NETWORK),
    ] = None,
    cell_seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, max=86400.0, help="In each of several.", rich_help_panel=_NETWORK),
    ] = 30.0,
    baudrate: Annotated[
        int,
        typer.Option(
            metavar="RATE",
            help="Pace the UART so, and garble what a host of another rate sends; 0 is unpaced.",
            rich_help_panel=_BOARDS,
        ),
    ] = 0,
    log: Annotated[
        bool, typer.Option("--log", help="A second port a board, with the firmware's log.", rich_help_panel=_BOARDS)
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Makes loss, order and jitter repeatable.", rich_help_panel=_BOARDS)
    ] = 0,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File for the ground truth, JSON lines.", rich_help_panel=_CONTROL),
    ] = None,
    rack: Annotated[
        bool,
        typer.Option(
            "--rack", help="Show the boards on USB, in genuine udev, to what runs inside.", rich_help_panel=_CONTROL
        ),
    ] = False,
    no_database: Annotated[
        bool, typer.Option("--no-database", help="A rack where no udevd has run.", rich_help_panel=_CONTROL)
    ] = False,
    first_serial: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=90_000, help="Of a rack's serial numbers; default 1.", rich_help_panel=_CONTROL
        ),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Socket that takes coverage away and gives it back; of a rack, also plugs and unplugs.",
            rich_help_panel=_CONTROL,
        ),
    ] = None,
) -> None:
    """Simulate boards on pseudo-terminals until SIGINT or SIGTERM; prints one JSON line a board.

    With --rack, a command behind -- runs where the boards are attached by USB, and its exit code is ours.
    """
    models = tuple(_known("--model", name, MODELS) for name in model or ("nrf9151dk",))
    firmwares = tuple(_known("--firmware", name, FIRMWARES) for name in firmware or ("slm-3.1",))
    boards = max(len(models), len(firmwares)) if count is None else _count(count)
    usual = REALISTIC if realistic else Behaviour()
    _check_rack(rack=rack, database=not no_database, linked=link is not None, command=context.args)
    if first_serial is not None and not rack:
        raise UsageError("--first-serial needs --rack: only there the boards have USB serial numbers")
    code = run(
        Settings(
            count=boards,
            models=models,
            firmwares=firmwares,
            terminator=None if terminator is None else _known("--terminator", terminator, TERMINATORS),
            data_mode_urc=data_mode_urc,
            link=_link(link, boards),
            address=None if address is None else _address(address, "--address"),
            hosts=dict(_host(entry) for entry in host or ()),
            registration=SimulatedRegistration(
                delay=register_after if register_after is not None else REALISTIC_SEARCH * realistic,
                networks=_networks(network or [], deny),
                pin=_pin(pin),
                reset_loop=reset_loop,
                access_point=_access_point(apn),
            ),
            behaviour=replace(
                usual,
                radio_on=usual.radio_on and not radio_off,
                sim=sim,
                sim_boot=usual.sim_boot if sim_boot is None else sim_boot,
                brown_out=brown_out,
                dead_core=dead_core,
                noise=noise,
            ),
            uplink=_direction("--uplink", uplink),
            downlink=_direction("--downlink", downlink),
            carrier=Carrier.parse(carrier) if carrier else Carrier(),
            cells=tuple(_cell(text) for text in cell) if cell else (Cell(),),
            cell_seconds=cell_seconds,
            baudrate=_baudrate(baudrate),
            log=log,
            seed=seed,
            journal=_writable("--journal", journal),
            modem_firmware=_modem_firmware(modem_firmware),
            credentials=_credentials(psk or [], ca or [], cert or [], key or []),
            key_log=_writable("--key-log", key_log),
            rack=rack,
            database=not no_database,
            first_serial=first_serial or 1,
            control=control,
            command=tuple(context.args),
        )
    )
    raise typer.Exit(code)


def _known(option: str, value: str, available: Collection[str]) -> str:
    if value not in available:
        raise UsageError(unknown(option, value, available))
    return value


def _count(count: int) -> int:
    if count < 1:
        raise UsageError(f"--count {count}: at least one board is needed")
    return count


def _baudrate(baudrate: int) -> int:
    if baudrate and baudrate not in BAUDRATES:
        rates = ", ".join(map(str, BAUDRATES))
        raise UsageError(f"--baudrate {baudrate} is not a rate of a UART; available: {rates}")
    return baudrate


def _modem_firmware(name: str | None) -> str | None:
    if name is not None:
        try:
            capabilities_of(name)
        except UsageError as error:
            raise UsageError(f"--modem-firmware: {error}") from None
    return name


def _writable(option: str, path: Path | None) -> Path | None:
    """Return the path of a file that can be appended to; an empty one is made."""
    if path is not None:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        except OSError as error:
            raise UsageError(f"{option} {path}: {error.strerror}") from error
    return path


def _check_rack(*, rack: bool, database: bool, linked: bool, command: list[str]) -> None:
    """Refuse what only a rack can do, or what a rack cannot do."""
    if not rack and not database:
        raise UsageError("--no-database needs --rack")
    if not rack and command:
        raise UsageError("a command needs --rack")
    if rack and linked:
        raise UsageError("--link cannot be used with --rack, whose ports are /dev/ttyACM0 and so on")


def _link(link: Path | None, boards: int) -> Path | None:
    if link is None:
        return None
    if not link.parent.is_dir():
        raise UsageError(f"--link {link}: there is no folder {link.parent}")
    if boards > 1:
        raise UsageError("--link names one port; with --count leave it out and read the ports from the output")
    if link.exists() and not link.is_symlink():
        raise UsageError(f"--link {link} exists and is not a symbolic link; it will not be overwritten")
    return link


def _credentials(psk: list[str], ca: list[str], cert: list[str], key: list[str]) -> tuple[tuple[int, int, bytes], ...]:
    rows = []
    for text in psk:
        match = re.fullmatch(r"(\d{1,10}):(.+):((?:[0-9A-Fa-f]{2}){1,32})", text)
        if match is None:
            raise UsageError("--psk: write TAG:IDENTITY:HEX, such as 42:nrf91:0123456789abcdef")
        rows += [(int(match[1]), PSK_IDENTITY, match[2].encode()), (int(match[1]), PSK, match[3].encode())]
    for option, kind, texts in (("--ca", CA, ca), ("--cert", CERTIFICATE, cert), ("--key", KEY, key)):
        rows += [_file_of_tag(option, kind, text) for text in texts]
    return tuple(rows)


def _file_of_tag(option: str, kind: int, text: str) -> tuple[int, int, bytes]:
    tag, colon, name = text.partition(":")
    if not colon or not tag.isdigit():
        raise UsageError(f"{option} {text}: write TAG:FILE, such as 42:server.pem")
    try:
        return int(tag), kind, Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{option}: cannot read {name}: {error.strerror}") from error


def _pin(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]{4,8}", text):
        raise UsageError("--pin: write 4 to 8 digits")
    return text


def _networks(texts: list[str], deny: int | None) -> tuple[VisitedNetwork, ...]:
    if texts and deny is not None:
        raise UsageError("--deny is for the only network: with --network write PLMN:CAUSE")
    try:
        return tuple(map(VisitedNetwork.parse, texts)) or (VisitedNetwork(cause=deny),)
    except UsageError as error:
        raise UsageError(f"--network {error}") from None


def _access_point(text: str) -> AccessPoint:
    name, colon, secret = text.partition(":")
    user, both, password = secret.partition(":")
    if colon and not (name and user and both):
        raise UsageError("--apn: write NAME, or NAME:USER:PASSWORD")
    return AccessPoint(name, user, password)


def _cell(text: str) -> Cell:
    try:
        return Cell.parse(text)
    except UsageError as error:
        raise UsageError(f"--cell: {error}") from None


def _direction(option: str, text: str | None) -> Direction:
    try:
        return Direction() if text is None else Direction.parse(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def _host(entry: str) -> tuple[str, tuple[str, ...]]:
    name, equals, addresses = entry.partition("=")
    if not name or not equals:
        raise UsageError(f"--host {entry}: write NAME=IP, or NAME=IP,IP for several addresses")
    return name, tuple(_address(address, f"--host {entry}") for address in addresses.split(","))


def _address(text: str, option: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not an IP address") from None
