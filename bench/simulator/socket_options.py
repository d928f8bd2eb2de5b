"""Numbers of the socket options, as the modem library defines them. Dialects use the same."""

from enum import IntEnum


class SocketOptionNumber(IntEnum):
    """Options of any socket."""

    REUSEADDR = 2
    RCVTIMEO = 20
    SNDTIMEO = 21
    SILENCE_ALL = 30
    IP_ECHO_REPLY = 31
    IPV6_ECHO_REPLY = 32
    KEEPOPEN = 34
    BINDTOPDN = 40
    TCP_SRV_SESSTIMEO = 55
    RAI = 61
    IPV6_DELAYED_ADDR_REFRESH = 62


class SecureOptionNumber(IntEnum):
    """Options of a secure socket."""

    HOSTNAME = 2
    CIPHERSUITE_USED = 4
    PEER_VERIFY = 5
    SESSION_CACHE = 12
    SESSION_CACHE_PURGE = 13
    DTLS_CID = 14
    DTLS_CID_STATUS = 15
    DTLS_HANDSHAKE_TIMEO = 18
    DTLS_FRAG_EXT = 22


CID_DISABLED, CID_SUPPORTED, CID_ENABLED = 0, 1, 2
DEFAULT_HANDSHAKE_TIMEO_S = 123
