"""The simulated Serial Modem: answers beyond those of its repository, of both versions."""

import pytest

from tests.support.board_on_a_loop import board_on_a_loop, on_a_loop
from tests.support.serial_modem_on_a_loop import (
    ERROR,
    HEAD,
    OK,
    connected,
)

EXCHANGES = [
    (b"AT#XCLOSE\r", OK),
    (b"AT#XCLOSE=\r", OK),
    (b"AT#XCLOSE=0\r", ERROR),
    (b"AT#XCLOSE?\r", ERROR),
    (b"AT#XCLOSE=-1\r", OK),
    (b'AT#XSEND=-1,0,0,"x"\r', b"\r\n#XSEND: -1,0,0\r\n" + ERROR),
    (b"AT#XRECV=-1,0,0,1\r", ERROR),
    (b"AT#XSSOCKETOPT=-1,9\r", OK),
    (b"AT#XSOCKETOPT=-1,0,20\r", ERROR),
    (b"AT#XAPOLL=-1,1,1\r", OK),
    (b"AT#XRECVCFG=,4\r", ERROR),
    (b"AT#XRECVCFG=,2,1\r", ERROR),
    (b"AT#XRECVCFG=,3\r", OK),
    (b"AT#XRECVCFG=?\r", b"\r\n#XRECVCFG: <handle>,(0,1,2,3),(0,1)\r\n" + OK),
    (b"AT#XSOCKETOPT=?\r", b"\r\n#XSOCKETOPT: <handle>,(0,1),<name>,<value>\r\n" + OK),
    (b"AT#XSSOCKETOPT=?\r", b"\r\n#XSSOCKETOPT: <handle>,(0,1),<name>,<value>\r\n" + OK),
    (b'AT#XGETADDRINFO="127.0.0.1",1,1\r', ERROR),
    (b'AT#XGETADDRINFO="127.0.0.1",3\r', ERROR),
    (b'AT#XGETADDRINFO="127.0.0.1"\r', b'\r\n#XGETADDRINFO: "127.0.0.1"\r\n' + OK),
    (b'AT#XGETADDRINFO="nowhere.invalid"\r', b'\r\n#XGETADDRINFO: "not found"\r\n' + ERROR),
    (b"AT+IPR=?\r", b"\r\n+IPR: (),(115200,230400,460800,921600,1000000)\r\n" + OK),
    (b"AT+IPR=230400,1\r", ERROR),
    (b"AT+IPR=230400\rAT+IPR?\r", OK + b"\r\n+IPR: 230400\r\n" + OK),
    (b"ATE2\r", ERROR),
    (b"ATE0?\r", ERROR),
    (b"AT#\r", ERROR),
    (b"AT#XSOCKET?\n\r", ERROR),
    (b"AT#XUUID=?\r", ERROR),
]
OF_SOCKETS = [
    (b"AT#XSSOCKETOPT=0,0,99\r", OK),
    (b"AT#XSSOCKETOPT=7,0,2\r", ERROR),
    (b"AT#XSOCKETOPT=0,2,20\r", ERROR),
    (b"AT#XSOCKETOPT=0,0,21\r", b"\r\n#XSOCKETOPT: 0,30\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,34,1\rAT#XSOCKETOPT=0,0,34\r", OK + b"\r\n#XSOCKETOPT: 0,1\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,62,1\rAT#XSOCKETOPT=0,0,62\r", OK + b"\r\n#XSOCKETOPT: 0,1\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,55,136\r", ERROR),
    (b"AT#XSOCKETOPT=0,1,20\r", OK),
    (b"AT#XSSOCKETOPT=1,0,5\r", b"\r\n#XSSOCKETOPT: 1,2\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"name"\rAT#XSSOCKETOPT=1,0,2\r', OK + b"\r\n#XSSOCKETOPT: 1,name\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"null"\rAT#XSSOCKETOPT=1,0,2\r', OK + b"\r\n#XSSOCKETOPT: 1,\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"%b"\r' % (b"n" * 128), ERROR),
    (b"AT#XSSOCKETOPT=1,1,5\r", ERROR),
    (b'AT#XSSOCKETOPT=1,1,5,"x"\r', ERROR),
    (b"AT#XSSOCKETOPT=1,2,5\r", ERROR),
    (b'AT#XCONNECT=0,"127.0.0.1",0\r', ERROR),
    (b'AT#XCONNECT=0,"::1",80\r', ERROR),
    (b"AT#XSOCKET=1,1,0,1\r", ERROR),
]


@pytest.mark.parametrize(("sent", "answer"), EXCHANGES)
@on_a_loop
async def test_answers_of_a_fresh_board(sent: bytes, answer: bytes) -> None:
    async with board_on_a_loop(firmware=HEAD) as (_, host):
        await host.exchange(sent, answer)


@pytest.mark.parametrize(("sent", "answer"), OF_SOCKETS)
@on_a_loop
async def test_answers_with_a_plain_and_a_secure_socket(sent: bytes, answer: bytes) -> None:
    async with board_on_a_loop(firmware=HEAD) as (_, host):
        await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: 0,1,6\r\n" + OK)
        await host.exchange(b"AT#XSSOCKET=1,2,1,42\r", b"\r\n#XSSOCKET: 1,2,273\r\n" + OK)
        await host.exchange(sent, answer)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"AT#XLISTEN=?\r", ERROR),
        (b"AT#XACCEPT=0\r", ERROR),
        (b"AT#XBOOTINFO=?\r", ERROR),
        (b"AT#XSOCKET=3,3,1\r", ERROR),
        (b"AT#XSSOCKET=1,1,2,42\r", ERROR),
        (
            b"AT#XSSOCKET=1,1,1,42\rAT#XSSOCKETOPT=0,0,5\r",
            b"\r\n#XSSOCKET: 0,1,258\r\n" + OK + b"\r\n#XSSOCKETOPT: 0,0\r\n" + OK,
        ),
        (
            b'AT#XSOCKET=1,2,1\rAT#XCONNECT=0,"127.0.0.1",9\r',
            b"\r\n#XSOCKET: 0,2,17\r\n" + OK + ERROR,
        ),
        (b"AT#XSOCKET=1,2,0\rAT#XSOCKETOPT=0,0,55\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK + ERROR),
        (b'AT#XGETADDRINFO="many.test"\r', b'\r\n#XGETADDRINFO: "192.0.2.1 192.0.2.1"\r\n' + OK),
    ],
)
@on_a_loop
async def test_v1(sent: bytes, answer: bytes) -> None:
    hosts = {"many.test": ("192.0.2.1", "192.0.2.2")}
    async with board_on_a_loop(firmware="serial-modem-1.0", hosts=hosts) as (_, host):
        await host.exchange(sent, answer)


@on_a_loop
async def test_any_split_of_a_command_and_of_the_terminator() -> None:
    async with connected() as (host, peer):
        await host.exchange(b"AT#XDATACTRL=65535\r", OK)
        command = b"AT#XSEND=0,2,0\r"
        for cut in range(1, len(command)):
            await host.write(command[:cut])
            await host.rest(0)
            await host.exchange(command[cut:], OK)
            for byte in b"a++b+++":
                await host.write(bytes([byte]))
                await host.rest(0)
            await host.expect(b"\r\n#XDATAMODE: 0\r\n")
            assert await peer.received(4) == b"a++b"
