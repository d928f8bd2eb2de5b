"""Bringing a board from whatever state a crash left it in to one that answers commands in step."""

import re

from bench.at import AtLink, CommandError, printable
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, LabError, Suspect
from bench.modem.dialects import DIALECTS, titles

_ANSWER = re.compile(rb"\r\n(OK|ERROR)\r\n")
_OK = b"\r\nOK\r\n"
_CR, _LF, _CR_LF = b"\r", b"\n", b"\r\n"
# A board answers AT within milliseconds; a second leaves room for held-back URCs and a slow USB bridge.
_PROBE_SECONDS = 1.0
_QUIET_SECONDS = 0.15
_MARKERS = 3
# The first ERROR may be the end of half a command that an earlier process had left.
_ERRORS_OF_LF_BUILD = 2


class BoardSilent(LabError):
    """Nothing answers at the port."""

    suspect = Suspect.DEVICE


class BoardUnintelligible(LabError):
    """Something answers at the port, but not AT."""

    suspect = Suspect.DEVICE


def synchronise(link: AtLink, *, timeout: float = 15.0) -> None:
    """Leave data mode, close an open quote, wait for a command that still runs, and check that answers fit.

    +++ ends data mode; to the command parser it is noise before AT. An open quote swallows everything up to the next
    quote, so a quote alone is sent whenever the probe was met by silence. At the end a command whose answer cannot be
    mistaken for another's shows that commands and answers are in step.

    CR LF reaches builds whose commands end in CR LF or in CR. One whose commands end in LF answers ERROR to it, and is
    probed by LF then; the link uses LF from then on.

    Raises:
        BoardSilent, BoardUnintelligible: says what to look at.
        PortLost: the port vanished.
    """
    deadline = now_ns() + round(timeout * NS_PER_S)
    heard = b""
    errors = 0
    while now_ns() < deadline:
        answer = _probe(link)
        heard += answer
        if _OK in answer and _in_step(link):
            return
        if not _ANSWER.search(answer):
            link.write_raw(b'"' + link.dialect.terminator)
            heard += link.listen(_is_answer, timeout=_QUIET_SECONDS)
            continue
        errors += _OK not in answer
        if errors == _ERRORS_OF_LF_BUILD and _ends_in_lf(link):
            return
        if errors >= _ERRORS_OF_LF_BUILD:  # what answers ERROR at once is not asked a thousand times a second
            heard += link.listen(lambda _: False, timeout=_QUIET_SECONDS)
    raise _failure(link, timeout, heard)


def find_terminator(link: AtLink) -> None:
    """Find out if a board that takes CR LF wants CR alone; the link uses it from then on.

    A build whose commands end in CR takes the LF behind it for noise, but in data mode for the first byte of the data.
    """
    if link.dialect.terminator != _CR_LF or not _known(_CR):
        return
    took = link.command("AT", timeout=_PROBE_SECONDS).duration_ns / NS_PER_S
    link.write_raw(b"AT" + _CR)
    if _OK in link.listen(lambda data: _OK in data, timeout=max(_QUIET_SECONDS, 3 * took)):
        link.speak(link.dialect.ending_in(_CR))
    else:
        link.write_raw(_LF)
        link.listen(lambda data: _OK in data, timeout=_PROBE_SECONDS)
    link.forget()


def _probe(link: AtLink) -> bytes:
    link.write_raw(link.dialect.data_mode_terminator + b"AT" + link.dialect.terminator)
    return link.listen(_is_answer, timeout=_PROBE_SECONDS)


def _is_answer(data: bytes) -> bool:
    return _ANSWER.search(data) is not None


def _known(terminator: bytes) -> bool:
    return any(terminator in dialect.terminators for dialect in DIALECTS)


def _ends_in_lf(link: AtLink) -> bool:
    """Probe by LF; where that is not what the board wants, end the line of the probe."""
    before = link.dialect
    if before.terminator != _CR_LF or not _known(_LF):
        return False
    link.speak(before.ending_in(_LF))
    link.write_raw(b"AT" + _LF)
    if _OK in link.listen(_is_answer, timeout=_QUIET_SECONDS) and _in_step(link):
        return True
    link.speak(before)
    link.write_raw(_CR_LF)
    link.listen(_is_answer, timeout=_QUIET_SECONDS)
    return False


def _failure(link: AtLink, timeout: float, heard: bytes) -> BoardSilent | BoardUnintelligible:
    if not heard:
        return BoardSilent(
            f"{link.name} gave no answer to AT for {timeout:g} s: is it the board's AT port (DKs have two or three),"
            f" is the baud rate right, is flow control wired, does it run {titles()}? Reset the board and try again"
            f"\n    whole transcript: {link.port.where}"
        )
    return BoardUnintelligible(
        f"{link.name} does not speak AT: it sent {printable(link.port.conceal(heard[-200:]))}; is it the board's AT"
        f" port, and is the baud rate right?\n    whole transcript: {link.port.where}"
    )


def _in_step(link: AtLink) -> bool:
    """Return True when a command gets its own answer. Bytes that are still on their way are let pass first."""
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
