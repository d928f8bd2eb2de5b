"""Reject causes of a network: EMM causes (3GPP TS 24.301 section 9.9.3.9), ESM causes (section 9.9.4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.modem.cures import Cures


class Scope(StrEnum):
    """What a cause speaks of, and so what another attempt is worth."""

    SUBSCRIPTION = "permanent"
    """The SIM, the board or its context: a new attempt ends the same way."""
    PLACE = "of this network or tracking area: another one may accept the board"
    MOMENT = "worth another try"
    NOTHING = "not a refusal"
    """It only says what the network granted."""


@dataclass(frozen=True)
class Cause:
    """One reject cause.

    Attributes:
        text: as the specification calls it.
        scope: what it speaks of.
        of_access_point: the access point, its user or its password is not accepted.
    """

    text: str
    scope: Scope = Scope.MOMENT
    of_access_point: bool = False


EMM: Mapping[int, Cause] = {
    2: Cause("IMSI unknown in HSS: is the subscription active?", Scope.SUBSCRIPTION),
    3: Cause("illegal UE", Scope.SUBSCRIPTION),
    5: Cause("IMEI not accepted", Scope.SUBSCRIPTION),
    6: Cause("illegal ME", Scope.SUBSCRIPTION),
    7: Cause("EPS services not allowed", Scope.SUBSCRIPTION),
    8: Cause("EPS and non-EPS services not allowed", Scope.SUBSCRIPTION),
    11: Cause("PLMN not allowed", Scope.PLACE),
    12: Cause("tracking area not allowed", Scope.PLACE),
    13: Cause("roaming not allowed in this tracking area", Scope.PLACE),
    14: Cause("EPS services not allowed in this PLMN", Scope.PLACE),
    15: Cause("no suitable cells in tracking area", Scope.PLACE),
    17: Cause("network failure"),
    18: Cause("CS domain not available", Scope.NOTHING),
    19: Cause("ESM failure: the ESM cause says more"),
    22: Cause("congestion"),
    35: Cause("requested service option not authorized in this PLMN", Scope.PLACE),
    42: Cause("severe network failure"),
}
ESM: Mapping[int, Cause] = {
    8: Cause("operator determined barring", Scope.SUBSCRIPTION),
    26: Cause("insufficient resources"),
    27: Cause("missing or unknown APN", Scope.SUBSCRIPTION, of_access_point=True),
    28: Cause("unknown PDN type", Scope.SUBSCRIPTION),
    29: Cause("user authentication failed", Scope.SUBSCRIPTION, of_access_point=True),
    30: Cause("request rejected by the gateway"),
    31: Cause("request rejected, unspecified"),
    32: Cause("service option not supported", Scope.SUBSCRIPTION),
    33: Cause("requested service option not subscribed", Scope.SUBSCRIPTION),
    34: Cause("service option temporarily out of order"),
    38: Cause("network failure"),
    50: Cause("only IPv4 is allowed, and the board has it", Scope.NOTHING),
    51: Cause("only IPv6 is allowed, and the board has it", Scope.NOTHING),
}


def describe(kind: str, number: int, known: Mapping[int, Cause], cures: Cures) -> str:
    """Return a cause in words: ``EMM cause 3 (illegal UE), permanent``."""
    cause = known.get(number)
    if cause is None:
        return f"{kind} cause {number}"
    text = cause.text + cures.access_point * cause.of_access_point
    return f"{kind} cause {number} ({text}), {cause.scope}"


def is_permanent(number: int | None, known: Mapping[int, Cause]) -> bool:
    """Return True for a cause after which a new attempt ends in the same way, as far as is known."""
    return number is not None and number in known and known[number].scope is Scope.SUBSCRIPTION


def is_refusal(number: int | None, known: Mapping[int, Cause]) -> bool:
    """Return False where no cause was given, as by 0, and for one that only says what was granted."""
    if not number:
        return False
    return number not in known or known[number].scope is not Scope.NOTHING
