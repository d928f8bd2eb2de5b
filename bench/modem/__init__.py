"""The firmware's commands, typed."""

from bench.modem.identity import DialectUnsupported, Identity
from bench.modem.modem import Modem, family_of
from bench.modem.registration import NotRegistered
from bench.modem.socket_commands import (
    DATA_MODE_BUFFER,
    RECEIVE_LIMIT,
    STRING_LIMIT,
    DataModeError,
    SocketCommands,
    fits_string,
)
from bench.modem.socket_values import (
    ActiveSocket,
    Family,
    ListedSocket,
    Opened,
    Received,
    ReceiveFlag,
    Role,
    Sent,
    SentInDataMode,
    SocketList,
    SocketType,
)
from bench.modem.sockets import ShortRead, Socket, TcpClient, UdpSocket

__all__ = [
    "DATA_MODE_BUFFER",
    "RECEIVE_LIMIT",
    "STRING_LIMIT",
    "ActiveSocket",
    "DataModeError",
    "DialectUnsupported",
    "Family",
    "Identity",
    "ListedSocket",
    "Modem",
    "NotRegistered",
    "Opened",
    "ReceiveFlag",
    "Received",
    "Role",
    "Sent",
    "SentInDataMode",
    "ShortRead",
    "Socket",
    "SocketCommands",
    "SocketList",
    "SocketType",
    "TcpClient",
    "UdpSocket",
    "family_of",
    "fits_string",
]
