"""Board models as data: their looks on USB, and the port that speaks AT.

Sources: Nordic's board documentation and the serial-number patterns of Nordic's own tools. A port is known by its rank
among the CDC interfaces of the device, never by its tty number. A SEGGER USB id alone does not make a board: other kits
and bare debug probes have the same one, so the serial number must match too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.config.lab import ModelEntry

SEGGER = 0x1366
NORDIC = 0x1915


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of board.

    Attributes:
        name: as in the configuration and the report.
        title: as Nordic writes it.
        vendor: USB vendor id.
        products: USB product ids; None for any (a debug probe's id depends on its settings).
        serial: pattern of the USB serial number.
        ports: names of the CDC ports by rank.
        flow_control: whether the AT port has RTS and CTS.
        dtr: the state of that line while the AT port is open.
        confirmed: whether the USB identity was seen on a real board.
        baudrates: of the ports by rank; 115200 where there are fewer.
        generic: whether the USB identity is that of a common bridge and proves nothing: the board must be asked.
    """

    name: str
    title: str
    vendor: int
    products: frozenset[int] | None
    serial: re.Pattern[str]
    ports: tuple[str, ...]
    flow_control: bool = True
    dtr: bool = True
    confirmed: bool = True
    baudrates: tuple[int, ...] = ()
    generic: bool = False

    def matches(self, vendor: int, product: int, serial: str) -> bool:
        """Return True when a USB device may be one of these."""
        usb = self.vendor == vendor and (self.products is None or product in self.products)
        return usb and self.serial.fullmatch(serial) is not None

    @property
    def baudrate(self) -> int:
        """Return the baud rate of the AT port."""
        rank = self.ports.index("at")
        return self.baudrates[rank] if rank < len(self.baudrates) else 115200


def _segger(
    name: str, title: str, serial: str, ports: tuple[str, ...], rates: tuple[int, ...] = (), *, confirmed: bool = True
) -> Model:
    return Model(name, title, SEGGER, None, re.compile(serial), ports, confirmed=confirmed, baudrates=rates)


def _bridge(name: str, title: str, vendor: int, product: int, ports: tuple[str, ...] = ("at",)) -> Model:
    """Return the model of a third party's board behind a common USB bridge, whose identity we have not seen."""
    products, anything = frozenset((product,)), re.compile(".*")
    return Model(name, title, vendor, products, anything, ports, flow_control=False, confirmed=False, generic=True)


MODELS = (
    _segger("nrf9160dk", "nRF9160 DK", r"0*9600\d{5}", ("at", "nrf52840", "log")),
    _segger("nrf9161dk", "nRF9161 DK", r"0*10509\d{5}", ("at", "log")),
    _segger("nrf9151dk", "nRF9151 DK", r"0*(10512|10520)\d{5}", ("at", "log"), (115200, 1_000_000)),
    _segger("nrf9131ek", "nRF9131 EK", r"0*10510\d{5}", ("at", "log"), confirmed=False),
    Model(
        "thingy91",
        "Thingy:91",
        NORDIC,
        frozenset((0x9100,)),
        re.compile(r"(THINGY91|PCA20035)_[0-9A-F]{12}"),
        ("at", "trace"),
        flow_control=False,
    ),
    Model(
        "thingy91x",
        "Thingy:91 X",
        NORDIC,
        frozenset((0x910A,)),
        re.compile(r"THINGY91X_[0-9A-F]{8,16}"),
        ("at", "log"),
        flow_control=False,
        baudrates=(115200, 1_000_000),
    ),
    _bridge("icarus", "Actinius Icarus", 0x0403, 0x6015),
    _bridge("nrf9160feather", "Circuit Dojo nRF9160 Feather", 0x10C4, 0xEA60),
    _bridge("nrf9151feather", "Circuit Dojo nRF9151 Feather", 0x2E8A, 0x000C),
    _bridge("thingplus9160", "SparkFun Thing Plus nRF9160", 0x10C4, 0xEA60),
    _bridge("connectkit", "Makerdiary nRF9151 Connect Kit", 0x2FE3, 0x0204, ("at", "shell")),
)


class Catalog:
    """The models that are known: ours and the lab's own, which come first."""

    def __init__(self, entries: Sequence[ModelEntry] = ()) -> None:
        own = tuple(_from_entry(entry) for entry in entries)
        names = {model.name for model in own}
        self.models = own + tuple(model for model in MODELS if model.name not in names)

    def recognise(self, vendor: int, product: int, serial: str) -> Model | None:
        """Return the model of a USB device; None when there is none, more than one, or it must be asked."""
        fitting = self.candidates(vendor, product, serial)
        return fitting[0] if fitting and not fitting[0].generic else None

    def candidates(self, vendor: int, product: int, serial: str) -> list[Model]:
        """Return the models that a USB device may be."""
        return [model for model in self.models if model.matches(vendor, product, serial)]

    def may_be_a_board(self, vendor: int, product: int, serial: str) -> bool:
        """Return True for a USB device worth asking: its vendor makes boards or their probes, or a model may match."""
        return vendor in (SEGGER, NORDIC) or bool(self.candidates(vendor, product, serial))

    def title(self, name: str) -> str:
        """Return a model's title; its name, where it has none."""
        return next((model.title for model in self.models if model.name == name), name)

    def named(self, name: str) -> Model | None:
        """Return a model by its name."""
        return next((model for model in self.models if model.name == name), None)


def _from_entry(entry: ModelEntry) -> Model:
    return Model(
        entry.name,
        entry.title or entry.name,
        int(entry.vendor, 16),
        frozenset(int(product, 16) for product in entry.products),
        re.compile(entry.serial),
        entry.ports,
        flow_control=entry.flow_control,
        dtr=entry.dtr,
        baudrates=tuple(entry.baudrate if port == "at" else 115200 for port in entry.ports),
    )
