"""The firmware's own service commands: #XSLMVER, #XCLAC, #XUUID, #XRESET, #XDATACTRL, and #XGETADDRINFO."""

import ipaddress
from typing import TYPE_CHECKING

from bench.simulator.parameters import AtError, Parameters
from bench.simulator.slm.traffic import HOST_LIMIT

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware


async def version(board: "Firmware", _: Parameters) -> None:
    """AT#XSLMVER."""
    board.say(f"#XSLMVER: {board.profile.version}")


async def list_commands(board: "Firmware", _: Parameters) -> None:
    """AT#XCLAC."""
    board.say("\r\n".join(f"AT{name}" for name in sorted(board.commands)))


async def device_uuid(board: "Firmware", _: Parameters) -> None:
    """AT#XUUID."""
    board.say(f"#XUUID: {board.modem.identity.uuid}")


async def reset(board: "Firmware", _: Parameters) -> None:
    """AT#XRESET: OK first, then the restart."""
    board.reset()


async def set_time_limit(board: "Firmware", parameters: Parameters) -> None:
    """AT#XDATACTRL=<time_limit> in ms."""
    board.time_limit = parameters.number(0, board.profile.minimum_time_limit)


async def read_time_limit(board: "Firmware", _: Parameters) -> None:
    """AT#XDATACTRL?; 0 means that none was set yet."""
    board.say(f"#XDATACTRL: {board.time_limit},{board.profile.minimum_time_limit}")


async def describe_time_limit(board: "Firmware", _: Parameters) -> None:
    """AT#XDATACTRL=?."""
    board.say("#XDATACTRL=<time_limit>")


async def resolve_name(board: "Firmware", parameters: Parameters) -> None:
    """AT#XGETADDRINFO=<hostname>[,<family>]: 0 both, 1 IPv4, 2 IPv6."""
    if len(parameters) not in (1, 2):
        raise AtError
    name = parameters.string(0, HOST_LIMIT).decode("latin-1")
    family = parameters.optional(1, 0, 0, 2)
    found = await board.addresses(name, (0, 4, 6)[family]) if board.modem.attached else []
    if not found:
        raise AtError('#XGETADDRINFO: "EAI_NONAME"')
    if board.profile.repeats_first_address:
        found = [_misread(found[0], address) for address in found]
    board.say(f'#XGETADDRINFO: "{" ".join(found)}"')


def _misread(first: str, address: str) -> str:
    """The firmware prints the first entry again, read as if it were of the family of the present one."""
    source = ipaddress.ip_address(first)
    if ipaddress.ip_address(address).version == 6 and source.version == 4:
        return str(ipaddress.IPv6Address(source.packed + bytes(12)))
    return first
