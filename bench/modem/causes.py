"""Reject causes of a network: EMM causes (3GPP TS 24.301 section 9.9.3.9), ESM causes (section 9.9.4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.modem.cures import Cures


@dataclass(frozen=True)
class Cause:
    """One reject cause.

    Attributes:
        text: as the specification calls it, the operator's cure behind it where there is one.
        permanent: a new attempt with the same SIM, context and place ends in the same way.
        of_access_point: the access point, its user or its password is not accepted.
    """

    text: str
    permanent: bool = False
    of_access_point: bool = False


EMM: Mapping[int, Cause] = {
    2: Cause("IMSI unknown in HSS: is the subscription active?", permanent=True),
    3: Cause("illegal UE", permanent=True),
    5: Cause("IMEI not accepted", permanent=True),
    6: Cause("illegal ME", permanent=True),
    7: Cause("EPS services not allowed", permanent=True),
    8: Cause("EPS and non-EPS services not allowed", permanent=True),
    11: Cause("PLMN not allowed", permanent=True),
    12: Cause("tracking area not allowed", permanent=True),
    13: Cause("roaming not allowed in this tracking area", permanent=True),
    14: Cause("EPS services not allowed in this PLMN", permanent=True),
    15: Cause("no suitable cells in tracking area", permanent=True),
    17: Cause("network failure"),
    19: Cause("ESM failure: the ESM cause says more"),
    22: Cause("congestion"),
    35: Cause("requested service option not authorized in this PLMN", permanent=True),
    42: Cause("severe network failure"),
}
ESM: Mapping[int, Cause] = {
    8: Cause("operator determined barring", permanent=True),
    26: Cause("insufficient resources"),
    27: Cause("missing or unknown APN", permanent=True, of_access_point=True),
    28: Cause("unknown PDN type", permanent=True),
    29: Cause("user authentication failed", permanent=True, of_access_point=True),
    30: Cause("request rejected by the gateway"),
    31: Cause("request rejected, unspecified"),
    32: Cause("service option not supported", permanent=True),
    33: Cause("requested service option not subscribed", permanent=True),
    34: Cause("service option temporarily out of order"),
    38: Cause("network failure"),
    50: Cause("only IPv4 is allowed, and the board has it"),
    51: Cause("only IPv6 is allowed, and the board has it"),
}


def describe(kind: str, number: int, known: Mapping[int, Cause], cures: Cures) -> str:
    """Return a cause in words: ``EMM cause 15 (no suitable cells in tracking area), permanent``."""
    cause = known.get(number)
    if cause is None:
        return f"{kind} cause {number}"
    text = cause.text + cures.access_point * cause.of_access_point
    return f"{kind} cause {number} ({text}), {'permanent' if cause.permanent else 'worth another try'}"


def is_permanent(number: int | None, known: Mapping[int, Cause]) -> bool:
    """Return True for a cause after which a new attempt ends in the same way, as far as is known."""
    return number is not None and number in known and known[number].permanent
