"""A virtual USB rack: simulated boards as genuine udev shows them, which can be plugged in and out.

Every tty is a pty that is bound to /dev/ttyACMn; /sys and udev's database are files; events go out on the kernel's own
netlink protocol as udevd sends them. Works inside :func:`bench.simulator.namespace.enter` only.
"""

import contextlib
import os
import re
import shutil
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.simulator.namespace import bind, unmount
from bench.simulator.usb import UsbDevice

_ACM_MAJOR = 166
_USB_MAJOR = 189
_HUB = "devices/pci0000:00/0000:00:14.0/usb1"
_UEVENT_PROTOCOL, _UDEV_GROUP = 15, 2
_LIBUDEV_MAGIC = 0xFEEDCAFE
_INITIALIZED = "123456789"


@dataclass
class Plugged:
    """A device in the rack: its place, its number on the bus, and the files that show it."""

    device: UsbDevice
    place: str
    number: int
    folder: Path
    ttys: list["_Tty"] = field(default_factory=list)


@dataclass
class _Tty:
    node: Path
    minor: int
    links: list[Path]
    path: str
    properties: dict[str, str]


class Rack:
    """The devices of one namespace. ``root`` holds the trees that /sys and /run/udev show."""

    def __init__(self, root: Path, *, database: bool = True) -> None:
        """Args: root: from ``enter``. database: whether udevd has run; otherwise there are only kernel attributes."""
        self._sys, self._udev = root / "sys", root / "udev"
        self._database = database
        self._plugged: dict[str, Plugged] = {}
        self._sequence = 0
        self._last_number = 1  # the hub's

    def free_place(self) -> str:
        """Return the first free USB place."""
        return next(place for n in range(1, 1000) if (place := f"1-{n}") not in self._plugged)

    def plug(
        self, device: UsbDevice, ports: Sequence[str | None], *, place: str | None = None, first_tty: int | None = None
    ) -> Plugged:
        """Plug a device in.

        Args:
            device: its description.
            ports: for each of its interfaces the pty behind its tty; None for a tty that nobody serves.
            place: USB place, the first free one by default.
            first_tty: number of its first ttyACM, the lowest free ones by default.

        Raises:
            ValueError: the place is taken, or a value is not possible.
        """
        place = place or self.free_place()
        self._check(device, place, first_tty)
        self._last_number += 1
        plugged = self._plugged[place] = Plugged(device, place, self._last_number, self._sys / _HUB / place)
        self._describe(plugged)
        self._send("add", f"/{_HUB}/{place}", self._device_event(plugged))
        number = first_tty
        for interface, port in zip(device.interfaces, ports, strict=True):
            number = self._free_tty(number or 0)
            self._add_interface(plugged, interface, number, port)
            number += 1
        return plugged

    def _check(self, device: UsbDevice, place: str, first_tty: int | None) -> None:
        if not re.fullmatch(r"1-\d{1,3}(\.\d{1,3}){0,5}", place):
            raise ValueError(f"{place!r} is not a USB place, such as 1-4 or 1-4.2")
        if place in self._plugged:
            raise ValueError(f"something is plugged in at {place}")
        if first_tty is not None and not (isinstance(first_tty, int) and 0 <= first_tty < 10_000):
            raise ValueError(f"{first_tty} is not the number of a tty")
        if not all(re.fullmatch(r"[0-9a-fA-F]{4}", number) for number in (device.vendor, device.product)):
            raise ValueError("vendor and product must be four hexadecimal digits each")
        if not all(re.fullmatch(r"[0-9a-fA-F]{2}", number) for number in device.interfaces):
            raise ValueError("interfaces must be two hexadecimal digits each")

    def _describe(self, plugged: Plugged) -> None:
        """Write the attributes of a device as /sys shows them."""
        device, place, folder = plugged.device, plugged.place, plugged.folder
        number = place.partition("-")[2]
        attributes = {
            "idVendor": device.vendor,
            "idProduct": device.product,
            "serial": device.serial,
            "busnum": "1",
            "devnum": str(plugged.number),
            "bNumInterfaces": str(2 * len(device.interfaces)),
            "manufacturer": device.manufacturer,
            "product": device.name,
            "devpath": number,
        }
        for name, text in attributes.items():
            _write(folder / name, f"{text}\n")
        kernel = device.kernel_properties(plugged.number)
        minor = plugged.number - 1
        rows = {"MAJOR": str(_USB_MAJOR), "MINOR": str(minor), "DEVTYPE": "usb_device", "DRIVER": "usb", **kernel}
        _write(folder / "uevent", "".join(f"{key}={value}\n" for key, value in rows.items()))
        _link(folder / "subsystem", self._sys / "bus/usb")
        _link(self._sys / "bus/usb/devices" / place, folder)
        _link(self._sys / "dev/char" / f"{_USB_MAJOR}:{minor}", folder)
        if self._database:
            shown = "".join(f"E:{key}={value}\n" for key, value in device.device_properties(place).items())
            _write(self._udev / "data" / f"c{_USB_MAJOR}:{minor}", f"I:{_INITIALIZED}\n{shown}V:1\n")

    def _device_event(self, plugged: Plugged) -> dict[str, str]:
        """Return the properties with which a device itself, not one of its ports, comes and goes."""
        device = plugged.device
        known = device.device_properties(plugged.place) if self._database else {}
        kernel = device.kernel_properties(plugged.number)
        kernel["DEVNAME"] = f"/dev/{kernel['DEVNAME']}"
        return {"SUBSYSTEM": "usb", "DEVTYPE": "usb_device", **kernel, **known}

    def unplug(self, plugged: Plugged) -> None:
        """Unplug a device: remove its nodes and send the events, the innermost first."""
        del self._plugged[plugged.place]
        base = f"/{_HUB}/{plugged.place}"
        for tty in plugged.ttys:
            with contextlib.suppress(OSError):
                unmount(tty.node)
            for path in (tty.node, *tty.links, self._sys / "class/tty" / tty.node.name):
                path.unlink(missing_ok=True)
            (self._sys / "dev/char" / f"{_ACM_MAJOR}:{tty.minor}").unlink(missing_ok=True)
            (self._udev / "data" / f"c{_ACM_MAJOR}:{tty.minor}").unlink(missing_ok=True)
        shutil.rmtree(plugged.folder)
        (self._sys / "bus/usb/devices" / plugged.place).unlink(missing_ok=True)
        (self._sys / "dev/char" / f"{_USB_MAJOR}:{plugged.number - 1}").unlink(missing_ok=True)
        (self._udev / "data" / f"c{_USB_MAJOR}:{plugged.number - 1}").unlink(missing_ok=True)
        for tty in plugged.ttys:
            self._send("remove", tty.path, tty.properties)
        self._send("remove", base, self._device_event(plugged))

    def _free_tty(self, first: int) -> int:
        taken = {tty.minor for plugged in self._plugged.values() for tty in plugged.ttys}
        return next(number for number in range(first, first + 10_000) if number not in taken)

    def _add_interface(self, plugged: Plugged, interface: str, minor: int, port: str | None) -> None:
        folder = plugged.folder / f"{plugged.place}:1.{int(interface, 16)}"
        _write(folder / "bInterfaceNumber", f"{interface}\n")
        for name, text in (("bInterfaceClass", "02"), ("bInterfaceSubClass", "02"), ("bInterfaceProtocol", "01")):
            _write(folder / name, f"{text}\n")
        _write(folder / "uevent", "DEVTYPE=usb_interface\nDRIVER=cdc_acm\n")
        _link(folder / "subsystem", self._sys / "bus/usb")
        name = f"ttyACM{minor}"
        tty = folder / "tty" / name
        _write(tty / "uevent", f"MAJOR={_ACM_MAJOR}\nMINOR={minor}\nDEVNAME={name}\n")
        _write(tty / "dev", f"{_ACM_MAJOR}:{minor}\n")
        _link(tty / "subsystem", self._sys / "class/tty")
        _link(tty / "device", folder)
        _link(self._sys / "class/tty" / name, tty)
        _link(self._sys / "dev/char" / f"{_ACM_MAJOR}:{minor}", tty)
        node = Path("/dev") / name
        node.touch()
        if port is not None:
            bind(Path(port), node)
        properties = plugged.device.properties(interface, plugged.place) if self._database else {}
        links = [Path("/dev") / link for link in plugged.device.links(interface, plugged.place)]
        if self._database:
            rows = "".join(f"E:{key}={value}\n" for key, value in properties.items())
            shown = "".join(f"S:{link.relative_to('/dev')}\n" for link in links)
            _write(self._udev / "data" / f"c{_ACM_MAJOR}:{minor}", f"{shown}I:{_INITIALIZED}\n{rows}V:1\n")
            for link in links:
                _link(link, node)
        path = "/" + str(tty.relative_to(self._sys))
        event = {"SUBSYSTEM": "tty", "DEVNAME": str(node), "MAJOR": str(_ACM_MAJOR), "MINOR": str(minor), **properties}
        plugged.ttys.append(_Tty(node, minor, links if self._database else [], path, event))
        self._send("add", path, event)

    def _send(self, action: str, path: str, properties: dict[str, str]) -> None:
        """Send an event as udevd passes it on (libudev's monitor protocol: a header, then the properties)."""
        self._sequence += 1
        event = {"ACTION": action, "DEVPATH": path, **properties}
        event |= {"USEC_INITIALIZED": _INITIALIZED, "SEQNUM": str(self._sequence)}
        body = b"".join(f"{key}={value}".encode() + b"\0" for key, value in event.items())
        kinds = (_hash(properties["SUBSYSTEM"]), _hash(properties.get("DEVTYPE", "")))
        header = struct.pack("=8sIIII", b"libudev\0", socket.htonl(_LIBUDEV_MAGIC), 40, 40, len(body))
        header += struct.pack("=IIII", *(socket.htonl(kind) for kind in kinds), 0, 0)
        with (
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _UEVENT_PROTOCOL) as netlink,
            contextlib.suppress(ConnectionRefusedError),  # nobody listens
        ):
            netlink.sendto(header + body, (0, _UDEV_GROUP))


def _hash(text: str) -> int:
    """Return the MurmurHash2 with seed 0, by which libudev filters; 0 for no text."""
    if not text:
        return 0
    data, mask, factor = text.encode(), 0xFFFFFFFF, 0x5BD1E995
    value = len(data)
    whole = len(data) - len(data) % 4
    for index in range(0, whole, 4):
        part = int.from_bytes(data[index : index + 4], "little") * factor & mask
        part = (part ^ part >> 24) * factor & mask
        value = value * factor & mask ^ part
    if data[whole:]:
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))
