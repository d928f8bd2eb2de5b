"""Single wrong behaviours of Serial Modem, and the scenarios that must catch each."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.simulator import data_mode, dialects
from bench.simulator.commands import RUN, Handler
from bench.simulator.downlink import POLLERR, POLLIN
from bench.simulator.framing import CommandLine
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import Refused
from bench.simulator.serial_modem import commands, delivery, framing, polling, receiving, sending, slots
from bench.simulator.serial_modem.data_mode import DataModeCommands
from bench.simulator.serial_modem.delivery import Delivery
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.sockets import SocketRequest, TableSocket
from bench.simulator.transfer import ReceivedData
from tests.support.patches import Fault, Patch, attribute, command, nothing, receive_with, says, swallowing, wrapped

SERIAL_MODEM = "serial-modem"
_HANDLES, _CLOSING, _LINES, _LONG = "test_handles.py", "test_closing.py", "test_lines.py", "test_long_lines.py"
_FORMATTED, _LENGTH, _ACKNOWLEDGED = "test_formatted_data.py", "test_receive_length.py", "test_acknowledged_sends.py"
_EVENTS, _RECEPTION, _ACCEPTED = "test_events.py", "test_reception.py", "test_accepted_connections.py"
_COUNTED, _FAILURES, _CONTEXTS = "test_counted_data_mode.py", "test_data_mode_failures.py", "test_contexts.py"


def _quirks(**changes: Any) -> Patch:  # noqa: ANN401 - whatever a quirk is
    """Give the firmware other quirks."""

    def patch() -> None:
        row = dialects.FIRMWARES[SERIAL_MODEM]
        changed = commands.serial_modem(replace(Quirks(), **changes))
        dialects.FIRMWARES[SERIAL_MODEM] = replace(row, dialect=changed)

    return patch


def _in_capitals(payload: Callable[..., bytes]) -> Callable[..., bytes]:
    def changed(received: Any, *, as_hex: bool) -> bytes:  # noqa: ANN401
        data = payload(received, as_hex=as_hex)
        return data.upper() if as_hex else data

    return changed


def _last_digit_alone(text: bytes) -> bytes:
    return bytes.fromhex(text.decode() + ("0" if len(text) % 2 else ""))


def _without_length(enter: Callable[..., None]) -> Callable[..., None]:
    def changed(self: DataModeCommands, slot: Any, send: Any, length: int, *, left: Any) -> None:  # noqa: ANN401
        enter(self, slot, send, 0 * length, left=left)

    return changed


def _counts_on(self: data_mode.DataMode) -> None:
    """Fail as the firmware does, but let only the announced length end data mode."""
    if not self._lost:
        self._lost = True
        self._framer.buffer.clear()
        self._tell_lost()


def _stores_the_backspace(self: framing.SearchingFramer) -> None:
    if self._text:
        self._text[-1] = 8


def _answers_every_line(accept: Callable[..., CommandLine | None]) -> Callable[..., CommandLine | None]:
    def changed(self: framing.SearchingFramer, byte: int) -> CommandLine | None:
        if len(self._text) < 2 and byte == ord("\r"):
            self._clear()
            return CommandLine(b"", overflow=True)
        return accept(self, byte)

    return changed


def _first_only(close: Any) -> Handler:  # noqa: ANN401 - a method of the commands
    """Close one socket where all are meant."""
    owner = getattr(close, "__self__", None)

    async def changed(parameters: Parameters) -> None:
        if parameters.has(0):
            await close(parameters)
        elif owner is not None and owner._slots.all:
            owner._close(owner._slots.all[0])

    return changed


def _any_context(self: slots.Slots, request: SocketRequest) -> slots.Slot:
    return self.add(self._sockets.open(request))


def _says_all(report: Callable[..., None]) -> Callable[..., None]:
    def changed(self: sending.SendingCommands, name: str, slot: slots.Slot, sent: int, *, whole: bool) -> None:
        report(self, name, slot, sent if whole else 3000, whole=whole)

    return changed


def _reports_again(go_on: Callable[..., None]) -> Callable[..., None]:
    """Ask for data again without a receive."""

    def changed(self: PollMachine, slot: slots.Slot, found: int, *, data_mode: bool) -> None:
        go_on(self, slot, found, data_mode=data_mode)
        if found & POLLIN:
            self._loop.call_later(0.05, lambda: self.arm(slot, POLLIN, also_xapoll=True))

    return changed


def _forgets_those_to_come(self: slots.Slots, sock: TableSocket) -> slots.Slot:
    slot = self._slots[sock] = slots.Slot(sock)
    return slot


def _data_first(self: PollMachine, slot: slots.Slot, found: int) -> None:
    hit = found & slot.reporting.armed
    slot.reporting.armed &= ~hit
    self._go_on(slot, found, data_mode=False)
    if hit:
        self._output.urc(f"#XAPOLL: {slot.handle},{hit}")


def _counts_digits(header: Callable[..., bytes]) -> Callable[..., bytes]:
    def changed(name: str, slot: slots.Slot, received: ReceivedData, *, as_hex: bool) -> bytes:
        counted = replace(received, data=received.data * 2) if as_hex else received
        return header(name, slot, counted, as_hex=as_hex)

    return changed


def _first_data_only(deliver: Callable[..., bool]) -> Callable[..., bool]:
    """Ask for no more data behind the first."""

    def changed(self: Delivery, slot: slots.Slot, *, data_mode: bool) -> bool:
        deliver(self, slot, data_mode=data_mode)
        return False

    return changed


def _takes_all_with_it(close: Callable[..., None]) -> Callable[..., None]:
    """Close the connections of a listener with it."""

    def changed(self: slots.Slots, slot: slots.Slot) -> None:
        if slot.sock is not None and slot.sock.listening:
            for other in self.all:
                if other.need().connected:
                    close(self, other)
        close(self, slot)

    return changed


def _waits(accept: Handler) -> Handler:
    async def changed(parameters: Parameters) -> None:
        try:
            await accept(parameters)
        except Refused:
            await asyncio.sleep(10)
            raise

    return changed


SERIAL_MODEM_FAULTS: dict[str, Fault] = {
    name: replace(fault, firmware=SERIAL_MODEM)
    for name, fault in {
        "every role is shown as client": Fault(
            says(r"^#XSOCKET: (\d+,\d),\d+,(\d,\d+)$", r"#XSOCKET: \1,0,\2"),
            (f"{_HANDLES}::TestOpen::test_any_role_is_shown",),
        ),
        "an unknown handle closes": Fault(
            command("#XCLOSE", swallowing),
            (f"{_CLOSING}::TestRefusals::test_an_unknown_handle", f"{_HANDLES}::TestForms::test_an_unknown_handle"),
        ),
        "closing all closes one": Fault(command("#XCLOSE", _first_only), (f"{_CLOSING}::TestAll::test_a_line_each",)),
        "any context is taken": Fault(
            attribute(slots.Slots, "open", _any_context),
            (f"{_CONTEXTS}::TestContext::test_one_that_has_no_connection",),
        ),
        "hexadecimal digits in capitals": Fault(
            wrapped(receiving, "payload", _in_capitals),
            (f"{_FORMATTED}::TestReceiveDigits::test_from_a_stream",),
        ),
        "the last of an odd number of digits is a byte by itself": Fault(
            attribute(sending, "_from_hex", _last_digit_alone), (f"{_FORMATTED}::TestSendDigits::test_digits",)
        ),
        "1401 bytes are taken as digits": Fault(
            attribute(sending, "_HEX_DIGITS", re.compile(rb"[0-9A-Fa-f]{1,4000}")),
            (f"{_FORMATTED}::TestSendDigits::test_what_is_not_digits[too many]",),
        ),
        "the length of a receive has no effect": Fault(
            receive_with(lambda request: replace(request, limit=2048)),
            (f"{_LENGTH}::TestLength::test_the_rest_of_a_datagram_is_lost",),
        ),
        "data mode of a length ends at +++": Fault(
            wrapped(DataModeCommands, "enter", _without_length),
            (f"{_COUNTED}::TestMoreAndLess::test_the_terminator_does_not_end_it_early",),
        ),
        "data mode fails without a word": Fault(
            attribute(DataModeCommands, "_complain", lambda _: None),
            (f"{_FAILURES}::TestPeerEnds::test_closes_while_nothing_is_sent",),
        ),
        "data mode that has failed counts on": Fault(
            attribute(data_mode.DataMode, "fail", _counts_on),
            (f"{_FAILURES}::TestPeerEnds::test_closes_halfway_through_a_length",),
        ),
        "echo stays on": Fault(
            command("E0", nothing, RUN), (f"{_LINES}::TestEcho::test_is_off_and_switched_on_and_off",)
        ),
        "a backspace is a character": Fault(
            attribute(framing.SearchingFramer, "_delete", _stores_the_backspace),
            (f"{_LINES}::TestTyping::test_a_backspace_takes_the_last_character_back[one]",),
        ),
        "a line without AT is answered": Fault(
            wrapped(framing.SearchingFramer, "_accept", _answers_every_line),
            (f"{_LINES}::TestBeginning::test_a_line_without_it_is_not_answered[a word]",),
        ),
        "a line that is too long is refused at its end": Fault(
            _quirks(overflow_at_once=False), (f"{_LONG}::TestTooLong::test_the_character_after_the_last",)
        ),
        "a send that was cut says that all went": Fault(
            wrapped(sending.SendingCommands, "_report", _says_all),
            (f"{_ACKNOWLEDGED}::TestNoRoom::test_what_was_taken_arrives_and_no_more",),
        ),
        "data are reported again without a receive": Fault(
            wrapped(PollMachine, "_go_on", _reports_again),
            (f"{_EVENTS}::TestOnce::test_data_until_they_are_received",),
        ),
        "a send asks for no report": Fault(attribute(sending, "POLLOUT", 0), (f"{_EVENTS}::TestOnce::test_a_send",)),
        "the end of a connection is not reported": Fault(
            attribute(polling, "_TROUBLE", POLLERR), (f"{_EVENTS}::TestEnd::test_the_end_comes_unasked",)
        ),
        "sockets to come are not reported": Fault(
            attribute(slots.Slots, "add", _forgets_those_to_come),
            (
                f"{_EVENTS}::TestWhich::test_all_and_those_to_come",
                f"{_RECEPTION}::TestWhich::test_all_and_those_to_come",
            ),
        ),
        "data come before their report": Fault(
            attribute(PollMachine, "_tell_host", _data_first),
            (f"{_RECEPTION}::TestBesideCommands::test_the_report_comes_before_the_data",),
        ),
        "automatic reception counts hexadecimal digits": Fault(
            wrapped(delivery, "header", _counts_digits), (f"{_RECEPTION}::TestStream::test_in_hex",)
        ),
        "automatic reception ends behind the first data": Fault(
            wrapped(Delivery, "deliver", _first_data_only),
            (f"{_RECEPTION}::TestStream::test_every_size[5000]",),
        ),
        "connections end with their listener": Fault(
            wrapped(slots.Slots, "close", _takes_all_with_it),
            (f"{_ACCEPTED}::TestSeveral::test_they_outlive_their_listener",),
        ),
        "an accept waits": Fault(command("#XACCEPT", _waits), (f"{_ACCEPTED}::TestAccept::test_nobody_is_there",)),
    }.items()
}
