"""Single wrong behaviours for the simulated board, and the scenarios that must catch each.

    python -m tests.support.faults NAME [--firmware ...]

runs a simulated board with one fault. The product knows nothing of them: they are patched in here.
"""

import contextlib
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.security import TlsConnection, Verify
from bench.simulator import Settings, air_socket, framing, names, profiles, run, secure, sockets
from bench.simulator.at_host import Command, Firmware
from bench.simulator.parameters import AtError, Parameters
from bench.simulator.slm import commands, options, polling, server, traffic

Patch = Callable[[], None]
Handler = Callable[[Firmware, Parameters], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """A wrong behaviour, and the scenarios (``file::test`` below tests_hil) of which every one must fail."""

    patch: Patch
    scenarios: tuple[str, ...]
    firmware: str = "slm-3.1"


def says(pattern: str, replacement: str) -> Patch:
    """Information lines come out changed."""

    def patch() -> None:
        original = Firmware.say

        def say(self: Firmware, line: str | bytes) -> None:
            text = line if isinstance(line, str) else line.decode("latin-1")
            changed = re.sub(pattern, replacement, text)
            if changed:
                original(self, changed)

        Firmware.say = say  # type: ignore[method-assign]

    return patch


def command(name: str, **forms: Handler | None) -> Patch:
    """A command's form does something else; None is a form that answers ERROR."""

    def patch() -> None:
        commands.COMMANDS[name] = replace(commands.COMMANDS.get(name, Command()), **forms)

    return patch


def attribute(owner: object, name: str, value: Any) -> Patch:  # noqa: ANN401 - whatever the owner holds
    """An attribute of a module or class is another."""
    return lambda: setattr(owner, name, value)


def profile(**changes: object) -> Patch:
    """Rows of the firmware profile differ."""

    def patch() -> None:
        for name, row in profiles.FIRMWARE.items():
            profiles.FIRMWARE[name] = replace(row, **changes)  # type: ignore[arg-type]

    return patch


async def nothing(_: Firmware, __: Parameters) -> None:
    """OK, and nothing done."""


async def error(_: Firmware, __: Parameters) -> None:
    """ERROR."""
    raise AtError


def swallowing(handler: Handler) -> Handler:
    """OK instead of ERROR."""

    async def run_it(board: Firmware, parameters: Parameters) -> None:
        with contextlib.suppress(AtError):
            await handler(board, parameters)

    return run_it


def _receive_with(change: Callable[[dict[str, Any]], None]) -> Patch:
    def patch() -> None:
        original = traffic._receive_some

        async def receive(host: Any, limit: int, seconds: float | None, flags: int) -> Any:  # noqa: ANN401
            arguments: dict[str, Any] = {"limit": limit, "seconds": seconds, "flags": flags}
            change(arguments)
            return await original(host, *arguments.values())

        traffic._receive_some = receive

    return patch


def _longer(factor: float) -> Callable[[dict[str, Any]], None]:
    def change(arguments: dict[str, Any]) -> None:
        arguments["seconds"] = arguments["seconds"] and arguments["seconds"] * factor

    return change


def _without(flag: int) -> Callable[[dict[str, Any]], None]:
    def change(arguments: dict[str, Any]) -> None:
        arguments["flags"] &= ~flag

    return change


async def _short_receive(board: Firmware, parameters: Parameters) -> None:
    data, _ = await traffic._receive(board, parameters)
    if data:
        board.say(f"#XRECV: {len(data) - 1}")
        board.say_raw(data[:-1])


def _lowest_becomes_active(table: sockets.SocketTable) -> None:
    table.active = min(table.rows.values(), key=lambda row: row.ranking, default=None)


def _two_plus_end(framer: framing.DataFramer, data: bytes) -> tuple[bool, int]:
    index = data.find(b"++")
    framer.buffer += data if index < 0 else data[:index]
    return index >= 0, len(data) if index < 0 else index + 3


def _loses_a_byte(framer: framing.DataFramer) -> bytes:
    data = bytes(framer.buffer[:-1])
    framer.buffer.clear()
    return data


def _send_twice(board: Firmware, row: Any, data: bytes, address: Any) -> bool:  # noqa: ANN401
    row.host.sendto(data, address)
    return _send_datagram(board, row, data, address)


def _no_empty_datagram(board: Firmware, row: Any, data: bytes, address: Any) -> bool:  # noqa: ANN401
    return _send_datagram(board, row, data, address) if data else True


async def _at_once(*_: object) -> bool:
    return False


async def _any_name(*_: object) -> list[str]:
    return ["127.0.0.1"]


def _keeps_the_connection(table: sockets.SocketTable, row: sockets.Socket) -> None:
    if row.host is not None:
        table._leaked.append(row.host)
        row.host = None
    _close(table, row)


async def _connect_says_yes(board: Firmware, parameters: Parameters) -> None:
    try:
        await traffic.connect(board, parameters)
    except AtError:
        board.say("#XCONNECT: 1")


def _secure_with(**changes: object) -> Patch:
    """Secure sockets shake hands with other settings than they were given."""

    def patch() -> None:
        original = secure._settings
        secure._settings = lambda *arguments: replace(original(*arguments), **changes)  # type: ignore[arg-type]

    return patch


async def _handshake_says_yes(board: Firmware, row: sockets.Socket, peer: tuple[str, int]) -> None:
    with contextlib.suppress(AtError):
        await _secure(board, row, peer)


async def _always_resumes(board: Firmware, row: sockets.Socket, peer: tuple[str, int]) -> None:
    row.secure_options[secure.SESSION_CACHE] = 1
    await _secure(board, row, peer)


async def _never_resumes(board: Firmware, row: sockets.Socket, peer: tuple[str, int]) -> None:
    row.secure_options[secure.SESSION_CACHE] = 0
    await _secure(board, row, peer)


async def _without_host_name(board: Firmware, row: sockets.Socket, peer: tuple[str, int]) -> None:
    row.secure_options.pop(secure.HOSTNAME, None)
    await _secure(board, row, peer)


async def _without_connection_id(board: Firmware, row: sockets.Socket, peer: tuple[str, int]) -> None:
    row.secure_options.pop(secure.DTLS_CID, None)
    await _secure(board, row, peer)


_secure = secure.secure
_send_datagram = traffic._send_datagram
_close = sockets.SocketTable.close
_LIFE, _TCP, _UDP = "test_socket_life_cycle.py", "test_tcp_client.py", "test_udp_client.py"
_SERVER, _POLL, _OPTIONS = "test_server_accept.py", "test_polling.py", "test_socket_options.py"
_SECURE, _DNS, _DATA, _SYNTAX = "test_secure_socket_options.py", "test_dns.py", "test_data_mode.py", "test_syntax.py"
_TLS, _DTLS = "test_tls.py", "test_dtls.py"
_OPENED = f"{_LIFE}::TestOpen::test_answers_and_reads_back"

FAULTS: dict[str, Fault] = {
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
        attribute(sockets.SocketTable, "take_handle", lambda table: 20 + table._ranking),
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
        attribute(sockets.SocketTable, "activate_highest", _lowest_becomes_active),
        (f"{_LIFE}::TestSelect::test_after_a_close_the_highest_ranked_is_active",),
    ),
    "selecting does nothing": Fault(
        command("#XSOCKETSELECT", set=nothing),
        (f"{_LIFE}::TestSelect::test_selecting_makes_active_and_leaves_the_ranking",),
    ),
    "any handle can be selected": Fault(
        command("#XSOCKETSELECT", set=swallowing(sockets.select_socket)),
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
        command("#XCONNECT", set=_connect_says_yes), (f"{_TCP}::TestConnect::test_refused",)
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
        command("#XRECV", set=_short_receive), (f"{_TCP}::TestText::test_comes_back_unchanged[plain]",)
    ),
    "receiving waits twice as long": Fault(
        _receive_with(_longer(4)),
        (f"{_TCP}::TestReceive::test_nothing_comes", f"{_UDP}::TestReceive::test_nothing_comes"),
    ),
    "receiving gives up too early": Fault(_receive_with(_longer(0.4)), (f"{_TCP}::TestReceive::test_nothing_comes",)),
    "nothing received is OK": Fault(
        command("#XRECV", set=swallowing(traffic.receive)), (f"{_TCP}::TestReceive::test_nothing_comes",)
    ),
    "peeking takes the data": Fault(
        _receive_with(_without(2)), (f"{_TCP}::TestReceive::test_peeks", f"{_UDP}::TestReceive::test_peeks")
    ),
    "waiting for all does not wait": Fault(
        attribute(traffic, "_WAIT_ALL", 0), (f"{_TCP}::TestReceive::test_waits_for_all",)
    ),
    "a closed socket keeps its connection": Fault(
        attribute(sockets.SocketTable, "close", _keeps_the_connection),
        (f"{_TCP}::TestPeerEnds::test_peer_sees_the_board_close",),
    ),
    "every datagram is sent twice": Fault(
        attribute(traffic, "_send_datagram", _send_twice), (f"{_UDP}::TestSendTo::test_two_destinations",)
    ),
    "an empty datagram is not sent": Fault(
        attribute(traffic, "_send_datagram", _no_empty_datagram), (f"{_UDP}::TestSendTo::test_empty_datagram",)
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
    "any time limit is taken": Fault(
        command("#XDATACTRL", set=nothing), (f"{_DATA}::TestTimeLimit::test_out_of_range",)
    ),
    "the wrong client address is told": Fault(
        says(r'^(#XACCEPT: \d+),"[^"]*"', r'\1,"192.0.2.9"'), (f"{_SERVER}::TestAccept::test_a_client_that_dials_in",)
    ),
    "the accepted handle reads as none": Fault(
        says(r"^#XTCPACCEPT: \d+$", "#XTCPACCEPT: 0"), (f"{_SERVER}::TestAccept::test_a_client_that_dials_in",)
    ),
    "nobody dialled is OK": Fault(
        command("#XACCEPT", set=swallowing(server.accept)),
        (f"{_SERVER}::TestAccept::test_gives_up_when_nobody_dials",),
    ),
    "a client can listen": Fault(
        command("#XLISTEN", set=nothing), (f"{_SERVER}::TestRefusals::test_a_client_cannot_listen_or_accept",)
    ),
    "a board binds another port": Fault(
        command("#XBIND", set=lambda board, p: server.bind(board, Parameters((p.number(0) + 1,)))),
        (f"{_SERVER}::TestBind::test_datagrams_come_from_the_bound_port",),
    ),
    "POLLIN is missing": Fault(
        attribute(air_socket, "POLLIN", 0),
        (f"{_POLL}::TestReadiness::test_data_are_there", f"{_POLL}::TestReadiness::test_a_client_has_dialled"),
    ),
    "polling names another handle": Fault(
        says(r"^#XPOLL: (\d+)", r"#XPOLL: 1\1"), (f"{_POLL}::TestWhich::test_the_order_of_the_handles_given",)
    ),
    "polling does not wait": Fault(
        attribute(polling, "wait_readable", _at_once),
        (f"{_POLL}::TestWhen::test_gives_up_in_time[1500]", f"{_POLL}::TestWhen::test_wakes_when_data_come"),
    ),
    "an unknown handle polls as nothing": Fault(
        command("#XPOLL", set=swallowing(polling.poll)), (f"{_POLL}::TestWhich::test_an_unknown_handle",)
    ),
    "an option reads one too high": Fault(
        says(r"^#XSOCKETOPT: 30$", "#XSOCKETOPT: 31"), (f"{_OPTIONS}::TestValues::test_reads_back[RCVTIMEO-30]",)
    ),
    "options take any value": Fault(
        command("#XSOCKETOPT", set=swallowing(options.socket_option)), (f"{_OPTIONS}::TestValues::test_out_of_range",)
    ),
    "the host name reads back wrongly": Fault(
        says(r"^#XSSOCKETOPT: example.com$", "#XSSOCKETOPT: example.org"), (f"{_SECURE}::TestTls::test_host_name",)
    ),
    "plain sockets take secure options": Fault(
        command("#XSSOCKETOPT", set=swallowing(options.secure_option)), (f"{_SECURE}::test_a_plain_socket_has_none",)
    ),
    "certificates are not verified": Fault(
        _secure_with(verify=Verify.NONE),
        (
            f"{_TLS}::TestVerification::test_a_bad_certificate_is_refused[unknown_ca]",
            f"{_DTLS}::TestVerification::test_an_expired_certificate_is_refused",
        ),
    ),
    "the host name is not checked": Fault(
        attribute(traffic, "secure", _without_host_name),
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
        attribute(traffic, "secure", _handshake_says_yes),
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
        attribute(traffic, "secure", _always_resumes), (f"{_TLS}::TestSessions::test_a_second_connection[off]",)
    ),
    "sessions are never resumed": Fault(
        attribute(traffic, "secure", _never_resumes), (f"{_DTLS}::TestSessions::test_a_second_connection[on]",)
    ),
    "a purge forgets nothing": Fault(
        attribute(options, "CACHE_PURGE", 99),
        (f"{_TLS}::TestSessions::test_purge", f"{_DTLS}::TestSessions::test_purge"),
    ),
    "no Connection ID is offered": Fault(
        attribute(traffic, "secure", _without_connection_id),
        (
            f"{_DTLS}::TestConnectionId::test_the_address_changes_and_no_handshake_is_needed",
            f"{_DTLS}::TestConnectionId::test_status[enabled-own]",
        ),
    ),
    "the status of Connection IDs is swapped": Fault(
        attribute(options, "cid_status", lambda connection: {1: 2, 2: 1}.get(n := secure.cid_status(connection), n)),
        (f"{_DTLS}::TestConnectionId::test_status[supported-own]",),
    ),
    "an association ends without a word": Fault(
        attribute(TlsConnection, "close_notify", lambda _: None), (f"{_DTLS}::TestEnds::test_the_board_closes",)
    ),
    "secure sockets do not poll readable": Fault(
        attribute(polling, "_session_events", lambda _: 0), (f"{_TLS}::TestData::test_polling",)
    ),
    "every name is known": Fault(
        attribute(names.Names, "addresses", _any_name),
        (f"{_DNS}::test_an_unknown_name", f"{_TCP}::TestConnect::test_unknown_name"),
    ),
    "binding has a read form": Fault(command("#XBIND", read=nothing), (f"{_SYNTAX}::test_has_no_read_form[#XBIND?]",)),
    "unknown commands are OK": Fault(
        command("#XFOO", set=nothing, read=nothing, test=nothing),
        (f"{_SYNTAX}::test_is_refused_and_leaves_the_socket[#XFOO]",),
    ),
}


def main() -> None:
    """Runs a board with the fault that the first argument names."""
    fault = FAULTS[sys.argv[1]]
    fault.patch()
    hosts = {"peers.nrf91-bench.test": ("127.0.0.1", "::1")}
    run(Settings(firmware=fault.firmware, hosts=hosts))


if __name__ == "__main__":
    main()
