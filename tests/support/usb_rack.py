"""Runs a command where udev shows USB serial devices that are only files.

    usb_rack.py [--no-database] VENDOR:PRODUCT:SERIAL:IF[,IF...]... -- COMMAND

The command runs in mount and network namespaces of its own with a made /sys and /run/udev, so it uses the genuine
libudev and touches nothing of the host. Needs root or user namespaces. SYSTEMD_DEVICE_VERIFY_SYSFS=0 makes libudev
accept a /sys that is no sysfs.
"""

import ctypes
import os
import sys
from pathlib import Path

_NEWNS, _NEWNET, _NEWUSER = 0x00020000, 0x40000000, 0x10000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_TTY_ACM_MAJOR = 166


def _call(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


class Rack:
    """The files of a /sys and a /run/udev."""

    def __init__(self, root: Path, *, database: bool) -> None:
        self.sys = root / "sys"
        self.udev = root / "udev"
        self._database = database
        self._ttys = 0
        for folder in ("sys/bus/usb/devices", "sys/class/tty", "sys/devices", "sys/dev/char", "udev/data"):
            (root / folder).mkdir(parents=True)
        (self.udev / "control").touch()  # without it libudev believes that udevd never ran

    def plug(self, place: int, vendor: str, product: str, serial: str, interfaces: list[str]) -> None:
        """Adds one device with a tty for each CDC interface."""
        name = f"1-{place}"
        device = self.sys / "devices/pci0000:00/0000:00:14.0/usb1" / name
        for attribute, value in (("idVendor", vendor), ("idProduct", product), ("serial", serial)):
            _write(device / attribute, f"{value}\n")
        _write(device / "uevent", "DEVTYPE=usb_device\n")
        _link(device / "subsystem", self.sys / "bus/usb")
        _link(self.sys / "bus/usb/devices" / name, device)
        for number in interfaces:
            interface = device / f"{name}:1.{int(number, 16)}"
            _write(interface / "bInterfaceNumber", f"{number}\n")
            _write(interface / "uevent", "DEVTYPE=usb_interface\n")
            _link(interface / "subsystem", self.sys / "bus/usb")
            self._tty(interface, place, vendor, product, serial, number)

    def _tty(self, interface: Path, place: int, vendor: str, product: str, serial: str, number: str) -> None:
        minor = self._ttys
        self._ttys += 1
        name = f"ttyACM{minor}"
        tty = interface / "tty" / name
        _write(tty / "uevent", f"MAJOR={_TTY_ACM_MAJOR}\nMINOR={minor}\nDEVNAME={name}\n")
        _write(tty / "dev", f"{_TTY_ACM_MAJOR}:{minor}\n")
        _link(tty / "subsystem", self.sys / "class/tty")
        _link(self.sys / "class/tty" / name, tty)
        _link(self.sys / "dev/char" / f"{_TTY_ACM_MAJOR}:{minor}", tty)
        if self._database:
            properties = {
                "ID_VENDOR_ID": vendor,
                "ID_MODEL_ID": product,
                "ID_SERIAL_SHORT": serial,
                "ID_USB_INTERFACE_NUM": number,
                "ID_PATH": f"pci-0000:00:14.0-usb-0:{place}:1.{int(number, 16)}",
            }
            rows = "".join(f"E:{key}={value}\n" for key, value in properties.items())
            _write(self.udev / "data" / f"c{_TTY_ACM_MAJOR}:{minor}", f"I:123456789\n{rows}V:1\n")


def main() -> None:
    """Makes the rack and becomes the command."""
    split = sys.argv.index("--")
    arguments, command = sys.argv[1:split], sys.argv[split + 1 :]
    root = Path("/mnt")
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    _call(libc.unshare(_NEWNS | _NEWNET | (_NEWUSER if user else 0)), "unshare")
    if user:  # root of our own namespace only, which may mount there
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    _call(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "private mounts")
    _call(libc.mount(b"rack", os.fsencode(root), b"tmpfs", 0, None), "tmpfs")
    rack = Rack(root, database="--no-database" not in arguments)
    for place, text in enumerate((a for a in arguments if not a.startswith("--")), 1):
        vendor, product, serial, interfaces = text.split(":")
        rack.plug(place, vendor, product, serial, interfaces.split(","))
    _call(libc.mount(b"run", b"/run", b"tmpfs", 0, None), "/run")
    Path("/run/udev").mkdir()
    _call(libc.mount(os.fsencode(rack.sys), b"/sys", None, _BIND, None), "/sys")
    _call(libc.mount(os.fsencode(rack.udev), b"/run/udev", None, _BIND, None), "/run/udev")
    os.environ["SYSTEMD_DEVICE_VERIFY_SYSFS"] = "0"
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
