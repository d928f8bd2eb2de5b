"""The features in which the application firmwares differ: a row each, with the versions that have it.

A scenario names what it needs by ``@pytest.mark.needs("#XPOLL")``; on a board without it, the scenario is left out.
The names complete the sentence "this firmware has no ...".
"""

from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

from bench.config.patterns import in_range

ANY = ""
"""The range of all versions."""

SLM_FEATURES: Mapping[str, str] = {
    # Commands act on the socket that is active; #XSOCKETSELECT chooses it, #XSOCKET=0 closes it.
    "selected socket": ANY,
    "#XPOLL": ANY,
    # The role of a socket decides what it may do.
    "roles": ANY,
    "#XLISTEN": ANY,
    # #XACCEPT blocks the board until a client comes; #XACCEPT? tells the handle of the one accepted.
    "waiting #XACCEPT": ANY,
    # The connection is reached by the listener's handle, and ends with it.
    "single connection of a server": ANY,
    "limit of 1024 bytes a string": ANY,
    "socket option 55": ANY,
    # What is no AT command is answered by ERROR.
    "answer to every line": ANY,
    # Data that can go nowhere are dropped, and nothing says so.
    "silent data mode": ANY,
    "#XSLMVER": ANY,
}

SERIAL_MODEM_FEATURES: Mapping[str, str] = {
    "handle in every command": ANY,
    "#XLISTEN": ">=1.99",
    "#XCLOSE": ANY,
    # Family 3 is named at the open, and raw sockets have no other.
    "packet family": ANY,
    # A socket is bound to its context when it is opened: one without a connection is refused.
    "context at the open": ANY,
    # Each event of a socket is reported once by URC. SLM 3.1 has a command of that name with other parameters.
    "#XAPOLL by handle": ANY,
    "#XRECVCFG": ANY,
    "hexadecimal data": ANY,
    "receive length": ANY,
    "data mode of a length": ANY,
    # The board says +++ itself when data mode has failed, and #XDATAMODE: -1.
    "data mode that reports": ANY,
    "acknowledged send": ANY,
    # A connection that was accepted has a handle of its own.
    "several connections of a server": ">=1.99",
    "unchecked roles": ">=1.99",
    # What does not hold AT is dropped without a word.
    "silence after a line without AT": ANY,
    "echo": ANY,
    "line of 8189 characters": ">=1.99",
    "#XSMVER": ANY,
    "#XSLEEP": ANY,
    "#XBOOTINFO": ">=1.99",
    "AT+IPR": ANY,
    "socket option 34": ">=1.99",
    "socket option 55": ">=1.99",
    "socket option 62": ANY,
    "secure socket option 22": ANY,
}


def has(features: Mapping[str, str], name: str, version: str) -> bool:
    """Return True where a version of a firmware has a feature; an own build, without a version, has all of them.

    Args:
        features: of the firmware.
        name: of the feature.
        version: in a form that ranges can compare.
    """
    if name not in features:
        return False
    try:
        Version(version)
    except InvalidVersion:
        return True
    return in_range(version, features[name])
