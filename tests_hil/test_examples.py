"""The page's examples: each command as it is printed there, with this lab's addresses, and the answer it shows.

Specification: the examples of each command. Handles are whatever the board gives.
"""

import re

import pytest

# Serial Modem's examples name a handle in every command: see test_handles.py.
pytestmark = pytest.mark.needs("selected socket")

OPENING = {
    "AT#XSOCKET=1,1,0": r"#XSOCKET: \d+,1,6",
    "AT#XSOCKET=1,2,0": r"#XSOCKET: \d+,2,17",
    "AT#XSOCKET=2,1,0": r"#XSOCKET: \d+,1,6",
    "AT#XSOCKET=1,3,0": r"#XSOCKET: \d+,3,0",
    "AT#XSSOCKET=1,1,0,16842753,2": r"#XSSOCKET: \d+,1,258",
    "AT#XSSOCKET=1,2,0,16842753": r"#XSSOCKET: \d+,2,273",
}
TESTING = {
    "AT#XSOCKET=?": "#XSOCKET: (0,1,2),(1,2,3),(0,1),<cid>",
    "AT#XSSOCKET=?": "#XSSOCKET: (0,1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>",
    "AT#XSOCKETOPT=?": "#XSOCKETOPT: (0,1),<name>,<value>",
    "AT#XSSOCKETOPT=?": "#XSSOCKETOPT: (0,1),<name>,<value>",
}


@pytest.mark.spec("XSOCKET.example.open", "XSSOCKET.example.open")
@pytest.mark.parametrize(("command", "answer"), OPENING.items(), ids=OPENING.keys())
def test_opening_and_closing(modem, command, answer):
    (line,) = modem.link.command(command).lines

    assert re.fullmatch(answer, line)
    assert modem.link.command("AT#XSOCKET=0").lines == ('#XSOCKET: 0,"closed"',)


@pytest.mark.spec("XSOCKET.example.read", "XSSOCKET.example.read")
def test_reading(modem):
    modem.link.command("AT#XSOCKET=1,1,0")
    assert re.fullmatch(r"#XSOCKET: \d+,1,0,1,0", modem.link.command("AT#XSOCKET?").lines[0])

    modem.link.command("AT#XSSOCKET=1,1,0,16842753,2")
    assert re.fullmatch(r"#XSSOCKET: \d+,1,0,1,16842753,0", modem.link.command("AT#XSSOCKET?").lines[0])


@pytest.mark.spec(
    "XSOCKET.example.test", "XSSOCKET.example.test", "XSOCKETOPT.example.test", "XSSOCKETOPT.example.test"
)
@pytest.mark.parametrize(("command", "answer"), TESTING.items(), ids=TESTING.keys())
def test_testing(modem, command, answer):
    assert modem.link.command(command).lines == (answer,)


@pytest.mark.spec("XSOCKETSELECT.example.read", "XSOCKETSELECT.example.set")
def test_listing_and_selecting(modem):
    """Four kinds of socket are open, the last is active; then the first is selected."""
    commands = ("AT#XSOCKET=1,1,0", "AT#XSOCKET=1,2,0", "AT#XSSOCKET=1,1,0,16842755", "AT#XSOCKET=1,1,1")
    opened = [modem.link.command(command).lines[0] for command in commands]
    handles = [re.split("[:,] ?", line)[1] for line in opened]

    *rows, active = modem.link.command("AT#XSOCKETSELECT?").lines
    expected = [("1,0,1,-1", "0"), ("1,0,2,-1", "0"), ("1,0,1,16842755", "0"), ("1,1,1,-1", "0")]
    for handle, row, (fields, cid) in zip(handles, rows, expected, strict=True):
        assert re.fullmatch(rf"#XSOCKETSELECT: {handle},{fields},\d+,{cid}", row)
    assert active == f"#XSOCKETSELECT: {handles[-1]}"

    # The page shows "4,1,1" here, and the handle alone in its other example; the handle comes first in both.
    (line,) = modem.link.command(f"AT#XSOCKETSELECT={handles[0]}").lines
    assert line.split(",")[0] == f"#XSOCKETSELECT: {handles[0]}"
    assert modem.link.command("AT#XSOCKETSELECT?").lines[-1] == f"#XSOCKETSELECT: {handles[0]}"


@pytest.mark.spec("XSOCKETOPT.example", "XSSOCKETOPT.example")
def test_options(modem):
    modem.link.command("AT#XSOCKET=1,1,0")
    assert modem.link.command("AT#XSOCKETOPT=1,20,30").lines == ()
    assert modem.link.command("AT#XSOCKETOPT=0,20").lines == ("#XSOCKETOPT: 30",)

    modem.link.command("AT#XSSOCKET=1,1,0,16842753")
    assert modem.link.command("AT#XSSOCKETOPT=1,5,2").lines == ()


@pytest.mark.spec("XCONNECT.example.ipv4", "XSEND.example", "XRECV.example")
def test_tcp_client(modem, peers, network):
    echo = peers.tcp_echo(echo=False)
    modem.tcp_socket()
    command = f'AT#XCONNECT="{echo.host}",{echo.port}'
    assert modem.link.command(command, timeout=network.connect_timeout).lines == ("#XCONNECT: 1",)
    assert modem.link.command('AT#XSEND="Test TCP"').lines == ("#XSEND: 8",)

    echo.push(b"Test OK")
    received = modem.link.command("AT#XRECV=10", timeout=10 + network.margin)
    assert (received.lines, received.payload) == (("#XRECV: 7",), b"Test OK")


@pytest.mark.spec("XCONNECT.example.name")
def test_connecting_by_name(modem, tcp_echo, peer_name, network):
    modem.tcp_socket()
    command = f'AT#XCONNECT="{peer_name}",{tcp_echo.port}'
    assert modem.link.command(command, timeout=network.connect_timeout).lines == ("#XCONNECT: 1",)


@pytest.mark.spec("XCONNECT.example.ipv6")
def test_connecting_over_ipv6(modem, peers, ipv6, network):
    echo = peers.tcp_echo(ipv6=ipv6)
    modem.link.command("AT#XSOCKET=2,1,0")
    command = f'AT#XCONNECT="{echo.host}",{echo.port}'
    assert modem.link.command(command, timeout=network.connect_timeout).lines == ("#XCONNECT: 1",)


@pytest.mark.spec("XSENDTO.example", "XRECVFROM.example")
def test_datagrams(modem, peers, despite_loss, network):
    echo = peers.udp_echo(echo=False)
    modem.udp_socket()

    def send() -> None:
        sent = modem.link.command(f'AT#XSENDTO="{echo.host}",{echo.port},"Test UDP"', timeout=network.receive_timeout)
        assert sent.lines == ("#XSENDTO: 8",)
        if echo.wait_for("received", timeout=network.receive_timeout):
            echo.push(b"Test OK")

    received = despite_loss(send, lambda: modem.link.command("AT#XRECVFROM=10", timeout=10 + network.margin))
    assert (received.lines, received.payload) == ((f'#XRECVFROM: 7,"{echo.host}",{echo.port}',), b"Test OK")


@pytest.mark.spec("XBIND.example", "XLISTEN.example", "XACCEPT.example.set", "XACCEPT.example.read")
def test_tcp_server(board, modem, dialer, network):
    """The page's answer to AT#XACCEPT? shows an address where its own syntax says handle; the handle is checked."""
    port = board.free_port()
    modem.server_socket()
    assert modem.link.command(f"AT#XBIND={port}").lines == ()
    assert modem.link.command("AT#XLISTEN").lines == ()
    client = dialer.connect(board.address(), port)

    (line,) = modem.link.command("AT#XACCEPT=60", timeout=60 + network.margin).lines
    accepted = re.fullmatch(r'#XACCEPT: (\d+),"([^"]+)"', line)
    assert accepted
    assert accepted[2] in client.addresses
    (line,) = modem.link.command("AT#XACCEPT?").lines
    assert line.endswith(f": {accepted[1]}")


@pytest.mark.spec("XPOLL.example")
def test_polling(modem, peers, network):
    echoes = [peers.tcp_echo() for _ in range(2)]
    clients = [modem.tcp_client(echo.host, echo.port) for echo in echoes]
    for echo, client in zip(echoes, clients, strict=True):
        echo.push(b"x")
        assert client.poll(network.receive_timeout * 1000)

    handles = [client.handle for client in clients]
    for handle in handles:
        answer = modem.link.command(f"AT#XPOLL=2000,{handle}", timeout=2 + network.margin)
        assert answer.lines == (f'#XPOLL: {handle},"0x0001"',)
    both = tuple(f'#XPOLL: {handle},"0x0001"' for handle in handles)
    assert modem.link.command("AT#XPOLL=2000", timeout=2 + network.margin).lines == both


@pytest.mark.spec("XGETADDRINFO.example")
def test_resolving(modem, peers, peer_name):
    (line,) = modem.link.command(f'AT#XGETADDRINFO="{peer_name}",1', timeout=60).lines

    assert line == f'#XGETADDRINFO: "{peers.tcp_echo().host}"'
