"""TLS and DTLS sockets as objects."""

from typing import Self

from bench.at import Response
from bench.modem.commands import CommandFamilies
from bench.modem.socket_values import (
    CidStatus,
    Family,
    Opened,
    PeerVerify,
    Role,
    SecureOption,
    SocketOption,
    SocketType,
)
from bench.modem.sockets import TcpClient

DEFAULT_HANDSHAKE_TIMEOUT = 123
"""Seconds that a DTLS handshake may take unless TLS_DTLS_HANDSHAKE_TIMEO says otherwise."""


class SecureSocket(TcpClient):
    """A TLS or DTLS client socket. Entered, it closes itself at the end."""

    def __init__(self, commands: CommandFamilies, opened: Opened) -> None:
        super().__init__(commands, opened)
        self._handshake_timeout = DEFAULT_HANDSHAKE_TIMEOUT

    @classmethod
    def open_secure(
        cls,
        commands: CommandFamilies,
        kind: SocketType,
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        peer_verify: PeerVerify | None = None,
    ) -> Self:
        """Open a TLS or DTLS socket."""
        return cls(
            commands, commands.sockets.open_secure(kind, sec_tag, family=family, role=role, peer_verify=peer_verify)
        )

    def connect(self, host: str, port: int) -> Response:
        """Connect and shake hands. Waits as long as the modem may take, and a margin."""
        if self.opened.type is SocketType.STREAM:
            return super().connect(host, port)
        return self.commands.sockets.connect(self.handle, host, port, at_most=self._handshake_timeout)

    def set_option(self, option: SocketOption | SecureOption | int, value: int | str | None = None) -> Response:
        """Set an option; a longer handshake timeout lets :meth:`connect` wait longer."""
        response = super().set_option(option, value)
        if option is SecureOption.DTLS_HANDSHAKE_TIMEO and value is not None:
            self._handshake_timeout = int(value)
        return response

    def host_name(self) -> str:
        """Return the name that the peer's certificate must bear."""
        return self.get_option(SecureOption.HOSTNAME).text

    def cipher_suite(self) -> int:
        """Return the IANA number of the suite that the handshake agreed on."""
        return self.get_option(SecureOption.CIPHERSUITE_USED).number

    def cid_status(self) -> CidStatus:
        """Return the directions in which records carry a Connection ID."""
        return CidStatus(self.get_option(SecureOption.DTLS_CID_STATUS).number)
