"""Syntax: what every command refuses, and that a board is none the worse for it.

Specification: the syntax of each command.
"""

import pytest

from bench.at import CommandError
from bench.boards.recovery import synchronise

NO_READ_FORM = (
    "#XBIND",
    "#XCONNECT",
    "#XLISTEN",
    "#XSEND",
    "#XRECV",
    "#XSENDTO",
    "#XRECVFROM",
    "#XPOLL",
    "#XGETADDRINFO",
)
NO_TEST_FORM = (*NO_READ_FORM, "#XACCEPT")
# Of firmwares whose commands name a handle.
NO_READ_FORM_BY_HANDLE = ("#XACCEPT", "#XCLOSE")
NO_TEST_FORM_BY_HANDLE = ("#XCLOSE",)
# Forms that SLM lacks but Serial Modem has: the name, and a feature of SLM that the test needs.
ONLY_IN_SLM = {"#XPOLL": "#XPOLL", "#XLISTEN": "selected socket", "#XACCEPT": "selected socket"}

REFUSED = {
    "too few": ["#XSOCKET=1", "#XSOCKET=1,1", "#XSSOCKET=1,1,0", "#XSOCKETOPT=1", '#XSENDTO="h"', '#XCONNECT="h"'],
    "none at all": ["#XSOCKET", "#XSSOCKET", "#XSOCKETSELECT", "#XBIND", "#XCONNECT", "#XACCEPT", "#XRECV", "#XPOLL"],
    "empty": ["#XSOCKET=", "#XSOCKET=1,,0", "#XSOCKET=1,1,", "#XBIND=", "#XCONNECT=,80", "#XRECV=1,", "#XPOLL=0,"],
    "wrong type": [
        *('#XSOCKET="1",1,0', '#XSOCKET=1,"1",0', '#XSOCKETSELECT="0"', '#XBIND="80"', '#XRECV="1"', '#XACCEPT="1"'),
        *('#XPOLL="0"', '#XSOCKETOPT="1",20,5', "#XSEND=123", "#XGETADDRINFO=123", '#XSENDTO="h","80","x"'),
    ],
    "out of range": [
        *(
            "#XSOCKET=3,1,0",
            "#XSOCKET=-1",
            "#XSOCKET=1,0,0",
            "#XSOCKET=1,4,0",
            "#XSOCKET=1,1,0,11",
            "#XSOCKET=65536,1,0",
        ),
        *("#XSSOCKET=1,3,0,42", "#XSSOCKET=1,1,0,42,3", "#XBIND=65536", "#XBIND=-1", '#XCONNECT="h",65536'),
        *("#XSOCKETSELECT=-1", "#XRECV=1,1", '#XSEND="f",1'),
    ],
    "not a number": ["#XSOCKET=01,1,0", "#XSOCKET=one,1,0", "#XSOCKETOPT=1,20,5.5"],
    "too many": ['#XGETADDRINFO="127.0.0.1",1,2'],
    "spaces": ["#XSOCKET=1 ,1,0", "#XSOCKET=1,  1,0", "#XSOCKET=1,1,0 ", "#XSOCKET 1", "#XSOCKET ?"],
    "unknown": ["#XFOO", "#XFOO?", "#XFOO=?", "#XSOCKETX", "#XSOCKE", "#XSOCKET??", "#XSOCKET=??", "#XSOCKET?1"],
}

# {h} is the handle of a datagram socket.
REFUSED_BY_HANDLE = {
    "too few": [
        *("#XSOCKET=1", "#XSOCKET=1,1", "#XSSOCKET=1,1,0", "#XSOCKETOPT={h}", "#XSOCKETOPT={h},1", '#XCONNECT={h},"h"'),
        *("#XBIND={h}", '#XSENDTO={h},0,0,"h"', "#XSEND={h},0,0", "#XRECV={h},0,0", "#XRECVFROM={h},0,0"),
        *("#XAPOLL={h}", "#XAPOLL={h},1", "#XRECVCFG={h}"),
    ],
    "none at all": [
        *("#XSOCKET", "#XSSOCKET", "#XSOCKETOPT", "#XBIND", "#XCONNECT", "#XSEND", "#XSENDTO", "#XRECV", "#XRECVFROM"),
        *("#XLISTEN", "#XACCEPT", "#XAPOLL", "#XRECVCFG", "#XGETADDRINFO"),
    ],
    "empty": ["#XSOCKET=", "#XSOCKET=1,,0", "#XSOCKET=1,1,", "#XBIND={h},", "#XCONNECT={h},,80", "#XRECV={h},0,0,"],
    "wrong type": [
        *('#XSOCKET="1",1,0', '#XSOCKET=1,"1",0', '#XCLOSE="{h}"', '#XBIND="{h}",80', '#XBIND={h},"80"'),
        *('#XRECV={h},0,0,"1"', '#XSOCKETOPT={h},"1",20,5', "#XSEND={h},0,0,123", "#XGETADDRINFO=123"),
        *('#XSENDTO={h},0,0,"h","80","x"', '#XAPOLL={h},"1",1', '#XRECVCFG={h},"1"'),
    ],
    "out of range": [
        *("#XSOCKET=0,1,0", "#XSOCKET=4,1,0", "#XSOCKET=-1,1,0", "#XSOCKET=1,0,0", "#XSOCKET=1,4,0", "#XSOCKET=1,3,0"),
        *("#XSOCKET=3,1,0", "#XSOCKET=1,1,0,11", "#XSOCKET=65536,1,0", "#XSSOCKET=1,3,0,42", "#XSSOCKET=3,1,0,42"),
        *(
            "#XSSOCKET=1,1,0,42,3",
            "#XBIND={h},65536",
            "#XBIND={h},-1",
            '#XCONNECT={h},"h",65536',
            '#XCONNECT={h},"h",0',
        ),
        *('#XSEND={h},3,0,"f"', "#XRECV={h},2,64,1", "#XRECVFROM={h},2,64,1", '#XGETADDRINFO="127.0.0.1",99'),
    ],
    "not a number": ["#XSOCKET=01,1,0", "#XSOCKET=one,1,0", "#XSOCKETOPT={h},1,20,5.5", "#XCLOSE=one"],
    "too many": ['#XGETADDRINFO="127.0.0.1",1,2'],
    "spaces": ["#XSOCKET=1 ,1,0", "#XSOCKET=1,  1,0", "#XSOCKET=1,1,0 ", "#XSOCKET 1", "#XSOCKET ?"],
    "unknown": [
        *("#XFOO", "#XFOO?", "#XFOO=?", "#XSOCKETX", "#XSOCKE", "#XSOCKET??", "#XSOCKET=??", "#XSOCKET?1"),
        *("#XSOCKETSELECT?", "#XPOLL=0", "#XSLMVER", "#XTCPSVR=1,80", "#XUDPCLI=0"),
    ],
}


def _only_in_slm(name, form):
    needs = ONLY_IN_SLM.get(name)
    return pytest.param(f"{name}{form}", marks=pytest.mark.needs(needs) if needs else ())


@pytest.fixture
def datagram_socket(modem):
    return modem.udp_socket()


@pytest.mark.spec(
    "XBIND.read",
    "XCONNECT.read",
    "XLISTEN.read",
    "XSEND.read",
    "XRECV.read",
    "XSENDTO.read",
    "XRECVFROM.read",
    "XPOLL.read",
    "XGETADDRINFO.read",
)
@pytest.mark.parametrize("command", [_only_in_slm(name, "?") for name in NO_READ_FORM])
@pytest.mark.usefixtures("datagram_socket")
def test_has_no_read_form(modem, command):
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command}")


@pytest.mark.spec(
    "XBIND.test",
    "XCONNECT.test",
    "XLISTEN.test",
    "XSEND.test",
    "XRECV.test",
    "XSENDTO.test",
    "XRECVFROM.test",
    "XPOLL.test",
    "XGETADDRINFO.test",
    "XACCEPT.test",
)
@pytest.mark.parametrize("command", [_only_in_slm(name, "=?") for name in NO_TEST_FORM])
@pytest.mark.usefixtures("datagram_socket")
def test_has_no_test_form(modem, command):
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command}")


@pytest.mark.spec("XSOCKETOPT.read")
@pytest.mark.parametrize("command", ["#XSOCKETOPT?", "#XSSOCKETOPT?"])
@pytest.mark.usefixtures("datagram_socket")
def test_options_have_no_read_form(modem, command):
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command}")


@pytest.mark.needs("handle in every command")
@pytest.mark.spec("XACCEPT.read", "XCLOSE.read", "XCLOSE.test")
@pytest.mark.parametrize(
    "command",
    [*(f"{name}?" for name in NO_READ_FORM_BY_HANDLE), *(f"{name}=?" for name in NO_TEST_FORM_BY_HANDLE)],
)
@pytest.mark.usefixtures("datagram_socket")
def test_has_no_such_form_by_handle(modem, command):
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command}")


@pytest.mark.needs("selected socket")
@pytest.mark.spec("XSOCKETSELECT.test")
@pytest.mark.usefixtures("datagram_socket")
def test_selecting_has_no_test_form(modem):
    with pytest.raises(CommandError):
        modem.link.command("AT#XSOCKETSELECT=?")


@pytest.mark.needs("selected socket")
@pytest.mark.spec(
    "SYNTAX.parameters",
    "XSOCKET.set.error",
    "XSSOCKET.set.error",
    "XBIND.set.range",
    "XCONNECT.set.range",
    "XSEND.set.error",
)
@pytest.mark.parametrize("command", [command for commands in REFUSED.values() for command in commands])
@pytest.mark.usefixtures("datagram_socket")
def test_is_refused_and_leaves_the_socket(modem, command):
    before = modem.slm.list().sockets
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command}")

    assert modem.slm.list().sockets == before
    assert modem.link.command("AT").ok


@pytest.mark.needs("handle in every command")
@pytest.mark.spec(
    "SYNTAX.parameters",
    "XSOCKET.set.error",
    "XSSOCKET.set.error.type",
    "XBIND.set.range",
    "XCONNECT.set.range",
    "XSEND.set.error",
    "XGETADDRINFO.set.error",
)
@pytest.mark.parametrize("command", [command for commands in REFUSED_BY_HANDLE.values() for command in commands])
def test_is_refused_and_leaves_the_sockets(modem, datagram_socket, command):
    sockets = modem.serial_modem.sockets
    before = sockets.list(), sockets.list_secure()
    with pytest.raises(CommandError):
        modem.link.command(f"AT{command.format(h=datagram_socket.handle)}")
    if command.startswith("#XSENDTO"):  # its host must not be the destination of another test's data
        sockets.forget_destination()

    assert (sockets.list(), sockets.list_secure()) == before
    assert modem.link.command("AT").ok


@pytest.mark.usefixtures("datagram_socket")
def test_one_space_before_a_parameter_is_allowed(modem):
    assert modem.link.command("AT#XSOCKET= 1, 1, 0").ok


@pytest.mark.spec("SYNTAX.recovery")
@pytest.mark.abuse
class TestRecovery:
    """After what deafens a board it answers again."""

    @pytest.fixture(autouse=True)
    def _answers_again(self, modem):
        yield
        synchronise(modem.link)
        assert modem.link.command("AT").ok

    def test_garbage(self, modem):
        modem.link.write_raw(b"\xff\xfe\x00\x01garbage\r\n")
        modem.link.listen(lambda heard: heard.endswith(b"ERROR\r\n"), timeout=2)

    def test_half_a_command(self, modem):
        modem.link.write_raw(b"AT#XSOCKET=1,")

    def test_an_open_quote(self, modem):
        modem.udp_socket()
        modem.link.write_raw(b'AT#XSEND="never closed\r\n')

    def test_an_over_long_line(self, modem):
        modem.link.write_raw(b"AT" + b"x" * 5000 + b"\r\n")

        assert b"ERROR" in modem.link.listen(lambda heard: heard.endswith(b"ERROR\r\n"), timeout=5)

    def test_data_mode_of_a_socket_that_nobody_left(self, modem, udp_echo):
        client = modem.udp_client(udp_echo.host, udp_echo.port)
        client.enter_data_mode()
        modem.link.write(b"left behind")

    @pytest.mark.needs("silent data mode")
    def test_data_mode_that_nobody_left(self, modem):
        modem.link.enter_data_mode("AT#XSEND")
        modem.link.write(b"left behind")
