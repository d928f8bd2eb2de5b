"""The opening of a socket, which both applications spell alike: #XSOCKET and #XSSOCKET."""

from bench.at import AtLink, Response
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.socket_values import Family, Opened, PeerVerify, Role, SocketType


def open_command(kind: SocketType, family: Family, role: Role, cid: int | None) -> str:
    """Return ``AT#XSOCKET=<family>,<type>,<role>[,<cid>]``."""
    return f"AT#XSOCKET={family},{kind},{role}{'' if cid is None else f',{cid}'}"


def secure_open_command(
    kind: SocketType, sec_tag: int, family: Family, role: Role, peer_verify: PeerVerify | None, cid: int | None
) -> str:
    """Return ``AT#XSSOCKET=<family>,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]]``.

    Raises:
        UsageError: a cid without a level of verification before it.
    """
    if cid is not None and peer_verify is None:
        raise UsageError("<cid> stands behind <peer_verify>: give both")
    optional = "".join(f",{int(value)}" for value in (peer_verify, cid) if value is not None)
    return f"AT#XSSOCKET={family},{kind},{role},{sec_tag}{optional}"


def read_opened(link: AtLink, response: Response, prefix: str) -> Opened:
    """Return the value of ``<prefix>: <handle>,<type>,<protocol>``.

    Raises:
        MalformedAnswer: there is no such line, or its handle is negative.
    """
    answers = Answers(link, response)
    handle, kind, protocol = (answers.number(field, "a field") for field in answers.one(prefix, fields=3)[:3])
    if handle < 0:
        answers.refuse("a handle of 0 or more")
    return Opened(handle, answers.member(kind, SocketType), protocol, response)
