"""The features in which the application firmwares differ: a row each, with the versions that have it.

A scenario names what it needs by ``@pytest.mark.needs("#XPOLL")``; on a board without it, the scenario is left out.
The names complete the sentence "this firmware has no ...".
"""

from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

from bench.config.patterns import in_range

ANY = ""
"""The range of all versions."""
_SINCE_PREVIEW = ">=1.99"
_AFTER_PREVIEW = ">=1.99,!=2.0.0rc1"
"""v2.0.0-preview1, which is 2.0.0rc1 here, is older than 1.99."""

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
    # Data that cannot be sent are dropped, and nothing reports it.
    "silent data mode": ANY,
    "#XSLMVER": ANY,
}

SERIAL_MODEM_FEATURES: Mapping[str, str] = {
    "handle in every command": ANY,
    "#XLISTEN": _SINCE_PREVIEW,
    "#XCLOSE": ANY,
    # A raw socket is opened with family 3, and with no other.
    "packet family": ANY,
    # A socket is bound to its context when it is opened: a context without a connection is refused.
    "context at the open": ANY,
    # Each event of a socket is reported once by URC. SLM 3.1 has a command of that name with other parameters.
    "#XAPOLL by handle": ANY,
    "#XRECVCFG": ANY,
    "hexadecimal data": ANY,
    "receive length": ANY,
    "data mode of a length": ANY,
    # When data mode has failed, the board says +++, and #XDATAMODE: -1 at its end.
    "data mode that reports": ANY,
    "acknowledged send": ANY,
    # Each accepted connection has a handle of its own.
    "several connections of a server": _SINCE_PREVIEW,
    "unchecked roles": _SINCE_PREVIEW,
    # A line without AT is dropped, and not answered.
    "silence after a line without AT": ANY,
    "echo": ANY,
    "line of 8189 characters": _SINCE_PREVIEW,
    "#XSMVER": ANY,
    "#XSLEEP": ANY,
    "#XBOOTINFO": _AFTER_PREVIEW,
    "AT+IPR": ANY,
    "socket option 34": _AFTER_PREVIEW,
    "secure socket options 19 and 20": _AFTER_PREVIEW,
    "socket option 55": _SINCE_PREVIEW,
    "socket option 62": ANY,
    "secure socket option 22": ANY,
}


def has(features: Mapping[str, str], name: str, version: str) -> bool:
    """Return True where a version of a firmware has a feature.

    A lab's own build may have no version that can be compared: it counts as having every feature of its firmware.

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
