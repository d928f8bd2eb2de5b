"""Mount and network namespaces of our own, in which made devices look genuine. The host stays untouched.

Inside, /sys, /run and /dev are ours; libudev, its netlink events and ptys are the kernel's. Needs root, or a kernel
that lets users make namespaces.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

from bench.errors import LabError

_NEWNS, _NEWNET, _NEWUSER = 0x00020000, 0x40000000, 0x10000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_ROOT = Path("/mnt")

ENVIRONMENT = {"SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}
"""For every program inside: libudev must accept a /sys that is not a sysfs."""


def enter() -> Path:
    """Move this process into namespaces of its own; return the folder whose content /sys and /run/udev show.

    Raises:
        LabError: the kernel refuses; the message says what to do.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    try:
        _call(libc.unshare(_NEWNS | _NEWNET | (_NEWUSER if user else 0)), "unshare")
        if user:  # root of our own namespace only, which may mount there
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
        _call(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "private mounts")
        mount("rack", _ROOT, "tmpfs")
        _populate(_ROOT)
        mount("run", Path("/run"), "tmpfs")
        for folder in ("/run/udev", "/run/lock"):
            Path(folder).mkdir()
        bind(_ROOT / "sys", Path("/sys"))
        bind(_ROOT / "udev", Path("/run/udev"))
        bind(_ROOT / "dev", Path("/dev"), recursive=True)
        _raise_loopback()
    except OSError as error:
        raise LabError(
            f"a virtual rack needs mount and network namespaces of its own, which the kernel refused ({error}): run it"
            " as root, or allow users to make namespaces (sysctl kernel.unprivileged_userns_clone=1)"
        ) from error
    os.environ.update(ENVIRONMENT)
    return _ROOT


def _populate(root: Path) -> None:
    """Make empty trees, and a /dev with its own ptys: those of the host would be found, but could not be opened."""
    for folder in ("sys/bus/usb/devices", "sys/class/tty", "sys/devices", "sys/dev/char", "udev/data", "dev/pts"):
        (root / folder).mkdir(parents=True)
    (root / "dev/shm").mkdir()
    (root / "udev/control").touch()  # without it libudev believes that udevd never ran, and delivers no event
    for name in _NODES:
        (root / "dev" / name).touch()
        bind(Path("/dev") / name, root / "dev" / name)
    mount("devpts", root / "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620")
    mount("shm", root / "dev/shm", "tmpfs")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    (root / "dev/fd").symlink_to("/proc/self/fd")


def mount(source: str, target: Path, kind: str, options: str = "") -> None:
    """Mount a file system; raise OSError if that fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    data = options.encode() or None
    _call(libc.mount(source.encode(), os.fsencode(target), kind.encode(), 0, data), f"mount {kind} on {target}")


def bind(source: Path, target: Path, *, recursive: bool = False) -> None:
    """Show a file or folder at another place too; raise OSError if that fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _BIND | (_REC if recursive else 0)
    _call(libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None), f"bind {source} to {target}")


def unmount(target: Path) -> None:
    """Unmount a file system, even one in use; raise OSError if there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    _call(libc.umount2(os.fsencode(target), _DETACH), f"unmount {target}")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        flags = struct.unpack("16sH14x", answer)[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _call(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
