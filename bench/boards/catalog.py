"""Board models as data: how each looks on USB and which of its ports speaks AT.

Sources: Nordic's board documentation and the serial-number patterns of Nordic's own tools. A port is told by its rank
among the CDC interfaces of the device, never by its tty number. A SEGGER USB id alone is no board: other kits and bare
debug probes have the same one, so the serial number must fit too.
"""

import re
from dataclasses import dataclass

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
        confirmed: whether the USB identity was seen on a real board.
    """

    name: str
    title: str
    vendor: int
    products: frozenset[int] | None
    serial: re.Pattern[str]
    ports: tuple[str, ...]
    flow_control: bool = True
    confirmed: bool = True


def _segger(name: str, title: str, serial: str, ports: tuple[str, ...], *, confirmed: bool = True) -> Model:
    return Model(name, title, SEGGER, None, re.compile(serial), ports, confirmed=confirmed)


MODELS = (
    _segger("nrf9160dk", "nRF9160 DK", r"0*9600\d{5}", ("at", "nrf52840", "log")),
    _segger("nrf9161dk", "nRF9161 DK", r"0*10509\d{5}", ("at", "log")),
    _segger("nrf9151dk", "nRF9151 DK", r"0*(10512|10520)\d{5}", ("at", "log")),
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
    ),
)

BY_NAME = {model.name: model for model in MODELS}


def recognise(vendor: int, product: int, serial: str) -> Model | None:
    """The model that a USB device is, or None when it is none or could be something else."""
    for model in MODELS:
        usb_fits = model.vendor == vendor and (model.products is None or product in model.products)
        if usb_fits and model.serial.fullmatch(serial):
            return model
    return None


def looks_like_a_board(vendor: int) -> bool:
    """Whether a USB vendor makes boards or the debug probes on them."""
    return vendor in (SEGGER, NORDIC)
