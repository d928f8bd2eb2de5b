"""The boards that are known: those of the inventory, and those that are attached."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from bench.at import is_pty, pty_made_ns
from bench.at.transport import transport_for
from bench.boards.catalog import Catalog, Model
from bench.boards.discovery import UNKNOWN, AttachedBoard, attached_boards, plain_serial
from bench.boards.spec import AT, BoardSpec
from bench.config.lab import BoardEntry, Config
from bench.errors import LabError, UsageError
from bench.suggestion import unknown

_SPEAKING = ("log", "trace")
_BoardKey = tuple[str, str]
"""USB serial number and place."""


def named_port(port: str, rank: int, config: Config) -> BoardSpec:
    """Return the board at a port that the user named; the inventory's entry for that port, or that board, counts.

    Raises:
        UsageError: there is no such port, or its name is not one of a port.
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
            return _configure(entry, port, None, Catalog())
    made = pty_made_ns(port) if _real(port) == port else 0  # a link may lead to a new one
    return BoardSpec(slot=f"board-{rank}", port=port, pty_made_ns=made, hardware=_is_hardware(port, claimed=False))


def known_boards(config: Config, attached: Sequence[AttachedBoard] | None = None) -> list[BoardSpec]:
    """Return every board of the inventory, attached or not, and every attached one of a known model.

    Raises:
        UsageError: two entries of the inventory are one board, or name an unknown model.
        LabError: an entry of the inventory matches two attached boards, or its AT port is not known.
    """
    catalog = Catalog(config.models)
    attached = attached_boards(catalog) if attached is None else attached
    taken: set[_BoardKey] = set()
    found = _Attached(attached)
    known = [_of_inventory(entry, found, catalog, taken) for entry in config.boards]
    return known + _not_in_inventory(attached, catalog, taken)


def aux_ports(board: AttachedBoard, port: str) -> dict[str, str]:
    """Return the ports of a board that may send by themselves: those called log or trace, but not the one in use."""
    used = _real(port)
    return {name: node for name, node in board.ports.items() if name in _SPEAKING and _real(node) != used}


class _Attached:
    """The attached boards by what an entry of the inventory may name: a large lab has hundreds of both."""

    def __init__(self, boards: Sequence[AttachedBoard]) -> None:
        self._by_port: dict[str, AttachedBoard] = {}
        self._by_serial: dict[str, list[AttachedBoard]] = {}
        self._by_place: dict[str, list[AttachedBoard]] = {}
        for board in boards:
            for node in board.ports.values():
                self._by_port.setdefault(node, board)
            self._by_serial.setdefault(plain_serial(board.serial), []).append(board)
            self._by_place.setdefault(board.place, []).append(board)

    def find(self, entry: BoardEntry) -> AttachedBoard | None:
        """Return the board of an entry; None where it is not attached.

        Raises:
            LabError: two boards fit.
        """
        if entry.port is not None:
            return self._by_port.get(_real(entry.port))
        if entry.serial is not None:
            serial = plain_serial(entry.serial)
            found = self._by_serial.get(serial, []) if serial else []
        else:
            found = self._by_place.get(entry.place or "", [])
        if len(found) > 1:
            places = " and ".join(board.place for board in found)
            raise LabError(
                f"board {entry.name}: two attached devices have the serial number {entry.serial}, at {places}; name the"
                " one that is meant by `place` in bench.toml"
            )
        return found[0] if found else None


def _of_inventory(entry: BoardEntry, attached: _Attached, catalog: Catalog, taken: set[_BoardKey]) -> BoardSpec:
    board = attached.find(entry)
    if board is not None:
        if (board.serial, board.place) in taken:
            raise UsageError(f"board {entry.name} is in the inventory twice: it is attached at {board.place}")
        taken.add((board.serial, board.place))
    return _configure(entry, entry.port or _at_port(entry, board), board, catalog)


def _not_in_inventory(attached: Sequence[AttachedBoard], catalog: Catalog, taken: set[_BoardKey]) -> list[BoardSpec]:
    found: list[BoardSpec] = []
    ranks: dict[str, int] = {}
    for board in attached:
        model = catalog.named(board.model)
        if model is None or (board.serial, board.place) in taken or AT not in board.ports:
            continue
        rank = ranks[board.model] = ranks.get(board.model, 0) + 1
        found.append(_of_model(board, model, rank))
    return found


def _of_model(board: AttachedBoard, model: Model, rank: int) -> BoardSpec:
    port = board.ports[AT]
    return BoardSpec(
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


def _is_path(port: str) -> bool:
    return not port.startswith(("tcp://", "replay:"))


def _real(port: str) -> str:
    """Return a port's own name behind its symbolic links."""
    return str(Path(port).resolve()) if _is_path(port) else port


def _at_port(entry: BoardEntry, board: AttachedBoard | None) -> str:
    if board is None:
        return ""
    if AT not in board.ports:
        raise LabError(
            f"board {entry.name} is an {board.model} device whose AT port is not known; give `port` instead of"
            " `serial` in bench.toml, or describe its kind in [[models]]"
        )
    return board.ports[AT]


def _configure(entry: BoardEntry, port: str, board: AttachedBoard | None, catalog: Catalog) -> BoardSpec:
    name, model = _model_of(entry, board, catalog)
    baudrate, flow_control, dtr = _line_settings(entry, model)
    return BoardSpec(
        slot=entry.name,
        port=port,
        port_name=_port_name(board, port),
        model=name,
        serial=board.serial if board else entry.serial or "",
        place=board.place if board else entry.place or "",
        baudrate=baudrate,
        flow_control=flow_control,
        dtr=dtr,
        hardware=_is_hardware(port, claimed=entry.hardware),
        labels=entry.labels,
        sec_tags=entry.sec_tags,
        pin=entry.pin,
        control_board=entry.control_board,
        aux_ports=aux_ports(board, port) if board else {},
        access_point=entry.access_point,
        meter=entry.meter,
        image=str(entry.image or ""),
        modem_image=str(entry.modem_image or ""),
        programmer=entry.programmer or "",
        programmer_id=entry.programmer_id,
        peers=entry.peers,
    )


def _model_of(entry: BoardEntry, board: AttachedBoard | None, catalog: Catalog) -> tuple[str, Model | None]:
    """Return the name of a board's model, and the model if it is known.

    Raises:
        UsageError: the entry names an unknown model, or another one than the board's USB identity shows.
    """
    name = entry.model or (board.model if board else UNKNOWN)
    model = catalog.named(name)
    if entry.model is not None and model is None:
        names = [known.name for known in catalog.models]
        raise UsageError(f"board {entry.name}: {unknown('model', entry.model, names)}")
    if board is not None and UNKNOWN not in (board.model, name) and board.model != name:
        raise UsageError(
            f"board {entry.name}: bench.toml says model = {entry.model!r}, its USB identity is that of {board.model}"
        )
    return name, model


def _line_settings(entry: BoardEntry, model: Model | None) -> tuple[int, bool, bool]:
    """Return baud rate, flow control and DTR: of the entry where it gives them, else of the model."""
    own = entry.model_fields_set
    return (
        entry.baudrate if model is None or "baudrate" in own else model.baudrate,
        entry.flow_control if model is None or "flow_control" in own else model.flow_control,
        entry.dtr if model is None or "dtr" in own else model.dtr,
    )


def _port_name(board: AttachedBoard | None, port: str) -> str:
    names = {node: name for name, node in board.ports.items()} if board and port else {}
    return names.get(_real(port), AT) if port else AT


def _is_hardware(port: str, *, claimed: bool) -> bool:
    """Return True for a tty that is not a pty, and for a TCP port that the configuration calls hardware."""
    if port.startswith("replay:"):
        return False
    if port.startswith("tcp://"):
        return claimed
    return not is_pty(port)
