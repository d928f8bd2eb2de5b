"""Single wrong behaviours for the simulated board, and the scenarios that must catch each.

    python -m tests.support.faults NAME [--firmware ...]

runs a simulated board with one fault. The product knows nothing of them: they are patched in here (patches.py).
"""

import contextlib
import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.security import TlsConnection, Verify
from bench.simulator import Settings, air_socket, downlink, framing, handshake, names, options, run, secure, transfer
from bench.simulator.commands import READ, RUN, SET, TEST
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import Refused
from bench.simulator.slm import selection
from bench.simulator.socket_options import SecureOptionNumber
from bench.simulator.sockets import SocketTable, TableSocket
from bench.simulator.transfer import ReceivedData, ReceiveRequest, Transfer
from tests.support.patches import (
    Fault,
    Patch,
    attribute,
    command,
    nothing,
    profile,
    receive_with,
    says,
    swallowing,
)
from tests.support.serial_modem_faults import SERIAL_MODEM_FAULTS


def _longer(factor: float) -> Callable[[ReceiveRequest], ReceiveRequest]:
    return lambda request: replace(request, timeout=request.timeout and request.timeout * factor)


def _without_peek(request: ReceiveRequest) -> ReceiveRequest:
    return replace(request, peek=False)


async def _receive_what_is_there(channel: Any, limit: int, seconds: float | None) -> bytes:  # noqa: ANN401
    data, _ = await transfer._receive_some(channel, ReceiveRequest(limit, seconds))
    return data


async def _loses_the_last_byte(self: Transfer, sock: TableSocket, request: ReceiveRequest) -> ReceivedData:
    received = await _receive(self, sock, request)
    return replace(received, data=received.data[:-1])


def _lowest_becomes_active(self: selection.Selection) -> None:
    self._active = min(self._sockets.opened, key=self.ranking, default=None)


def _two_plus_end(framer: framing.DataFramer, data: bytes) -> tuple[bool, int]:
    index = data.find(b"++")
    framer.buffer += data if index < 0 else data[:index]
    return index >= 0, len(data) if index < 0 else index + 3


def _loses_a_byte(framer: framing.DataFramer) -> bytes:
    data = bytes(framer.buffer[:-1])
    framer.buffer.clear()
    return data


async def _send_twice(self: Transfer, sock: TableSocket, data: bytes, name: str, port: int) -> None:
    await _send_to(self, sock, data, name, port)
    await _send_to(self, sock, data, name, port)


async def _no_empty_datagram(self: Transfer, sock: TableSocket, data: bytes, name: str, port: int) -> None:
    if data:
        await _send_to(self, sock, data, name, port)


async def _at_once(*_: object) -> bool:
    return False


async def _any_name(*_: object) -> list[str]:
    return ["127.0.0.1"]


_leaked: list[Any] = []


def _keeps_the_connection(table: SocketTable, sock: TableSocket) -> None:
    _leaked.append(sock.air)
    sock.air = None
    _close(table, sock)


async def _connect_says_yes(self: Transfer, sock: TableSocket, name: str, port: int) -> None:
    with contextlib.suppress(Refused):
        await _connect(self, sock, name, port)


def _secure_with(**changes: object) -> Patch:
    """Shake hands with other settings than secure sockets were given."""

    def patch() -> None:
        original = handshake.handshake_settings
        handshake.handshake_settings = lambda *arguments, **more: replace(original(*arguments, **more), **changes)  # type: ignore[arg-type]

    return patch


_Peer = tuple[str, int]


async def _handshake_says_yes(self: handshake.SecureLayer, sock: TableSocket, peer: _Peer) -> None:
    with contextlib.suppress(Refused):
        await _shake_hands(self, sock, peer)


def _shake_hands_with(name: SecureOptionNumber, value: int | None) -> Patch:
    """Shake hands as if an option had another value, or none."""

    async def shake_hands(self: handshake.SecureLayer, sock: TableSocket, peer: _Peer) -> None:
        sock.secure_options.pop(name, None)
        if value is not None:
            sock.secure_options[name] = value
        await _shake_hands(self, sock, peer)

    return attribute(handshake.SecureLayer, "shake_hands", shake_hands)


def _swapped(connection: TlsConnection) -> int:
    return {1: 2, 2: 1}.get(status := _cid_status(connection), status)


def _without_pollin() -> None:
    for module in (air_socket, downlink):
        attribute(module, "POLLIN", 0)()


_never_used = itertools.count(20)
_receive = Transfer.receive
_send_to = Transfer.send_to
_connect = Transfer.connect
_shake_hands = handshake.SecureLayer.shake_hands
_cid_status = handshake.cid_status
_close = SocketTable.close
_LIFE, _TCP, _UDP = "test_socket_life_cycle.py", "test_tcp_client.py", "test_udp_client.py"
_SERVER, _POLL, _OPTIONS = "test_server_accept.py", "test_polling.py", "test_socket_options.py"
_SECURE, _DNS, _DATA, _SYNTAX = "test_secure_socket_options.py", "test_dns.py", "test_data_mode.py", "test_syntax.py"
_TLS, _DTLS = "test_tls.py", "test_dtls.py"
_OPENED = f"{_LIFE}::TestOpen::test_answers_and_reads_back"

SLM_FAULTS: dict[str, Fault] = {
    "TCP opens with the protocol of UDP": Fault(says(r"^#XSOCKET: (\d+),1,6$", r"#XSOCKET: \1,1,17"), (_OPENED,)),
    "UDP opens as a stream": Fault(says(r"^#XSOCKET: (\d+),2,17$", r"#XSOCKET: \1,1,17"), (_OPENED,)),
    "IPv6 reads back as IPv4": Fault(says(r"^#XSOCKET: (\d+),2,(\d,\d,\d+)$", r"#XSOCKET: \1,1,\2"), (_OPENED,)),
    "a server reads back as a client": Fault(
        says(r"^#XSOCKET: (\d+,\d),1,(\d,\d+)$", r"#XSOCKET: \1,0,\2"), (_OPENED,)
    ),
    "the cid is forgotten": Fault(
        says(r"^#XSOCKET: (\d+,\d,\d,\d),\d+$", r"#XSOCKET: \1,0"),
        (f"{_LIFE}::TestOpen::test_packet_data_context_reads_back",),
    ),
    "a raw socket is of the IPv4 family": Fault(
        says(r"^#XSOCKET: (\d+),3,0,3", r"#XSOCKET: \1,1,0,3"),
        (f"{_LIFE}::TestOpen::test_raw_is_of_the_packet_family",),
    ),
    "handles are not used again": Fault(
        attribute(SocketTable, "free_handle", lambda _: next(_never_used)),
        (f"{_LIFE}::TestOpen::test_a_closed_handle_is_used_again",),
    ),
    "a ninth socket opens": Fault(
        profile(sockets=9, handles=9), (f"{_LIFE}::TestOpen::test_as_many_as_documented",), firmware="page"
    ),
    "a close says that it failed": Fault(
        says(r'^#XSOCKET: 0,"closed"$', '#XSOCKET: -1,"closed"'), (f"{_LIFE}::TestClose::test_says_that_it_closed",)
    ),
    "a close says nothing": Fault(
        says(r'^#XSOCKET: 0,"closed"$', ""), (f"{_LIFE}::TestClose::test_says_that_it_closed",)
    ),
    "after a close the lowest ranked is active": Fault(
        attribute(selection.Selection, "activate_highest", _lowest_becomes_active),
        (f"{_LIFE}::TestSelect::test_after_a_close_the_highest_ranked_is_active",),
    ),
    "selecting does nothing": Fault(
        command("#XSOCKETSELECT", nothing),
        (f"{_LIFE}::TestSelect::test_selecting_makes_active_and_leaves_the_ranking",),
    ),
    "any handle can be selected": Fault(
        command("#XSOCKETSELECT", swallowing),
        (f"{_LIFE}::TestSelect::test_an_unknown_handle_changes_nothing",),
    ),
    "every ranking is 1": Fault(
        says(r"^(#XSOCKETSELECT: \d+,\d,\d,\d,-?\d+),\d+,", r"\1,1,"),
        (f"{_LIFE}::TestSelect::test_ranking_grows_with_each_opening",),
    ),
    "a plain socket shows tag 0": Fault(
        says(r"^(#XSOCKETSELECT: .*),-1,", r"\1,0,"), (f"{_LIFE}::TestSecure::test_is_listed_with_its_tag",)
    ),
    "TLS opens with the protocol of DTLS": Fault(
        says(r"^(#XSSOCKET: \d+,1),258$", r"\1,273"), (f"{_LIFE}::TestSecure::test_answers_and_reads_back",)
    ),
    "the test form lists too few types": Fault(
        says(r"\(1,2,3\)", "(1,2)"), (f"{_LIFE}::TestOpen::test_what_it_knows_of_itself",)
    ),
    "a refused connection is called connected": Fault(
        attribute(Transfer, "connect", _connect_says_yes), (f"{_TCP}::TestConnect::test_refused",)
    ),
    "connected is called disconnected": Fault(
        says("^#XCONNECT: 1$", "#XCONNECT: 0"), (f"{_TCP}::TestConnect::test_by_address",)
    ),
    "a send counts one byte too many": Fault(
        says(r"^#XSEND: 8$", "#XSEND: 9"), (f"{_TCP}::TestText::test_comes_back_unchanged[plain]",)
    ),
    "strings end at 1023 bytes": Fault(
        profile(string_limit=1023), (f"{_TCP}::TestText::test_every_size_by_command[1024]",)
    ),
    "strings of 1025 bytes are taken": Fault(
        profile(string_limit=2000), (f"{_TCP}::TestText::test_more_than_1024_bytes_is_refused",)
    ),
    "the last byte received is lost": Fault(
        attribute(Transfer, "receive", _loses_the_last_byte), (f"{_TCP}::TestText::test_comes_back_unchanged[plain]",)
    ),
    "receiving waits twice as long": Fault(
        receive_with(_longer(4)),
        (f"{_TCP}::TestReceive::test_nothing_comes", f"{_UDP}::TestReceive::test_nothing_comes"),
    ),
    "receiving gives up too early": Fault(receive_with(_longer(0.4)), (f"{_TCP}::TestReceive::test_nothing_comes",)),
    "nothing received is OK": Fault(command("#XRECV", swallowing), (f"{_TCP}::TestReceive::test_nothing_comes",)),
    "peeking takes the data": Fault(
        receive_with(_without_peek), (f"{_TCP}::TestReceive::test_peeks", f"{_UDP}::TestReceive::test_peeks")
    ),
    "waiting for all does not wait": Fault(
        attribute(transfer, "_receive_all", _receive_what_is_there), (f"{_TCP}::TestReceive::test_waits_for_all",)
    ),
    "a closed socket keeps its connection": Fault(
        attribute(SocketTable, "close", _keeps_the_connection),
        (f"{_TCP}::TestPeerEnds::test_peer_sees_the_board_close",),
    ),
    "every datagram is sent twice": Fault(
        attribute(Transfer, "send_to", _send_twice), (f"{_UDP}::TestSendTo::test_two_destinations",)
    ),
    "an empty datagram is not sent": Fault(
        attribute(Transfer, "send_to", _no_empty_datagram), (f"{_UDP}::TestSendTo::test_empty_datagram",)
    ),
    "the sender's port is wrong": Fault(
        says(r'^(#XRECVFROM: \d+,"[^"]*"),\d+', r"\1,9"), (f"{_UDP}::TestSendTo::test_by_address",)
    ),
    "the sender's address is wrong": Fault(
        says(r'^(#XRECVFROM: \d+),"[^"]*"', r'\1,"192.0.2.9"'), (f"{_UDP}::TestSendTo::test_over_ipv6",)
    ),
    "two plus signs end data mode": Fault(
        attribute(framing.DataFramer, "take", _two_plus_end), (f"{_DATA}::TestContent::test_plus_signs_that_are_data",)
    ),
    "data mode loses the last byte": Fault(
        attribute(framing.DataFramer, "expire", _loses_a_byte), (f"{_DATA}::TestContent::test_every_byte_value",)
    ),
    "an overflow is not reported": Fault(
        profile(data_mode_buffer=100000), (f"{_DATA}::TestBorders::test_more_than_the_buffer_is_dropped_and_said",)
    ),
    "the time limit reads back wrongly": Fault(
        says(r"^#XDATACTRL: \d+,", "#XDATACTRL: 32,"), (f"{_DATA}::TestTimeLimit::test_reads_back",)
    ),
    "any time limit is taken": Fault(command("#XDATACTRL", nothing), (f"{_DATA}::TestTimeLimit::test_out_of_range",)),
    "the wrong client address is told": Fault(
        says(r'^(#XACCEPT: \d+),"[^"]*"', r'\1,"192.0.2.9"'), (f"{_SERVER}::TestAccept::test_a_client_that_dials_in",)
    ),
    "the accepted handle reads as none": Fault(
        says(r"^#XTCPACCEPT: \d+$", "#XTCPACCEPT: 0"),
        (f"{_SERVER}::TestAccept::test_the_accepted_handle_is_told_again",),
    ),
    "nobody dialled is OK": Fault(
        command("#XACCEPT", swallowing),
        (f"{_SERVER}::TestAccept::test_gives_up_when_nobody_dials",),
    ),
    "a client can listen": Fault(
        command("#XLISTEN", nothing), (f"{_SERVER}::TestRefusals::test_a_client_cannot_listen_or_accept",)
    ),
    "a board binds another port": Fault(
        command("#XBIND", lambda bind: lambda p: bind(Parameters((p.number(0) + 1,)))),
        (f"{_SERVER}::TestBind::test_datagrams_come_from_the_bound_port",),
    ),
    "POLLIN is missing": Fault(
        _without_pollin,
        (f"{_POLL}::TestReadiness::test_data_are_there", f"{_POLL}::TestReadiness::test_a_client_has_dialled"),
    ),
    "polling names another handle": Fault(
        says(r"^#XPOLL: (\d+)", r"#XPOLL: 1\1"), (f"{_POLL}::TestWhich::test_the_order_of_the_handles_given",)
    ),
    "polling does not wait": Fault(
        attribute(Transfer, "wait_ready", _at_once),
        (f"{_POLL}::TestWhen::test_gives_up_in_time[1500]", f"{_POLL}::TestWhen::test_wakes_when_data_come"),
    ),
    "an unknown handle polls as nothing": Fault(
        command("#XPOLL", swallowing), (f"{_POLL}::TestWhich::test_an_unknown_handle",)
    ),
    "an option reads one too high": Fault(
        says(r"^#XSOCKETOPT: 30$", "#XSOCKETOPT: 31"), (f"{_OPTIONS}::TestValues::test_reads_back[RCVTIMEO-30]",)
    ),
    "options take any value": Fault(
        command("#XSOCKETOPT", swallowing), (f"{_OPTIONS}::TestValues::test_out_of_range",)
    ),
    "the host name reads back wrongly": Fault(
        says(r"^#XSSOCKETOPT: example.com$", "#XSSOCKETOPT: example.org"), (f"{_SECURE}::TestTls::test_host_name",)
    ),
    "plain sockets take secure options": Fault(
        command("#XSSOCKETOPT", swallowing), (f"{_SECURE}::test_a_plain_socket_has_none",)
    ),
    "certificates are not verified": Fault(
        _secure_with(verify=Verify.NONE),
        (
            f"{_TLS}::TestVerification::test_a_bad_certificate_is_refused[unknown_ca]",
            f"{_DTLS}::TestVerification::test_an_expired_certificate_is_refused",
        ),
    ),
    "the host name is not checked": Fault(
        _shake_hands_with(SecureOptionNumber.HOSTNAME, None),
        (
            f"{_TLS}::TestVerification::test_another_host_name",
            f"{_DTLS}::TestVerification::test_a_bad_certificate_is_refused[wrong_host]",
        ),
    ),
    "an optional check is a required one": Fault(
        _secure_with(verify=Verify.REQUIRED),
        (f"{_TLS}::TestVerification::test_a_bad_certificate_passes[expired-optional]",),
    ),
    "the board shows no certificate": Fault(
        _secure_with(certificates=()), (f"{_TLS}::TestCredentials::test_certificates_of_both[ecdsa]",)
    ),
    "a failed handshake is called connected": Fault(
        attribute(handshake.SecureLayer, "shake_hands", _handshake_says_yes),
        (f"{_TLS}::TestCredentials::test_wrong_key", f"{_DTLS}::TestHandshakeTimeout::test_gives_up_in_time[1]"),
    ),
    "every handshake is given up after a second": Fault(
        _secure_with(handshake_timeout=1),
        (
            f"{_DTLS}::TestHandshakeTimeout::test_gives_up_in_time[3]",
            f"{_DTLS}::TestHandshakeTimeout::test_gives_up_in_time[7]",
        ),
    ),
    "another suite is told": Fault(
        says(r"^#XSSOCKETOPT: 0x....$", "#XSSOCKETOPT: 0xc0ff"), (f"{_TLS}::TestSuites::test_which_one_was_chosen",)
    ),
    "a suite is missing": Fault(
        _secure_with(suites=(0xC0A8, 0x00AE)),
        (f"{_DTLS}::TestSuites::test_each_of_the_modems[TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256]",),
    ),
    "sessions are resumed though the cache is off": Fault(
        _shake_hands_with(SecureOptionNumber.SESSION_CACHE, 1),
        (f"{_TLS}::TestSessions::test_a_second_connection[off]",),
    ),
    "sessions are never resumed": Fault(
        _shake_hands_with(SecureOptionNumber.SESSION_CACHE, 0),
        (f"{_DTLS}::TestSessions::test_a_second_connection[on]",),
    ),
    "a purge forgets nothing": Fault(
        attribute(handshake.SecureLayer, "forget_sessions", lambda _: None),
        (f"{_TLS}::TestSessions::test_purge", f"{_DTLS}::TestSessions::test_purge"),
    ),
    "no Connection ID is offered": Fault(
        _shake_hands_with(SecureOptionNumber.DTLS_CID, None),
        (
            f"{_DTLS}::TestConnectionId::test_the_address_changes_and_no_handshake_is_needed",
            f"{_DTLS}::TestConnectionId::test_status[enabled-own]",
        ),
    ),
    "the status of Connection IDs is swapped": Fault(
        attribute(options, "cid_status", _swapped),
        (f"{_DTLS}::TestConnectionId::test_status[supported-own]",),
    ),
    "an association ends without a word": Fault(
        attribute(TlsConnection, "close_notify", lambda _: None), (f"{_DTLS}::TestEnds::test_the_board_closes",)
    ),
    "secure sockets do not poll readable": Fault(
        attribute(secure.SecureSession, "events", lambda _: 0), (f"{_TLS}::TestData::test_polling",)
    ),
    "every name is known": Fault(
        attribute(names.Names, "addresses", _any_name),
        (f"{_DNS}::test_an_unknown_name", f"{_TCP}::TestConnect::test_unknown_name"),
    ),
    "binding has a read form": Fault(command("#XBIND", nothing, READ), (f"{_SYNTAX}::test_has_no_read_form[#XBIND?]",)),
    "unknown commands are OK": Fault(
        command("#XFOO", nothing, RUN, SET, READ, TEST),
        (f"{_SYNTAX}::test_is_refused_and_leaves_the_socket[#XFOO]",),
    ),
}

FAULTS = {**SLM_FAULTS, **SERIAL_MODEM_FAULTS}


def main() -> None:
    """Run a board with the fault that the first argument names."""
    fault = FAULTS[sys.argv[1]]
    fault.patch()
    hosts = {"peers.nrf91-bench.test": ("127.0.0.1", "::1")}
    run(Settings(firmwares=(fault.firmware,), hosts=hosts))


if __name__ == "__main__":
    main()
