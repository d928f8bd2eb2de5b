"""Which boards a run uses: from ``--port``, ``--board``, the configuration and what is attached."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.at import is_pty
from bench.at.transport import transport_for
from bench.boards.catalog import BY_NAME
from bench.boards.discovery import AttachedBoard, attached_boards, same_serial
from bench.config import BoardEntry, Config
from bench.errors import LabError, UsageError


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """What it takes to open a board.

    Attributes:
        slot: the board's place in the run: its name in the inventory, or its type and rank.
        port: a path, ``tcp://HOST:PORT`` or ``replay:FILE``.
        model: a name of the catalog, or "unknown".
        serial: USB serial number; empty when the port was named directly.
        hardware: whether real hardware answers there.
    """

    slot: str
    port: str
    model: str = "unknown"
    serial: str = ""
    baudrate: int = 115200
    flow_control: bool = False
    hardware: bool = True

    def to_json(self) -> str:
        """For the process that runs this board's tests."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "BoardSpec":
        """The spec that :meth:`to_json` wrote."""
        return cls(**json.loads(text))


def named_port(port: str, rank: int, config: Config) -> BoardSpec:
    """A board at a port that the user named; the configuration's entry for that port counts.

    Raises:
        UsageError: there is no such port, or its name is none.
    """
    transport_for(port)  # opens nothing, refuses an address that is none
    if not port.startswith(("tcp://", "replay:")) and not Path(port).exists():
        raise UsageError(f"there is no port {port}; `nrf91-bench boards` lists what is attached")
    for entry in config.boards:
        if entry.port == port:
            return _configured(entry, port)
    return BoardSpec(slot=f"board-{rank}", port=port, hardware=_is_hardware(port, claimed=False))


def select(config: Config, selectors: Sequence[str], ports: Sequence[str]) -> list[BoardSpec]:
    """The boards that the user asked for; with neither selector nor port all that are configured or attached.

    A selector is a board's name, model, serial number or USB place, or ``all``.

    Raises:
        UsageError: a selector fits nothing, or one board was chosen twice.
        LabError: a configured board is not attached.
    """
    chosen = [named_port(port, rank, config) for rank, port in enumerate(ports, 1)]
    if selectors or not ports:
        available = known_boards(config)
        for selector in selectors or ["all"]:
            fitting = [spec for spec, place in available if selector == "all" or _fits(selector, spec, place)]
            if not fitting and selector != "all":
                names = ", ".join(spec.slot for spec, _ in available) or "none"
                raise UsageError(f"no board is {selector}; known boards: {names} (`nrf91-bench boards` shows them)")
            chosen += [spec for spec in fitting if spec not in chosen]
    slots = [spec.slot for spec in chosen]
    twice = {spec.port for spec in chosen if sum(other.port == spec.port for other in chosen) > 1}
    if twice or len(set(slots)) != len(slots):
        raise UsageError(f"one board was chosen twice: {', '.join(sorted(twice)) or ', '.join(sorted(slots))}")
    return chosen


def known_boards(config: Config) -> list[tuple[BoardSpec, str]]:
    """Every configured board and every attached one of a known model, with its USB place."""
    attached = attached_boards()
    known: list[tuple[BoardSpec, str]] = []
    taken: set[str] = set()
    for entry in config.boards:
        if entry.port is not None:
            known.append((_configured(entry, entry.port), ""))
            continue
        board = _attached(entry, attached)
        taken.add(board.serial)
        port = board.ports.get("at")
        if port is None:
            raise LabError(
                f"board {entry.name} is an {board.model} device whose AT port is not known; give `port` instead of"
                " `serial` in bench.toml"
            )
        known.append((_configured(entry, port, board), board.place))
    ranks: dict[str, int] = {}
    for board in attached:
        model = BY_NAME.get(board.model)
        if model is None or board.serial in taken or "at" not in board.ports:
            continue
        rank = ranks[board.model] = ranks.get(board.model, 0) + 1
        known.append(
            (
                BoardSpec(
                    slot=f"{board.model}-{rank}",
                    port=board.ports["at"],
                    model=board.model,
                    serial=board.serial,
                    flow_control=model.flow_control,
                    hardware=not is_pty(board.ports["at"]),
                ),
                board.place,
            )
        )
    return known


def _attached(entry: BoardEntry, attached: Sequence[AttachedBoard]) -> AttachedBoard:
    assert entry.serial is not None  # the configuration demands a serial or a port
    for board in attached:
        if same_serial(board.serial, entry.serial):
            return board
    raise LabError(
        f"board {entry.name} (serial {entry.serial}) is not attached; plug it in, or leave it out of bench.toml"
    )


def _configured(entry: BoardEntry, port: str, board: AttachedBoard | None = None) -> BoardSpec:
    return BoardSpec(
        slot=entry.name,
        port=port,
        model=entry.model or (board.model if board else "unknown"),
        serial=board.serial if board else "",
        baudrate=entry.baudrate,
        flow_control=entry.flow_control,
        hardware=_is_hardware(port, claimed=entry.hardware),
    )


def _is_hardware(port: str, *, claimed: bool) -> bool:
    """A tty that is no pty is hardware; a TCP port is when the configuration says so; nothing else ever is."""
    if port.startswith("replay:"):
        return False
    if port.startswith("tcp://"):
        return claimed
    return not is_pty(port)


def _fits(selector: str, spec: BoardSpec, place: str) -> bool:
    return selector in (spec.slot, spec.model, place) or same_serial(selector, spec.serial)
