"""Bringing a board from whatever state a crash left it in to one that answers commands in step."""

import re

from bench.at import AtLink, CommandError, printable
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, LabError, Suspect
from bench.modem.dialects import DIALECTS, recognitions, titles

_ANSWER = re.compile(rb"\r\n(OK|ERROR)\r\n")
_OK = b"\r\nOK\r\n"
_CR, _LF, _CR_LF = b"\r", b"\n", b"\r\n"
# A board answers AT within milliseconds; a second leaves room for held-back URCs and a slow USB bridge.
_PROBE_SECONDS = 1.0
_QUIET_SECONDS = 0.15
_MARKERS = 3
# The first ERROR may be the end of half a command that an earlier process had left.
_ERRORS_OF_LF_BUILD = 2
# A modem that has crashed and starts again refuses commands meanwhile.
_MODEM_SECONDS = 5.0
# What Zephyr, its bootloaders and TF-M print: readable text, so the baud rate is right.
_LOG_LINE = re.compile(rb"\*\*\* (?:Booting|Using) |Booting TF-M|<(?:inf|wrn|err|dbg)>|\[(?:INF|WRN|ERR|DBG)\]")


class BoardUnusable(LabError):
    """No commands can be exchanged with what is at the port.

    Attributes:
        rate_is_right: what was heard shows that the baud rate is right.
    """

    suspect = Suspect.DEVICE

    def __init__(self, message: str, *, evidence: str = "", rate_is_right: bool = False) -> None:
        super().__init__(message, evidence=evidence)
        self.rate_is_right = rate_is_right


class BoardSilent(BoardUnusable):
    """Nothing answers at the port."""


class BoardUnintelligible(BoardUnusable):
    """Something answers at the port, but not AT."""


class ModemRefuses(BoardUnusable):
    """The application answers, the modem refuses every command."""


def synchronise(link: AtLink, *, timeout: float = 15.0) -> None:
    """Leave data mode, close an open quote, wait for a command that still runs, and check that answers fit.

    +++ ends data mode; to the command parser it is noise before AT. An open quote swallows everything up to the next
    quote, so a quote alone is sent whenever the probe was met by silence. At the end a command whose answer cannot be
    mistaken for another's shows that commands and answers are in step.

    CR LF reaches builds whose commands end in CR LF or in CR. One whose commands end in LF answers ERROR to it, and is
    probed by LF then; the link uses LF from then on.

    Raises:
        BoardSilent, BoardUnintelligible: says what to look at.
        ModemRefuses: the board is in step, and its modem core is not there.
        PortLost: the port vanished.
    """
    deadline = now_ns() + round(timeout * NS_PER_S)
    heard = b""
    errors = 0
    refused_ns = 0
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
        if errors >= _ERRORS_OF_LF_BUILD or _OK in answer:
            version = _version_beside_a_refusing_modem(link)
            refused_ns = (refused_ns or now_ns()) if version else 0
            if version and now_ns() - refused_ns >= _MODEM_SECONDS * NS_PER_S:
                raise _modem_refuses(link, version)
            # what answers ERROR at once is not asked a thousand times a second
            heard += link.listen(lambda _: False, timeout=_QUIET_SECONDS)
    raise _failure(link, timeout, heard, errors)


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
    # An ERROR that comes first is the answer to what was sent before.
    if _OK in link.listen(lambda data: _OK in data, timeout=_QUIET_SECONDS) and _in_step(link):
        return True
    link.speak(before)
    link.write_raw(_CR_LF)
    link.listen(_is_answer, timeout=_QUIET_SECONDS)
    return False


def _failure(link: AtLink, timeout: float, heard: bytes, errors: int) -> BoardSilent | BoardUnintelligible:
    if not heard:
        return BoardSilent(
            f"{link.name} gave no answer to AT for {timeout:g} s: is it the board's AT port (DKs have two or three),"
            f" is the baud rate right, is flow control wired, does it run {titles()}? Reset the board and try again",
            evidence=link.port.pointer,
        )
    came = printable(link.port.conceal(heard[-200:]))
    if errors and _OK not in heard:
        asked = ", ".join(("AT", *(recognition.command for recognition in recognitions())))
        return BoardUnintelligible(
            f"{link.name} answers ERROR to every command ({asked}): it speaks AT, so port and baud rate are right; does"
            f" it run {titles()}, and does its modem run? Flash application and modem firmware",
            evidence=link.port.pointer,
            rate_is_right=True,
        )
    if _LOG_LINE.search(heard):
        return BoardUnintelligible(
            f"{link.name} does not speak AT: it sent log lines, {came}; the baud rate is right, so this is the board's"
            f" log port (DKs have two or three ports), or the board starts again and again",
            evidence=link.port.pointer,
            rate_is_right=True,
        )
    return BoardUnintelligible(
        f"{link.name} does not speak AT: it sent {came}; is it the board's AT port, and is the baud rate right?",
        evidence=link.port.pointer,
    )


def _version_beside_a_refusing_modem(link: AtLink) -> str:
    """Return the application's own version where it answers while the modem refuses; empty otherwise."""
    link.listen(lambda _: False, timeout=_QUIET_SECONDS)
    link.forget()
    for recognition in recognitions():
        try:
            lines = link.command(recognition.command, timeout=_PROBE_SECONDS).lines
        except CommandError:
            continue
        except DeviceError:
            return ""
        told = [line for line in lines if line.startswith(recognition.prefix)]
        return told[0] if told and _refuses(link, "AT+CFUN?") else ""
    return ""


def _refuses(link: AtLink, command: str) -> bool:
    try:
        link.command(command, timeout=_PROBE_SECONDS)
    except CommandError:
        return True
    except DeviceError:
        pass
    return False


def _modem_refuses(link: AtLink, version: str) -> ModemRefuses:
    return ModemRefuses(
        f"{link.name}: the application answers ({version}), but the modem refuses every command (AT+CFUN? is answered"
        " ERROR): its core has crashed, or has no modem firmware or a wrong one. Port and baud rate are right. Reset"
        " the board; where that does not help, flash the modem firmware",
        evidence=link.port.pointer,
        rate_is_right=True,
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
