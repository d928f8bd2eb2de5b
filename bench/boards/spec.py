"""The facts that it takes to open a board."""

from collections.abc import Mapping
from dataclasses import field, replace

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from bench.boards.discovery import UNKNOWN
from bench.boards.lease import key_of
from bench.config.lab import AccessPointConfig, Config, PeersConfig, ReachedPeers

AT = "at"
"""The name of the port that speaks AT."""


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class BoardSpec:
    """The facts that it takes to open a board.

    Attributes:
        slot: the board's place in the run: its name in the inventory, or its type and rank.
        port: a path, ``tcp://HOST:PORT`` or ``replay:FILE``; empty when the board is not attached.
        model: a name of the catalog, or "unknown".
        serial: USB serial number; empty when there is none, or the port was named directly.
        place: USB path; likewise.
        port_name: the name of that port on the attached board.
        pty_made_ns: when the pty at that port was made (its inode's change time), 0 for any other port: as soon as a
            simulated board ends, the next pty of the host gets its number.
        hardware: whether real hardware answers there.
        labels: of the inventory.
        sec_tags: first and last security tag that the bench may use on it; None is the lab's.
        peers: how its network reaches the peers, where that is not the lab's way.
        pin: the place of its SIM's PIN, ``file:PATH`` or ``env:NAME``; empty for a SIM without one.
        aux_ports: its further ports, log and trace, by name.
        control_board: its firmware is known to be good. It runs the tests that measure beside the boards under test,
            and is asked whether the network is good.
        access_point: of its SIM; None for the board's own settings.
        meter: port of the power meter that feeds it; empty for none.
        control: of a simulated board, the socket by which its surroundings are changed; empty for real ones.
        image: the application that the inventory wants on it; empty for whatever it has.
        modem_image: likewise, the modem firmware.
        programmer: what programs it; empty is the lab's.
        programmer_id: its name for the programmer, where that is not its serial number.
        unusable: why it cannot be used in this run, such as an image that could not be programmed; empty when it can.
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
    peers: ReachedPeers = ReachedPeers()
    pin: str = ""
    aux_ports: Mapping[str, str] = field(default_factory=dict)
    control_board: bool = False
    access_point: AccessPointConfig | None = None
    meter: str = ""
    control: str = ""
    image: str = ""
    modem_image: str = ""
    programmer: str = ""
    programmer_id: str = ""
    unusable: str = ""

    @property
    def key(self) -> str:
        """Return the key by which the board is leased."""
        return key_of(self.serial, self.port or f"usb://{self.place}")

    @property
    def sought(self) -> str:
        """Return the fact by which the board is looked for, in words."""
        return f"serial {self.serial}" if self.serial else f"place {self.place}"

    def attached_by(self, config: Config) -> "BoardSpec":
        """Return the spec with the lab's access point, where the board has none of its own."""
        point = config.network.access_point
        return self if self.access_point or point is None else replace(self, access_point=point)

    def peers_of(self, config: Config) -> PeersConfig:
        """Return the way by which this board's network reaches the lab's peers."""
        own = self.peers.model_dump(exclude_none=True)
        return PeersConfig.model_validate({**config.peers.model_dump(), **own})

    def to_json(self) -> str:
        """Return the spec as text, for the process that runs this board's tests."""
        return _SPECS.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "BoardSpec":
        """Return the spec that :meth:`to_json` wrote."""
        return _SPECS.validate_json(text)


_SPECS = TypeAdapter(BoardSpec)
