"""A board's modem: its firmware's commands behind typed calls."""

from typing import TypeVar

from bench.at import AtLink
from bench.modem.changes import Changes, NoJournal, UndoJournal
from bench.modem.credential_commands import CredentialCommands
from bench.modem.identity import Identity, identify, with_sim
from bench.modem.packet_data import PacketData
from bench.modem.power_saving import PowerSaving
from bench.modem.radio import Radio
from bench.modem.registration import Registration
from bench.modem.secure_sockets import SecureSocket
from bench.modem.sim_card import PinSource, SimCard
from bench.modem.slm.data_mode import DataModeCommands
from bench.modem.slm.names import NetworkCommands
from bench.modem.slm.options import OptionCommands
from bench.modem.slm.polling import PollingCommands
from bench.modem.slm.server import ServerCommands
from bench.modem.slm.sockets import SocketCommands
from bench.modem.socket_values import Family, PeerVerify, Role, SocketType
from bench.modem.sockets import ActiveHandle, Socket, TcpClient, TcpServer, UdpSocket
from bench.modem.system_mode import SystemModes

S = TypeVar("S", bound=Socket)


class Modem:
    """What a scenario talks to.

    Attributes:
        link: for commands that have no typed call.
        sockets: #XSOCKET, #XSSOCKET, #XSOCKETSELECT, #XCONNECT, #XSEND, #XRECV, #XSENDTO, #XRECVFROM, one by one.
        server: #XBIND, #XLISTEN, #XACCEPT.
        polling: #XPOLL.
        options: #XSOCKETOPT, #XSSOCKETOPT.
        data_mode: #XDATACTRL.
        network: #XGETADDRINFO, the board's own addresses.
        active: which socket the firmware has selected; ``active.use(handle)`` selects.
        credentials: %CMNG.
        packet_data: the context and the access point by which it attaches.
        registration: waiting for the network.
        radio: serving cell, signalling connection, release assistance.
        power_saving: PSM, eDRX and the notice of sleep.
        system_modes: LTE-M, NB-IoT, GNSS.
    """

    def __init__(
        self,
        link: AtLink,
        *,
        margin: float = 5.0,
        connect_timeout: float = 60.0,
        journal: UndoJournal | None = None,
        pin: PinSource | None = None,
    ) -> None:
        self.link = link
        changes = Changes(link, journal or NoJournal())
        self.sockets = SocketCommands(link, margin=margin, connect_timeout=connect_timeout)
        self.server = ServerCommands(link, margin=margin)
        self.polling = PollingCommands(link, margin=margin)
        self.options = OptionCommands(link, margin=margin)
        self.data_mode = DataModeCommands(link, margin=margin)
        self.network = NetworkCommands(link, margin=margin)
        self.credentials = CredentialCommands(link, margin=margin)
        self.packet_data = PacketData(link, changes)
        self.registration = Registration(link, changes, SimCard(link, pin))
        self.radio = Radio(link, changes)
        self.power_saving = PowerSaving(link, changes)
        self.system_modes = SystemModes(link, self.registration, changes)
        self.active = ActiveHandle(self.sockets)

    def identity(self) -> Identity:
        """Asks the board who it is; see :func:`~bench.modem.identity.identify`."""
        return identify(self.link)

    def with_sim(self, identity: Identity) -> Identity:
        """The same with what the SIM says, which can be read once it has power."""
        return with_sim(self.link, identity)

    def tcp_socket(self, *, family: Family = Family.IPV4) -> TcpClient:
        """An open TCP client socket, not connected yet."""
        return TcpClient.open(self.sockets, self.active, SocketType.STREAM, family=family)

    def tcp_client(self, host: str, port: int, *, family: Family | None = None) -> TcpClient:
        """A connected TCP client; the family is the address's own, IPv4 for a name."""
        return _connected(self.tcp_socket(family=family or family_of(host)), host, port)

    def udp_socket(self, *, family: Family = Family.IPV4) -> UdpSocket:
        """An open UDP socket."""
        return UdpSocket.open(self.sockets, self.active, SocketType.DATAGRAM, family=family)

    def udp_client(self, host: str, port: int, *, family: Family | None = None) -> UdpSocket:
        """A UDP socket with a default destination."""
        return _connected(self.udp_socket(family=family or family_of(host)), host, port)

    def secure_socket(
        self,
        kind: SocketType,
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        peer_verify: PeerVerify | None = None,
    ) -> SecureSocket:
        """An open TLS (STREAM) or DTLS (DATAGRAM) client socket, not connected yet."""
        return SecureSocket.open_secure(
            self.sockets, self.active, self.options, kind, sec_tag, family=family, peer_verify=peer_verify
        )

    def tcp_server(self, port: int, *, family: Family = Family.IPV4) -> TcpServer:
        """A TCP socket that is bound to a port of the board and listens."""
        self.active.unknown()
        opened = self.sockets.open(SocketType.STREAM, family=family, role=Role.SERVER)
        server = TcpServer(self.sockets, self.active, opened, self.server)
        try:
            server.bind(port)
            server.listen()
        except BaseException:
            server.__exit__(BaseException)
            raise
        return server

    def close_sockets(self) -> int:
        """Closes whatever is open; returns how many sockets that were."""
        found = self.sockets.list().sockets
        for row in found:
            self.sockets.select(row.handle)
            self.sockets.close()
        self.active.unknown()
        return len(found)


def _connected(socket: S, host: str, port: int) -> S:
    """The socket, connected; closed again when that fails."""
    try:
        socket.connect(host, port)
    except BaseException:
        socket.__exit__(BaseException)
        raise
    return socket


def family_of(host: str) -> Family:
    """IPv6 for an IPv6 address, IPv4 for everything else."""
    return Family.IPV6 if ":" in host else Family.IPV4
