"""The settings of a simulator. The command line checks the values; nothing is opened here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.simulator.behaviour import Behaviour
from bench.simulator.carrier import Carrier
from bench.simulator.path import Direction
from bench.simulator.radio import Cell
from bench.simulator.registration import SimulatedRegistration

TERMINATORS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}
"""The ends of a command, by name."""


@dataclass(frozen=True)
class Settings:
    """The boards of a simulator, and the network around them.

    Attributes:
        count: how many boards there are.
        models: their kinds, in turn.
        firmwares: their firmwares, names of the table in :mod:`bench.simulator.dialects`, in turn.
        terminator: the end of a command, a name of TERMINATORS; None is the firmware's own.
        data_mode_urc: whether the build reports each flush of data mode.
        link: symbolic link to the port of the only board.
        address: the board's own IPv4 address; None gives each one of its own.
        hosts: the addresses of names that resolve.
        registration: how the network treats the boards.
        behaviour: how the boards take their time, and what is wrong with them.
        uplink: the way to the peers.
        downlink: the way back.
        carrier: the operator.
        cells: cells that a board visits in turn.
        cell_seconds: how long it stays in each.
        baudrate: rate of the UART; 0 is not paced.
        log: whether each board has a second port with the firmware's log.
        seed: makes loss, order and jitter repeatable.
        journal: file for the ground truth.
        modem_firmware: version of the modem firmware; None is the model's.
        credentials: (tag, type, content) of each credential that is provisioned.
        key_log: file for the secrets of handshakes.
        rack: whether the boards are shown on USB.
        database: whether the rack has udev's database.
        first_serial: number in the USB serial number of the rack's first board; the others follow it.
        control: path of the control socket.
        command: what runs inside the rack.
    """

    count: int = 1
    models: tuple[str, ...] = ("nrf9151dk",)
    firmwares: tuple[str, ...] = ("slm-3.1",)
    terminator: str | None = None
    data_mode_urc: bool = False
    link: Path | None = None
    address: str | None = None
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    registration: SimulatedRegistration = field(default_factory=SimulatedRegistration)
    behaviour: Behaviour = field(default_factory=Behaviour)
    uplink: Direction = field(default_factory=Direction)
    downlink: Direction = field(default_factory=Direction)
    carrier: Carrier = field(default_factory=Carrier)
    cells: tuple[Cell, ...] = (Cell(),)
    cell_seconds: float = 30.0
    baudrate: int = 0
    log: bool = False
    seed: int = 0
    journal: Path | None = None
    modem_firmware: str | None = None
    credentials: tuple[tuple[int, int, bytes], ...] = ()
    key_log: Path | None = None
    rack: bool = False
    database: bool = True
    first_serial: int = 1
    control: Path | None = None
    command: tuple[str, ...] = ()
