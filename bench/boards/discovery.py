"""Attached boards, from udev. Listing opens no port."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyudev

from bench.boards.catalog import Catalog
from bench.errors import LabError

# A tty's ID_PATH ends in its USB interface; the board's place does not.
_INTERFACE = re.compile(r":\d+\.\d+$")


UNKNOWN = "unknown"
"""The model of a device that may be a board: it must be asked."""


@dataclass(frozen=True, slots=True)
class AttachedBoard:
    """A physical device with named ports.

    Attributes:
        model: a name of the catalog, or "unknown".
        serial: USB serial number, the board's key.
        ports: name -> device node; unnamed ports are "port0", "port1" ...
        place: USB path, the second selector.
        source: "udev" when udevd's database told, "sysfs" when only the kernel did.
        whole: whether all the ports of its model are there; a board that was just plugged in shows them one by one.
    """

    model: str
    serial: str
    ports: dict[str, str]
    place: str
    source: str
    whole: bool = True


@dataclass
class _Device:
    """One USB device while its ttys are collected."""

    vendor: int
    product: int
    serial: str
    place: str
    source: str
    ttys: dict[int, str] = field(default_factory=dict)


def attached_boards(catalog: Catalog | None = None) -> list[AttachedBoard]:
    """Return every attached device that is a board or may be one, ordered by serial number.

    Raises:
        LabError: libudev is missing; says what to install.
    """
    try:
        ttys = pyudev.Context().list_devices(subsystem="tty")
    except ImportError as error:
        raise LabError(
            f"boards are found with libudev, which is missing ({error}): install it (Debian: apt-get install libudev1)"
            " or name the port with --port"
        ) from error
    return sorted(_boards(_devices(ttys), catalog or Catalog()), key=lambda board: (board.serial, board.place))


def _devices(ttys: Iterable[Any]) -> Iterable[_Device]:
    found: dict[str, _Device] = {}
    for tty in ttys:
        interface = tty.find_parent("usb", "usb_interface")
        if interface is None or tty.device_node is None:
            continue
        folder = interface.sys_path.rpartition("/")[0]  # its device's own, which libudev would read anew for each tty
        device = found.get(folder)
        if device is None:
            usb = tty.find_parent("usb", "usb_device")
            if usb is None:
                continue
            device = found[folder] = _identity(tty, usb)
        number = tty.properties.get("ID_USB_INTERFACE_NUM") or _attribute(interface, "bInterfaceNumber") or "0"
        device.ttys[int(number, 16)] = tty.device_node
    return found.values()


def _identity(tty: Any, usb: Any) -> _Device:  # noqa: ANN401 - pyudev has no types
    """Return the identity by udevd's properties; by the kernel's attributes when no udevd has run."""
    properties = tty.properties
    if "ID_VENDOR_ID" in properties:
        serial = properties.get("ID_SERIAL_SHORT", "")
        place = _INTERFACE.sub("", properties.get("ID_PATH", usb.sys_name))
        vendor, product = properties["ID_VENDOR_ID"], properties.get("ID_MODEL_ID", "0")
        return _Device(int(vendor, 16), int(product, 16), serial, place, "udev")
    vendor, product = _attribute(usb, "idVendor") or "0", _attribute(usb, "idProduct") or "0"
    return _Device(int(vendor, 16), int(product, 16), _attribute(usb, "serial"), usb.sys_name, "sysfs")


def _attribute(device: Any, name: str) -> str:  # noqa: ANN401 - pyudev has no types
    value = device.attributes.get(name)
    return value.decode(errors="replace").strip() if value else ""


def _boards(devices: Iterable[_Device], catalog: Catalog) -> Iterable[AttachedBoard]:
    for device in devices:
        model = catalog.recognise(device.vendor, device.product, device.serial)
        if model is None and not catalog.may_be_a_board(device.vendor, device.product, device.serial):
            continue
        names = model.ports if model else ()
        ports = {}
        for rank, (_, node) in enumerate(sorted(device.ttys.items())):
            ports[names[rank] if rank < len(names) else f"port{rank}"] = node
        name = model.name if model else UNKNOWN
        whole = model is None or len(device.ttys) >= len(model.ports)
        yield AttachedBoard(name, device.serial, ports, device.place, device.source, whole=whole)


def plain_serial(serial: str) -> str:
    """Return a serial number as every tool writes it: SEGGER's print it without leading zeros."""
    return serial.lstrip("0").upper()


def same_serial(one: str, other: str) -> bool:
    """Return True when two serial numbers name one board."""
    return plain_serial(one) == plain_serial(other) != ""
