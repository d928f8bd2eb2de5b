"""The firmware's commands, typed."""

from bench.modem.commands import CommandFamilies, CommandTiming
from bench.modem.credential_commands import CredentialCommands, CredentialStoreFull, CredentialType, StoredCredential
from bench.modem.cures import Cures
from bench.modem.dialects import DIALECTS, SERIAL_LTE_MODEM, DialectUnsupported, FirmwareDialect, recognise
from bench.modem.identity import Identity, identify
from bench.modem.modem import Modem, family_of
from bench.modem.packet_data import AttachSettings, PacketContext, PacketData
from bench.modem.power_saving import PowerSaving, PsmGrant, SleepWatch
from bench.modem.radio import Radio, RaiSupport, ServingCell, SignallingWatch
from bench.modem.registration import AttachBlocked, NotRegistered, RadioOff
from bench.modem.secure_sockets import SecureSocket
from bench.modem.sim_card import SimFault, SimLocked
from bench.modem.slm.sockets import (
    DATA_MODE_BUFFER,
    RECEIVE_LIMIT,
    STRING_LIMIT,
    DataModeError,
    fits_string,
)
from bench.modem.socket_values import (
    AcceptedConnection,
    AcceptedHandle,
    ActiveSecureSocket,
    ActiveSocket,
    CidSetting,
    CidStatus,
    Family,
    ListedSocket,
    Opened,
    OptionValue,
    PeerVerify,
    Polled,
    PollEvent,
    Rai,
    Received,
    ReceiveFlag,
    Resolved,
    Role,
    SecureOption,
    Sent,
    SentInDataMode,
    SocketList,
    SocketOption,
    SocketType,
    TimeLimit,
)
from bench.modem.sockets import ShortRead, Socket, TcpClient, TcpServer, UdpSocket
from bench.modem.system_mode import SystemMode
from bench.modem.system_modes import SystemModes

__all__ = [
    "DATA_MODE_BUFFER",
    "DIALECTS",
    "RECEIVE_LIMIT",
    "SERIAL_LTE_MODEM",
    "STRING_LIMIT",
    "AcceptedConnection",
    "AcceptedHandle",
    "ActiveSecureSocket",
    "ActiveSocket",
    "AttachBlocked",
    "AttachSettings",
    "CidSetting",
    "CidStatus",
    "CommandFamilies",
    "CommandTiming",
    "CredentialCommands",
    "CredentialStoreFull",
    "CredentialType",
    "Cures",
    "DataModeError",
    "DialectUnsupported",
    "Family",
    "FirmwareDialect",
    "Identity",
    "ListedSocket",
    "Modem",
    "NotRegistered",
    "Opened",
    "OptionValue",
    "PacketContext",
    "PacketData",
    "PeerVerify",
    "PollEvent",
    "Polled",
    "PowerSaving",
    "PsmGrant",
    "Radio",
    "RadioOff",
    "Rai",
    "RaiSupport",
    "ReceiveFlag",
    "Received",
    "Resolved",
    "Role",
    "SecureOption",
    "SecureSocket",
    "Sent",
    "SentInDataMode",
    "ServingCell",
    "ShortRead",
    "SignallingWatch",
    "SimFault",
    "SimLocked",
    "SleepWatch",
    "Socket",
    "SocketList",
    "SocketOption",
    "SocketType",
    "StoredCredential",
    "SystemMode",
    "SystemModes",
    "TcpClient",
    "TcpServer",
    "TimeLimit",
    "UdpSocket",
    "family_of",
    "fits_string",
    "identify",
    "recognise",
]
