"""The limits and habits in which firmwares differ, one row a firmware. Quirks of one dialect stay in its package."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """What is wrong with a build.

    Attributes:
        refuses: names of commands that it does not have, such as ``#XGETADDRINFO``.
        slower: how much longer each command takes, as a part of its own time.
    """

    refuses: tuple[str, ...] = ()
    slower: float = 0.0


@dataclass(frozen=True)
class FirmwareProfile:
    """One version of a firmware.

    Attributes:
        name: the name that ``simulate --firmware`` takes.
        version: the fields of the answer to its version command.
        sockets: how many sockets a host can open.
        handles: descriptors that sockets and accepted connections share.
        blank_line: whether an empty line stands between an information line and the final result.
        command_limit: the longest command in characters.
        string_limit: the longest string that a send takes.
        receive_limit: the most bytes that one receive gives.
        data_mode_buffer: bytes that data mode collects before it sends.
        minimum_time_limit: the least time limit of data mode in ms (115200 baud, 256-byte receive buffer).
        terminator: the end of a command in this build: CR LF, CR or LF.
        reports_flushes: whether data mode prints the size of each flush.
        urc_buffer: bytes of URCs that can wait; when one does not fit, those that wait are lost. None for any number.
        faults: what is wrong with the build.
    """

    name: str
    version: str
    sockets: int = 7
    handles: int = 8
    blank_line: bool = True
    command_limit: int = 4096
    string_limit: int = 1024
    receive_limit: int = 2048
    data_mode_buffer: int = 4096
    minimum_time_limit: int = 32
    terminator: bytes = b"\r\n"
    reports_flushes: bool = False
    urc_buffer: int | None = None
    faults: Faults = Faults()
