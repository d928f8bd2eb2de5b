"""What a board knows of its network: #XGETADDRINFO, and its own addresses (3GPP TS 27.007 section 10.1.23)."""

from bench.at import AtLink
from bench.modem.answers import Answers
from bench.modem.socket_values import Family, Resolved

# A name that nobody knows may keep a live network's resolver busy for long.
_RESOLVER_SECONDS = 60.0


class NetworkCommands:
    """The commands themselves."""

    def __init__(self, link: AtLink, *, margin: float = 5.0) -> None:
        self._link = link
        self._margin = margin

    def resolve(self, hostname: str, family: Family | int | None = None) -> Resolved:
        """AT#XGETADDRINFO=<hostname>[,<family>]; 0 is both families."""
        suffix = "" if family is None else f",{int(family)}"
        command = f'AT#XGETADDRINFO="{hostname}"{suffix}'
        response = self._link.command(command, timeout=_RESOLVER_SECONDS + self._margin)
        return Resolved(tuple(Answers(self._link, response).one("#XGETADDRINFO")[0].split()), response)

    def addresses(self, cid: int = 0) -> tuple[str, ...]:
        """AT+CGPADDR=<cid>: the board's own addresses in that packet data context, none while it is detached."""
        response = self._link.command(f"AT+CGPADDR={cid}", timeout=self._margin)
        return tuple(field for field in Answers(self._link, response).one("+CGPADDR")[1:] if field)
