"""Packet data contexts of a simulated modem, and the access point of its network (3GPP TS 27.007 section 10.1)."""

from dataclasses import dataclass

from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError

_KINDS = ("IP", "IPV6", "IPV4V6", "Non-IP")
_UNKNOWN_APN, _AUTHENTICATION_FAILED = 27, 29  # 3GPP TS 24.301 section 9.9.4.4
_LAST_CONTEXT = 10
_DEFAULT_NAME = "simulated.example"
"""Access point of a subscription when the context names none."""
_APN_LIMIT, _TEXT_LIMIT = 63, 64


@dataclass(frozen=True)
class AccessPoint:
    """The only access point that the simulated network knows; an empty name stands for any."""

    name: str = ""
    user: str = ""
    password: str = ""


class Contexts:
    """The contexts of one modem. Definitions outlive a restart, as they do in the modem's memory."""

    def __init__(self, known: AccessPoint) -> None:
        self._known = known
        self._defined: dict[int, tuple[str, str]] = {0: ("IPV4V6", "")}
        self._secrets: dict[int, tuple[str, str]] = {}

    def refusal(self) -> int | None:
        """Return the ESM cause with which the network refuses context 0; None when it does not."""
        name = self._defined.get(0, ("", ""))[1]
        if not self._known.name:
            return None
        if name.lower() != self._known.name.lower():
            return _UNKNOWN_APN
        wanted = (self._known.user, self._known.password)
        return None if wanted == ("", "") or self._secrets.get(0) == wanted else _AUTHENTICATION_FAILED

    def define(self, parameters: Parameters) -> None:
        """Execute AT+CGDCONT=<cid>[,<type>[,<APN>]]; the number alone forgets the context."""
        cid = parameters.number(0, 0, _LAST_CONTEXT)
        if not parameters.has(1):
            self._defined.pop(cid, None)
            return
        kind = parameters.string(1).decode("latin-1")
        if kind not in _KINDS:
            raise AtError
        name = b"" if parameters.empty(2) else parameters.string(2, _APN_LIMIT)
        self._defined[cid] = kind, name.decode("latin-1")

    def authenticate(self, parameters: Parameters) -> None:
        """Execute AT+CGAUTH=<cid>,<method>[,<user>,<password>]: 0 none, 1 PAP, 2 CHAP."""
        cid = parameters.number(0, 0, _LAST_CONTEXT)
        if parameters.number(1, 0, 2) == 0:
            self._secrets.pop(cid, None)
        else:
            user, password = (parameters.string(index, _TEXT_LIMIT).decode("latin-1") for index in (2, 3))
            self._secrets[cid] = user, password

    def lines(self, address: str, granted: str = "") -> list[str]:
        """Return the lines of AT+CGDCONT?, one a context.

        Args:
            address: of the context that is attached; empty for none.
            granted: the type that the network gave it, with a name where it was left to the subscription; empty where
                the context is shown as it was defined.
        """
        shown = dict(self._defined)
        if address and granted and 0 in shown:
            shown[0] = granted, shown[0][1] or self._known.name or _DEFAULT_NAME
        return [
            f'+CGDCONT: {cid},"{kind}","{name}","{"" if cid else address}",0,0'
            for cid, (kind, name) in sorted(shown.items())
        ]
