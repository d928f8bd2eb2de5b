"""Cures for refusals of a SIM or a network: texts from the owner of the configuration, behind the modem's facts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cures:
    """The end of each message, with its punctuation; empty where nobody knows a cure.

    Attributes:
        access_point: the network does not accept the access point, its user or its password.
        no_pin: the SIM wants a PIN, and there is none.
        wrong_pin: a wrong PIN was given.
    """

    access_point: str = ""
    no_pin: str = ""
    wrong_pin: str = ""
