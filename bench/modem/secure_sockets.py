"""TLS and DTLS sockets that a scenario uses without thinking of the active handle."""

from typing import Self

from bench.at import Response
from bench.modem.slm.options import OptionCommands
from bench.modem.slm.sockets import SocketCommands
from bench.modem.socket_values import CidStatus, Family, Opened, PeerVerify, Role, SecureOption, SocketType
from bench.modem.sockets import ActiveHandle, TcpClient

DEFAULT_HANDSHAKE_TIMEOUT = 123
"""Seconds that a DTLS handshake may take unless TLS_DTLS_HANDSHAKE_TIMEO says otherwise."""


class SecureSocket(TcpClient):
    """A TLS or DTLS client socket. Entered, it closes itself at the end."""

    def __init__(self, commands: SocketCommands, active: ActiveHandle, opened: Opened, options: OptionCommands) -> None:
        super().__init__(commands, active, opened)
        self._options = options
        self._handshake_timeout = DEFAULT_HANDSHAKE_TIMEOUT

    @classmethod
    def open_secure(
        cls,
        commands: SocketCommands,
        active: ActiveHandle,
        options: OptionCommands,
        kind: SocketType,
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        peer_verify: PeerVerify | None = None,
    ) -> Self:
        """Opens a socket, which becomes the active one."""
        active.unknown()
        opened = commands.open_secure(kind, sec_tag, family=family, role=Role.CLIENT, peer_verify=peer_verify)
        return cls(commands, active, opened, options)

    def connect(self, host: str, port: int) -> Response:
        """#XCONNECT: the connection and its handshake. Waits as long as the modem may, and a margin."""
        self.select()
        if self.opened.type is SocketType.STREAM:
            return self.commands.connect(host, port)
        return self.commands.connect(host, port, at_most=self._handshake_timeout)

    def set(self, option: SecureOption, value: int | str) -> Response:
        """#XSSOCKETOPT=1,<name>,<value>."""
        self.select()
        response = self._options.set_secure(option, value)
        if option is SecureOption.DTLS_HANDSHAKE_TIMEO:
            self._handshake_timeout = int(value)
        return response

    def get(self, option: SecureOption) -> int:
        """#XSSOCKETOPT=0,<name>, a number."""
        self.select()
        return self._options.get_secure(option).number

    def host_name(self) -> str:
        """#XSSOCKETOPT=0,2."""
        self.select()
        return self._options.get_secure(SecureOption.HOSTNAME).text

    def cipher_suite(self) -> int:
        """The IANA number of the suite that the handshake agreed on."""
        return self.get(SecureOption.CIPHERSUITE_USED)

    def cid_status(self) -> CidStatus:
        """In which directions records carry a Connection ID."""
        return CidStatus(self.get(SecureOption.DTLS_CID_STATUS))
