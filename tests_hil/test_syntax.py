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
@pytest.mark.parametrize("command", [f"{name}?" for name in NO_READ_FORM])
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
@pytest.mark.parametrize("command", [f"{name}=?" for name in NO_TEST_FORM])
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


@pytest.mark.spec("XSOCKETSELECT.test")
@pytest.mark.usefixtures("datagram_socket")
def test_selecting_has_no_test_form(modem):
    with pytest.raises(CommandError):
        modem.link.command("AT#XSOCKETSELECT=?")


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

    def test_data_mode_that_nobody_left(self, modem):
        modem.link.enter_data_mode("AT#XSEND")
        modem.link.write(b"left behind")
