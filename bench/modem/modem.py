"""A board's modem: its firmware's commands behind typed calls."""

import contextlib
from typing import TypeVar

from bench.at import AtLink, CommandError
from bench.errors import UsageError
from bench.modem.changes import Changes, NoJournal, UndoJournal
from bench.modem.commands import CommandTiming
from bench.modem.credential_commands import CredentialCommands
from bench.modem.cures import Cures
from bench.modem.dialects import SERIAL_LTE_MODEM, FirmwareDialect
from bench.modem.identity import Identity, identify, with_sim
from bench.modem.packet_data import PacketData
from bench.modem.power_saving import PowerSaving
from bench.modem.radio import Radio
from bench.modem.registration import Registration
from bench.modem.secure_sockets import SecureSocket
from bench.modem.serial_modem.families import SerialModemFamilies
from bench.modem.sim_card import PinSource, SimCard
from bench.modem.slm.active import SelectedSocket
from bench.modem.slm.sockets import SlmSocketCommands
from bench.modem.socket_values import Family, PeerVerify, Polled, Role, SocketType
from bench.modem.sockets import Socket, TcpClient, TcpServer, UdpSocket
from bench.modem.system_modes import SystemModes

S = TypeVar("S", bound=Socket)


class Modem:
    """The modem and the application of one board, for scenarios.

    Attributes:
        link: for commands that have no typed call.
        dialect: of the application.
        commands: the application's command families; :attr:`sockets`, :attr:`server`, :attr:`polling`,
            :attr:`options`, :attr:`data_mode` and :attr:`names` are these. Each call names its handle.
        credentials: %CMNG.
        packet_data: the context and the access point by which it attaches, and its own addresses.
        sim: the SIM and its PIN.
        registration: waiting for the network.
        radio: serving cell, signalling connection, RAI.
        power_saving: PSM, eDRX and the notice of sleep.
        system_modes: LTE-M, NB-IoT, GNSS.
    """

    def __init__(
        self,
        link: AtLink,
        dialect: FirmwareDialect = SERIAL_LTE_MODEM,
        *,
        timing: CommandTiming | None = None,
        journal: UndoJournal | None = None,
        pin: PinSource | None = None,
        cures: Cures | None = None,
    ) -> None:
        """Make it; send nothing.

        Args:
            link: to the board.
            dialect: of its application.
            timing: of its commands.
            journal: keeps what undoes a change.
            pin: reads the SIM's PIN.
            cures: the ends of messages about a SIM or a network that refuses.
        """
        self.link = link
        self.dialect = dialect
        timing = timing or CommandTiming()
        self._margin = timing.margin
        changes = Changes(link, journal or NoJournal())
        self.commands = commands = dialect.families(link, timing)
        self.sockets = commands.sockets
        self.server = commands.server
        self.polling = commands.polling
        self.options = commands.options
        self.data_mode = commands.data_mode
        self.names = commands.names
        self.credentials = CredentialCommands(link, margin=timing.margin)
        self.packet_data = PacketData(link, changes)
        self.sim = SimCard(link, changes, pin, cures)
        self.registration = Registration(link, changes, self.sim, cures)
        self.radio = Radio(link, changes, dialect.blocks)
        self.power_saving = PowerSaving(link, changes)
        self.system_modes = SystemModes(link, self.registration, changes)

    @property
    def slm(self) -> SelectedSocket:
        """Return the commands about SLM's selected socket, which no other firmware has.

        Raises:
            UsageError: the board runs another firmware.
        """
        if not isinstance(self.sockets, SlmSocketCommands):
            raise UsageError(f"{self.link.name} runs {self.dialect.title}, which has no selected socket")
        return self.sockets.selected

    @property
    def serial_modem(self) -> SerialModemFamilies:
        """Return the command families of Serial Modem, with what no other firmware has.

        Raises:
            UsageError: the board runs another firmware.
        """
        if not isinstance(self.commands, SerialModemFamilies):
            raise UsageError(
                f"{self.link.name} runs {self.dialect.title}, which has no automatic reception, no hexadecimal data, no"
                " events by URC and no echo"
            )
        return self.commands

    def identity(self) -> Identity:
        """Ask the board for its identity; see :func:`~bench.modem.identity.identify`."""
        return identify(self.link)

    def with_sim(self, identity: Identity) -> Identity:
        """Return the identity with that of the SIM, which can be read once it has power."""
        return with_sim(self.link, identity)

    def poll(self, timeout_ms: int, *sockets: Socket, at_most: float | None = None) -> Polled:
        """Return the events of some sockets, of all without ``sockets``: 0 returns at once, -1 waits for ever."""
        return self.polling.poll(timeout_ms, *(socket.handle for socket in sockets), at_most=at_most)

    def tcp_socket(self, *, family: Family = Family.IPV4) -> TcpClient:
        """Return an open TCP client socket, not connected yet."""
        return TcpClient.open(self.commands, SocketType.STREAM, family=family)

    def tcp_client(self, host: str, port: int, *, family: Family | None = None) -> TcpClient:
        """Return a connected TCP client; the family is the address's own, IPv4 for a name."""
        return _connect(self.tcp_socket(family=family or family_of(host)), host, port)

    def udp_socket(self, *, family: Family = Family.IPV4) -> UdpSocket:
        """Return an open UDP socket."""
        return UdpSocket.open(self.commands, SocketType.DATAGRAM, family=family)

    def udp_client(self, host: str, port: int, *, family: Family | None = None) -> UdpSocket:
        """Return a UDP socket with a default destination."""
        return _connect(self.udp_socket(family=family or family_of(host)), host, port)

    def secure_socket(
        self,
        kind: SocketType,
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        peer_verify: PeerVerify | None = None,
    ) -> SecureSocket:
        """Return an open TLS (STREAM) or DTLS (DATAGRAM) socket, not connected yet."""
        return SecureSocket.open_secure(self.commands, kind, sec_tag, family=family, role=role, peer_verify=peer_verify)

    def server_socket(self, *, family: Family = Family.IPV4) -> TcpServer:
        """Return an open TCP socket in the server role, neither bound nor listening yet."""
        return TcpServer.open(self.commands, SocketType.STREAM, family=family, role=Role.SERVER)

    def tcp_server(self, port: int, *, family: Family = Family.IPV4) -> TcpServer:
        """Return a TCP socket that is bound to a port of the board and listens."""
        server = self.server_socket(family=family)
        try:
            server.bind(port)
            server.listen()
        except BaseException:
            server.__exit__(BaseException)
            raise
        return server

    def close_sockets(self) -> int:
        """Close every open socket; return their number."""
        return self.sockets.close_all()

    def settle(self) -> None:
        """Close every open socket, and switch off what would hold for those to come: events, reception, echo."""
        for command in self.dialect.hush:
            with contextlib.suppress(CommandError):  # a build without the command has nothing to switch off
                self.link.command(command, timeout=self._margin)
        self.close_sockets()


def _connect(socket: S, host: str, port: int) -> S:
    """Connect a socket and return it; close it when that fails."""
    try:
        socket.connect(host, port)
    except BaseException:
        socket.__exit__(BaseException)
        raise
    return socket


def family_of(host: str) -> Family:
    """Return IPv6 for an IPv6 address, IPv4 for everything else."""
    return Family.IPV6 if ":" in host else Family.IPV4
