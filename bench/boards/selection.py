"""Which boards a run uses: from ``--port``, ``--board``, the inventory and what is attached."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.at import is_pty, pty_made_ns
from bench.at.transport import transport_for
from bench.boards.catalog import Catalog
from bench.boards.discovery import UNKNOWN, AttachedBoard, attached_boards, same_serial
from bench.boards.lease import key_of
from bench.config.lab import BoardEntry, Config, PeersConfig
from bench.errors import LabError, UsageError

ALL = "all"
AT = "at"
_SPEAKING = ("log", "trace")


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """What it takes to open a board.

    Attributes:
        slot: the board's place in the run: its name in the inventory, or its type and rank.
        port: a path, ``tcp://HOST:PORT`` or ``replay:FILE``; empty when the board is not attached.
        model: a name of the catalog, or "unknown".
        serial: USB serial number; empty when there is none, or the port was named directly.
        place: USB path; likewise.
        port_name: what the attached board calls that port.
        pty_made_ns: when the pty at that port was made (its inode's change time), 0 for what is none: as soon as a
            simulated board ends, the next pty of the host gets its number.
        hardware: whether real hardware answers there.
        labels: of the inventory.
        sec_tags: first and last security tag that the bench may use on it; None is the lab's.
        peers: how its network reaches the peers (address, address6, name), where that is not the lab's way.
        pin: where its SIM's PIN is kept, ``file:PATH`` or ``env:NAME``; empty for a SIM without one.
        aux_ports: its further ports, log and trace, by name.
        control_board: whether it tells if the network is good, and is tested only where it is named.
        access_point: apn, type, user, password (where it is kept), method; empty for the board's own settings.
        meter: port of the power meter that feeds it; empty for none.
        control: of a simulated board, the socket by which its surroundings are changed; empty for real ones.
    """

    slot: str
    port: str
    model: str = UNKNOWN
    serial: str = ""
    place: str = ""
    port_name: str = AT
    pty_made_ns: int = 0
    baudrate: int = 115200
    flow_control: bool = False
    dtr: bool = True
    hardware: bool = True
    labels: tuple[str, ...] = ()
    sec_tags: tuple[int, int] | None = None
    peers: Mapping[str, str] = field(default_factory=dict)
    pin: str = ""
    aux_ports: Mapping[str, str] = field(default_factory=dict)
    control_board: bool = False
    access_point: Mapping[str, str] = field(default_factory=dict)
    meter: str = ""
    control: str = ""

    @property
    def key(self) -> str:
        """What the board is leased by."""
        return key_of(self.serial, self.port or f"usb://{self.place}")

    @property
    def sought(self) -> str:
        """By what a board is looked for, in words."""
        return f"serial {self.serial}" if self.serial else f"place {self.place}"

    def attached_by(self, config: Config) -> "BoardSpec":
        """The same with the lab's access point, where the board names none of its own."""
        point = config.network.access_point
        return self if self.access_point or point is None else replace(self, access_point=point.model_dump())

    def peers_of(self, config: Config) -> PeersConfig:
        """How this board's network reaches the lab's peers."""
        return PeersConfig.model_validate({**config.peers.model_dump(), **self.peers})

    def to_json(self) -> str:
        """For the process that runs this board's tests."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "BoardSpec":
        """The spec that :meth:`to_json` wrote."""
        row = json.loads(text)
        tags = row["sec_tags"]
        return cls(**{**row, "labels": tuple(row["labels"]), "sec_tags": tuple(tags) if tags else None})


FirmwareOf = Callable[[BoardSpec], str]
"""Asks a board for its firmware."""


def named_port(port: str, rank: int, config: Config) -> BoardSpec:
    """A board at a port that the user named; the inventory's entry for that port, or that board, counts.

    Raises:
        UsageError: there is no such port, or its name is none.
    """
    transport_for(port)  # opens nothing, refuses an address that is none
    if _is_path(port) and not Path(port).exists():
        raise UsageError(f"there is no port {port}; `nrf91-bench boards` lists what is attached")
    with contextlib.suppress(LabError):  # without libudev a port is still a port
        for spec in known_boards(config):
            if spec.port and _real(spec.port) == _real(port):
                return spec
    for entry in config.boards:
        if entry.port == port:
            return _configured(entry, port)
    made = pty_made_ns(port) if _real(port) == port else 0  # a link may lead to a new one
    return BoardSpec(slot=f"board-{rank}", port=port, pty_made_ns=made, hardware=_is_hardware(port, claimed=False))


def select(
    config: Config, selectors: Sequence[str], ports: Sequence[str], firmware_of: FirmwareOf | None = None
) -> list[BoardSpec]:
    """The boards that the user asked for; with neither selector nor port all that are in the inventory or attached.

    A selector is a board's name, model, serial number, USB place or label, ``all``, or says which it means:
    ``name=``, ``model=``, ``serial=``, ``place=``, ``label=``, ``firmware=`` (the board is asked). What is chosen but
    not attached has no port.

    Raises:
        UsageError: a selector fits nothing, or one board was chosen twice.
        LabError: what is attached cannot be told.
    """
    chosen = [named_port(port, rank, config) for rank, port in enumerate(ports, 1)]
    if selectors or not ports:
        available = known_boards(config)
        for selector in selectors or [ALL]:
            fitting = [spec for spec in available if fits(selector, spec, firmware_of)]
            if selector == ALL:
                fitting = [spec for spec in fitting if not spec.control_board]
            if not fitting and selector != ALL:
                names = ", ".join(spec.slot for spec in available) or "none"
                raise UsageError(f"no board is {selector}; known boards: {names} (`nrf91-bench boards` shows them)")
            chosen += [spec for spec in fitting if spec not in chosen]
    slots = [spec.slot for spec in chosen]
    twice = {spec.port for spec in chosen if spec.port and sum(other.port == spec.port for other in chosen) > 1}
    doubles = {spec.serial for spec in chosen if spec.serial and sum(o.key == spec.key for o in chosen) > 1}
    if doubles and not twice:
        raise UsageError(
            f"two attached devices have the serial number {', '.join(sorted(doubles))}: choose by USB place"
            " (`nrf91-bench boards` shows it)"
        )
    if twice or len(set(slots)) != len(slots):
        raise UsageError(f"one board was chosen twice: {', '.join(sorted(twice)) or ', '.join(sorted(slots))}")
    return chosen


def known_boards(config: Config, attached: Sequence[AttachedBoard] | None = None) -> list[BoardSpec]:
    """Every board of the inventory, attached or not, and every attached one of a known model.

    Raises:
        UsageError: two entries of the inventory are one board, or name a model that is none.
        LabError: an entry of the inventory fits two attached boards, or its AT port is not known.
    """
    catalog = Catalog(config.models)
    attached = attached_boards(catalog) if attached is None else attached
    known: list[BoardSpec] = []
    taken: set[tuple[str, str]] = set()
    for entry in config.boards:
        board = _attached(entry, attached)
        if board is not None:
            if (board.serial, board.place) in taken:
                raise UsageError(f"board {entry.name} is in the inventory twice: it is attached at {board.place}")
            taken.add((board.serial, board.place))
        known.append(_configured(entry, entry.port or _at_port(entry, board), board, catalog))
    ranks: dict[str, int] = {}
    for board in attached:
        model = catalog.named(board.model)
        if model is None or (board.serial, board.place) in taken or AT not in board.ports:
            continue
        rank = ranks[board.model] = ranks.get(board.model, 0) + 1
        port = board.ports[AT]
        known.append(
            BoardSpec(
                slot=f"{board.model}-{rank}",
                port=port,
                model=board.model,
                serial=board.serial,
                place=board.place,
                baudrate=model.baudrate,
                flow_control=model.flow_control,
                dtr=model.dtr,
                hardware=not is_pty(port),
                aux_ports=aux_ports(board, port),
            )
        )
    return known


def aux_ports(board: AttachedBoard, port: str) -> dict[str, str]:
    """The ports of a board that may speak without being asked: those called log or trace, but for the one in use."""
    return {name: node for name, node in board.ports.items() if name in _SPEAKING and _real(node) != _real(port)}


def _is_path(port: str) -> bool:
    return not port.startswith(("tcp://", "replay:"))


def _real(port: str) -> str:
    """A port's own name behind its symbolic links."""
    return str(Path(port).resolve()) if _is_path(port) else port


def _attached(entry: BoardEntry, attached: Sequence[AttachedBoard]) -> AttachedBoard | None:
    if entry.port is not None:
        return next((board for board in attached if _real(entry.port) in board.ports.values()), None)
    if entry.serial is not None:
        found = [board for board in attached if same_serial(board.serial, entry.serial)]
    else:
        found = [board for board in attached if board.place == entry.place]
    if len(found) > 1:
        places = " and ".join(board.place for board in found)
        raise LabError(
            f"board {entry.name}: two attached devices have the serial number {entry.serial}, at {places}; name the"
            " one that is meant by `place` in bench.toml"
        )
    return found[0] if found else None


def _at_port(entry: BoardEntry, board: AttachedBoard | None) -> str:
    if board is None:
        return ""
    if AT not in board.ports:
        raise LabError(
            f"board {entry.name} is an {board.model} device whose AT port is not known; give `port` instead of"
            " `serial` in bench.toml, or describe its kind in [[models]]"
        )
    return board.ports[AT]


def _configured(
    entry: BoardEntry, port: str, board: AttachedBoard | None = None, catalog: Catalog | None = None
) -> BoardSpec:
    model = entry.model or (board.model if board else UNKNOWN)
    kind = (catalog or Catalog()).named(model)
    if entry.model is not None and kind is None:
        names = ", ".join(known.name for known in (catalog or Catalog()).models)
        raise UsageError(f"board {entry.name}: no model is called {entry.model}; there are {names}")
    if board is not None and UNKNOWN not in (board.model, model) and board.model != model:
        raise UsageError(
            f"board {entry.name}: bench.toml says model = {entry.model!r}, its USB identity is that of {board.model}"
        )
    chosen = entry.model_fields_set
    port_names = {node: name for name, node in board.ports.items()} if board else {}
    return BoardSpec(
        slot=entry.name,
        port=port,
        port_name=port_names.get(_real(port), AT) if port else AT,
        model=model,
        serial=board.serial if board else entry.serial or "",
        place=board.place if board else entry.place or "",
        baudrate=entry.baudrate if kind is None or "baudrate" in chosen else kind.baudrate,
        flow_control=entry.flow_control if kind is None or "flow_control" in chosen else kind.flow_control,
        dtr=entry.dtr if kind is None or "dtr" in chosen else kind.dtr,
        hardware=_is_hardware(port, claimed=entry.hardware),
        labels=entry.labels,
        sec_tags=entry.sec_tags,
        pin=entry.pin,
        control_board=entry.control_board,
        aux_ports=aux_ports(board, port) if board else {},
        access_point=entry.access_point.model_dump() if entry.access_point else {},
        meter=entry.meter,
        peers={name: str(value) for name, value in entry.peers.model_dump().items() if value is not None},
    )


def _is_hardware(port: str, *, claimed: bool) -> bool:
    """A tty that is no pty is hardware; a TCP port is when the configuration says so; nothing else ever is."""
    if port.startswith("replay:"):
        return False
    if port.startswith("tcp://"):
        return claimed
    return not is_pty(port)


def fits(selector: str, spec: BoardSpec, firmware_of: FirmwareOf | None) -> bool:
    """Whether a selector means a board: a name, model, serial number, place or label, or KIND=VALUE."""
    if selector == ALL:
        return True
    kind, equals, value = selector.partition("=")
    if not equals:
        named = selector in (spec.slot, spec.model, spec.place, *spec.labels)
        return named or same_serial(selector, spec.serial)
    if kind == "firmware":
        return firmware_of is not None and bool(spec.port) and value in firmware_of(spec)
    facts = {"name": (spec.slot,), "model": (spec.model,), "place": (spec.place,), "label": spec.labels}
    if kind == "serial":
        return same_serial(value, spec.serial)
    if kind not in facts:
        raise UsageError(f"--board {selector}: {kind} is none of name, model, serial, place, label, firmware")
    return value in facts[kind]
