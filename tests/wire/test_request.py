"""Requests: what a command becomes for the port. What is repeated is made up once; a secret is never kept."""

from bench.at.request import Requests

CREDENTIAL = b'AT%CMNG=0,16842753,3,"5bd8b2a0"'


def test_a_command_is_made_up_once() -> None:
    requests = Requests(b"\r")
    request = requests[b"AT+CFUN?"]
    assert (request.data, request.shown, request.command) == (b"AT+CFUN?\r", b"AT+CFUN?\r", "AT+CFUN?")
    assert request.secrets == []
    assert requests[b"AT+CFUN?"] is request


def test_a_secret_is_masked_and_not_kept() -> None:
    requests = Requests(b"\r\n")
    for text in (CREDENTIAL, b'AT+CGAUTH=0,1,"user",""'):
        request = requests[text]
        assert request.data == text + b"\r\n"
        assert b"*" in request.shown
        assert len(request.shown) == len(request.data)
        assert request.command.encode() + b"\r\n" == request.shown
    assert requests[CREDENTIAL].secrets == [b"5bd8b2a0"]
    assert not requests


def test_what_is_kept_has_a_limit() -> None:
    requests = Requests(b"\r\n")
    for number in range(3000):
        assert requests[b"AT#XSEND=%d" % number].command == f"AT#XSEND={number}"
    assert len(requests) <= 1000
    long = b'AT#XSEND="%b"' % (b"x" * 1000)
    assert requests[long].data == long + b"\r\n"
    assert long not in requests
