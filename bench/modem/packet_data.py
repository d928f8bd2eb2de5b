"""Packet data contexts: 3GPP TS 27.007 sections 10.1.1 (+CGDCONT), 10.1.23 (+CGPADDR) and 10.1.31 (+CGAUTH)."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.at import AtLink
from bench.modem.answers import Answers
from bench.modem.changes import Changes, UndoableChange

_ATTACH = "0"
"""The context with which the modem attaches."""
_SECONDS = 60.0
_ADDRESS_SECONDS = 10.0
_METHODS = {"pap": 1, "chap": 2}


@dataclass(frozen=True, slots=True)
class PacketContext:
    """A context as it is defined.

    Attributes:
        kind: IP, IPV6, IPV4V6 or Non-IP.
        apn: access point name; empty is the subscription's default.
    """

    kind: str
    apn: str


@dataclass(frozen=True)
class AttachSettings:
    """The access point of a SIM's contract.

    Attributes:
        context: to attach with.
        user: empty where the access point asks for none.
        password: gives it when it is needed; a LabError says why it cannot.
        method: pap or chap.
    """

    context: PacketContext
    user: str = ""
    password: Callable[[], str] = str
    method: str = "chap"


class PacketData:
    """The contexts of one modem."""

    def __init__(self, link: AtLink, changes: Changes) -> None:
        self._link = link
        self._changes = changes
        self._made: list[UndoableChange] = []

    def attach_context(self) -> PacketContext:
        """Return the context with which the modem attaches, as defined; while registered, as the network gave it."""
        answers = Answers(self._link, self._link.command("AT+CGDCONT?"))
        for fields in answers.lines("+CGDCONT"):
            if len(fields) >= 3 and fields[0] == _ATTACH:
                return PacketContext(fields[1], fields[2])
        return PacketContext("", "")

    def addresses(self, cid: int = 0) -> tuple[str, ...]:
        """AT+CGPADDR=<cid>: return the board's own addresses in a context, none while it is detached."""
        response = self._link.command(f"AT+CGPADDR={cid}", timeout=_ADDRESS_SECONDS)
        return tuple(field for field in Answers(self._link, response).one("+CGPADDR")[1:] if field)

    def attach_by(self, point: AttachSettings) -> None:
        """Let the modem attach by an access point from its next registration on; :meth:`restore` undoes it.

        The radio is switched off where something has to change. A password that the modem knew before cannot be read,
        and so not be put back.

        Raises:
            CommandError: the modem refused.
        """
        mode = Answers(self._link, self._link.command("AT+CFUN?")).one("+CFUN")[0]
        if mode == "1" and not point.user and _is(self.attach_context(), point.context):
            return
        self._made.append(self._changes.about_to_make(f"AT+CFUN={mode}"))
        self._link.command("AT+CFUN=4", timeout=_SECONDS)
        before = self.attach_context()
        if before != point.context:
            undo = f'AT+CGDCONT=0,"{before.kind}","{before.apn}"' if before.kind else "AT+CGDCONT=0"
            self._made.append(self._changes.about_to_make("AT+CFUN=4", undo))
            self._link.command(f'AT+CGDCONT=0,"{point.context.kind}","{point.context.apn}"')
        if point.user:
            self._made.append(self._changes.about_to_make("AT+CFUN=4", "AT+CGAUTH=0,0"))
            method = _METHODS[point.method]
            self._link.command(f'AT+CGAUTH=0,{method},"{point.user}","{point.password()}"')

    def restore(self) -> None:
        """Undo what :meth:`attach_by` changed, the last first."""
        while self._made:
            self._made.pop().undo()


def _is(granted: PacketContext, wanted: PacketContext) -> bool:
    """Return True for the wanted context: a network adds its operator's domain to a name."""
    given, asked_for = granted.apn.lower(), wanted.apn.lower()
    return granted.kind == wanted.kind and (
        given == asked_for or (bool(asked_for) and given.startswith(f"{asked_for}.mnc"))
    )
