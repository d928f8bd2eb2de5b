"""TLS and DTLS: secure peers and sockets that belong together."""

from dataclasses import dataclass

from bench.boards import Board
from bench.modem import Family, PeerVerify, SecureOption, SecureSocket, SocketType
from bench.peers import Peer, Peers
from bench.security import SUITES, TlsSettings, Verify
from bench.security.credentials import CredentialSet, ServerCertificate


@dataclass(frozen=True)
class SecureTransport:
    """TLS or DTLS: makes peers and the sockets that reach them."""

    kind: SocketType
    board: Board
    peers: Peers
    credentials: CredentialSet
    tags: dict[str, int]

    @property
    def datagram(self) -> bool:
        """Whether this is DTLS."""
        return self.kind is SocketType.DATAGRAM

    def peer(
        self,
        *certificates: ServerCertificate,
        psk: bool = False,
        verify: Verify = Verify.NONE,
        suites: tuple[int, ...] = tuple(SUITES),
        session_cache: bool = True,
        cid_length: int | None = None,
        ipv6: bool = False,
        **behaviour: object,
    ) -> Peer:
        """Start an echo peer.

        Args:
            certificates: what it shows; none with ``psk`` alone.
            psk: whether it knows the board's pre-shared key.
            verify: what it demands of the board.
            suites: what it accepts.
            session_cache: whether it resumes sessions.
            cid_length: of the Connection IDs that it gives out; None does without.
            ipv6: over IPv6.
            behaviour: see :class:`~bench.peers.behaviour.Behaviour`.
        """
        settings = TlsSettings(
            server=True,
            datagram=self.datagram,
            verify=verify,
            authorities=self.credentials.authorities["ecdsa"] + self.credentials.authorities["rsa"],
            certificates=tuple(self.credentials.servers[kind] for kind in certificates),
            psks=self.credentials.psks if psk else {},
            suites=suites,
            cid_length=cid_length,
            session_cache=session_cache,
        )
        start = self.peers.dtls_echo if self.datagram else self.peers.tls_echo
        return start(settings, ipv6=ipv6, key_log=None, **behaviour)

    def socket(
        self,
        tag: str,
        *,
        verify: PeerVerify | None = None,
        host_name: str | None = None,
        family: Family = Family.IPV4,
    ) -> SecureSocket:
        """Open a socket with the credentials of a tag, not connected yet."""
        secure = self.board.modem.secure_socket(self.kind, self.tags[tag], family=family, peer_verify=verify)
        if host_name is not None:
            secure.set_option(SecureOption.HOSTNAME, host_name)
        return secure

    def client(self, peer: Peer, tag: str = "psk") -> SecureSocket:
        """Open a socket that is connected to a peer."""
        secure = self.socket(tag)
        try:
            secure.connect(peer.host, peer.port)
        except BaseException:
            secure.__exit__(BaseException)
            raise
        return secure
