"""Name resolution, which both applications spell alike: #XGETADDRINFO."""

from bench.at import AtLink
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.socket_values import Family, Resolved

# An unknown name may keep a live network's resolver busy for long.
_RESOLVER_SECONDS = 60.0


class NameResolution:
    """#XGETADDRINFO."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def resolve(self, hostname: str, family: Family | int | None = None) -> Resolved:
        """AT#XGETADDRINFO=<hostname>[,<family>]; 0 is both families. On failure a line before ERROR says why."""
        suffix = "" if family is None else f",{int(family)}"
        command = f'AT#XGETADDRINFO="{hostname}"{suffix}'
        response = self._link.command(command, timeout=_RESOLVER_SECONDS + self._margin)
        return Resolved(tuple(Answers(self._link, response).one("#XGETADDRINFO")[0].split()), response)
