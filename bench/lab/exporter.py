"""The file with which a stock labgrid-exporter shows a host's boards to the coordinator.

One group a board, two resources, and neither is a port: ``at`` tells whether the board is plugged in, ``run`` where its
tests run. So nothing of a board is open on the network.
"""

import json
from collections.abc import Sequence

from bench.host.messages import HostBoard


def group_of(board: HostBoard) -> str:
    """Return the name of a board's group. Never digits alone: YAML reads 001051200001 as an octal number."""
    return f"sn-{board.serial}" if board.serial else f"board-{board.name}"


def pattern_of(board: HostBoard, host: str) -> str:
    """Return the pattern by which a board's place finds its resources."""
    return f"{host}/{group_of(board)}/*"


def exporter_yaml(boards: Sequence[HostBoard], address: str, user: str, port: int = 22) -> str:
    """Return the exporter's file.

    Args:
        boards: of the host.
        address: by which the lab's users reach the host.
        user: as whom ssh logs in there.
        port: of its sshd.
    """
    lines = [  # labgrid reads it as a template, in which a line with a single # is a statement
        "## Boards of this host, for labgrid-exporter; written by nrf91-bench lab add.",
        "## Each user of the lab runs tests at address as username, through ssh.",
    ]
    for board in boards:
        lines.append(f"{group_of(board)}:  # {board.name}")
        if board.serial:
            # The one stock class that follows a serial port by udev and starts no server.
            match = {
                "SUBSYSTEM": "tty",
                "ID_SERIAL_SHORT": board.serial,
                "ID_USB_INTERFACE_NUM": board.interface or "00",
            }
            shown = ", ".join(f"{key}: {json.dumps(value)}" for key, value in match.items())
            lines += ["  at:", "    cls: USBFlashableDevice", f"    match: {{{shown}}}"]
        lines += ["  run:", "    cls: NetworkService", f"    address: {json.dumps(address)}"]
        lines.append(f"    username: {json.dumps(user)}")
        lines += [f"    port: {port}"] if port != 22 else []
    return "\n".join([*lines, ""])
