"""Brings a board from whatever state a crash left it in to one that answers commands in step."""

import re

from bench.at import AtLink, CommandError, printable
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, LabError, Suspect

_ANSWER = re.compile(rb"\r\n(OK|ERROR)\r\n")
_PROBE = b"AT\r\n"
# A board answers AT within milliseconds; a second leaves room for held-back URCs and a slow USB bridge.
_PROBE_SECONDS = 1.0
_QUIET_SECONDS = 0.15
_MARKERS = 3


class BoardSilent(LabError):
    """Nothing answers at the port."""

    suspect = Suspect.DEVICE


class BoardUnintelligible(LabError):
    """Something answers at the port, but not AT."""

    suspect = Suspect.DEVICE


def synchronise(link: AtLink, *, timeout: float = 15.0) -> None:
    """Leaves data mode, closes an open quote, waits for a command that still runs, and checks that answers fit.

    +++ ends data mode; to the command parser it is noise before AT. An open quote swallows everything up to the next
    quote, so a lone one is sent whenever the probe was met by silence. At the end a command whose answer cannot be
    mistaken for another's shows that commands and answers are in step.

    Raises:
        BoardSilent, BoardUnintelligible: says what to look at.
        PortLost: the port vanished.
    """
    deadline = now_ns() + round(timeout * NS_PER_S)
    heard = b""
    while now_ns() < deadline:
        link.write_raw(link.dialect.data_mode_terminator + _PROBE)
        answer = link.listen(lambda data: _ANSWER.search(data) is not None, timeout=_PROBE_SECONDS)
        heard += answer
        if b"\r\nOK\r\n" in answer and _in_step(link):
            return
        if not _ANSWER.search(answer):
            link.write_raw(b'"' + link.dialect.terminator)
            heard += link.listen(lambda data: _ANSWER.search(data) is not None, timeout=_QUIET_SECONDS)
    if not heard:
        raise BoardSilent(
            f"{link.name} gave no answer to AT for {timeout:g} s: is it the board's AT port (DKs have two or three),"
            " is the baud rate right, is flow control wired, does it run Serial LTE Modem? Reset the board and try"
            " again"
            f"\n    whole transcript: {link.port.where}"
        )
    raise BoardUnintelligible(
        f"{link.name} does not speak AT: it sent {printable(link.port.conceal(heard[-200:]))}; is it the board's AT"
        f" port, and is the baud rate right?\n    whole transcript: {link.port.where}"
    )


def _in_step(link: AtLink) -> bool:
    """Whether a command gets its own answer. What is still on its way is let pass first."""
    for _ in range(_MARKERS):
        link.listen(lambda _: False, timeout=_QUIET_SECONDS)
        link.forget()
        try:
            response = link.command("AT+CFUN?", timeout=_PROBE_SECONDS)
        except CommandError:
            continue
        except DeviceError:  # silence, or an answer against the rules
            return False
        if len(response.lines) == 1 and response.lines[0].startswith("+CFUN: "):
            return True
    return False
