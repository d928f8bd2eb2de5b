"""Secrets are hidden however a command is spelled, and wherever they turn up later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at.secrets import SECRETS, masked, secrets_of
from bench.privacy import Concealer

PEM = b"-----BEGIN\r\nabc;,\r\n-----END"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (b'AT%CMNG=0,42,3,"6162"', b'AT%CMNG=0,42,3,"****"'),
        (b'AT%%CMNG=0,42,0,"%b"' % PEM, b'AT%%CMNG=0,42,0,"%b"' % (b"*" * len(PEM))),
        (b'AT%CMNG=0,42,2,"key","word"', b'AT%CMNG=0,42,2,"***","****"'),
        (b"at+cpin=1234", b"at+cpin=****"),
        (b' AT+CPIN="1234"', b' AT+CPIN="****"'),
        (b'AT+CPIN = "1234"', b'AT+CPIN = "****"'),
        (b'AT + CPIN="1234" , "5678"', b'AT + CPIN="****" , "****"'),
        (b'AT+CPIN="1234', b'AT+CPIN="****'),
        (b'AT+CFUN?;+CPIN="1234"', b'AT+CFUN?;+CPIN="****"'),
        (b'AT+CFUN=1; +cpin = "1234";+CEREG?', b'AT+CFUN=1; +cpin = "****";+CEREG?'),
        (b'AT+CLCK="SC",1,"1234"', b'AT+CLCK="SC",1,"****"'),
        (b'AT+CLCK="SC",2', b'AT+CLCK="SC",2'),
        (b'AT+CPWD="SC","1234","5678"', b'AT+CPWD="SC","****","****"'),
        (b'AT+CGAUTH=0,2,"user","word"', b'AT+CGAUTH=0,2,"****","****"'),
        (b"AT+CGAUTH=0,0", b"AT+CGAUTH=0,0"),
        (b'AT+CSIM=26,"0020000108313233FF"', b'AT+CSIM=26,"******************"'),
        (b'AT#XMQTTCON=1,"user","word","host",1883', b'AT#XMQTTCON=1,"****","****","host",1883'),
        (b"AT#XMQTTCON=0", b"AT#XMQTTCON=0"),
        (b'AT#XFTP="open","user","word","host"', b'AT#XFTP="open","****","****","host"'),
        (b'AT#XHTTPCREQ="GET","/a","Authorization: x"', b'AT#XHTTPCREQ="GET","/a","****************"'),
        (b'AT#XDFUGET=1,"https://me:word@host/a"', b'AT#XDFUGET=1,"https://*******@host/a"'),
        (b"ATZ+CPIN=71000027", b"ATZ+CPIN=********"),
        (b'ATE0+CPIN="1234"', b'ATE0+CPIN="****"'),
        (b'+CPIN="1234"', b'+CPIN="****"'),
        (b'AT\rAT+CPIN="1234"\rAT', b'AT\rAT+CPIN="****"\rAT'),
        (b"AT%CMNG=0,1,0,-----B\r\nabc\r\n-----E", b"AT%CMNG=0,1,0," + b"*" * 19),
        (b'AT+CPIN:"1234"', b'AT+CPIN:"****"'),
        (b'AT+CPIN "1234"', b'AT+CPIN "****"'),
        (b'AT+CPIN? "1234"', b'AT+CPIN? "****"'),
        (b'AT+CPIN-"1234"', b'AT+CPIN-"****"'),
        (b'AT+CPIN\0="1234"', b'AT+CPIN\0="****"'),
        (b'AT++CPIN="1234"', b'AT++CPIN="****"'),
        (b'AT%CMNG=00,16,3,"word"', b'AT%CMNG=00,16,3,"****"'),
        (b'AT%CMNG=,16,3,"word"', b'AT%CMNG=,16,3,"****"'),
        (b'AT%CMNG=(0),16,3,"word"', b'AT%CMNG=(0),16,3,"****"'),
        (b'AT#XMQTTCON=01,"u","word","h",1', b'AT#XMQTTCON=01,"*","****","h",1'),
        (b'AT#XHTTPCCON=1,"http://user:sec/ret@host",80', b'AT#XHTTPCCON=1,"http://************@host",80'),
        (b'AT+CGLA=0,26,"0020"', b'AT+CGLA=0,26,"****"'),
        (b'AT%XSUDO=4,"word"', b'AT%XSUDO=4,"****"'),
        (b'AT#XFTP="put","file",0,"data"', b'AT#XFTP="put","file",0,"data"'),
        (b"AT+CPINR", b"AT+CPINR"),
        (b'AT+CPINR="SIM PIN"', b'AT+CPINR="SIM PIN"'),
        (b"AT%CMNG=1,42", b"AT%CMNG=1,42"),
        (b'AT#XSEND="AT+CPIN=1234"', b'AT#XSEND="AT+CPIN=1234"'),
        (b"AT+CPIN?", b"AT+CPIN?"),
    ],
)
def test_a_secret_is_masked_to_the_same_length(command: bytes, shown: bytes) -> None:
    assert masked(command) == shown


@given(
    st.sampled_from(sorted(SECRETS)),
    st.text("ghijk", min_size=4, max_size=9),
    st.text(" \t", max_size=3),
)
def test_no_spelling_shows_it(name: bytes, secret: str, blank: str) -> None:
    known = SECRETS[name]
    parameters = [{b"%CMNG": "0", b"#XFTP": "open"}.get(name, "1"), *["1"] * 5]
    hidden = known.secret or known.private
    for index in hidden:
        parameters[index] = secret
    for form in ('"{}"', "{}", '"{}'):
        text = f"{blank}at{name.decode().lower()}{blank}={blank}" + f"{blank},{blank}".join(
            form.format(secret) if index in hidden else value for index, value in enumerate(parameters)
        )
        assert secret.encode() not in masked(text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_keep_their_length(command: bytes) -> None:
    for text in (command, b"AT+CPIN=" + command, b"AT%CMNG=0,1,2," + command):
        assert len(masked(text)) == len(text)
        for start, end in secrets_of(text)[0]:
            assert 0 <= start <= end <= len(text)


def test_what_was_secret_once_is_hidden_wherever_it_turns_up() -> None:
    concealer = Concealer(b"k" * 32)
    for value in (b"1234", b"hunter2222", b"\xff\x00ab"):
        concealer.hide(value)
    assert concealer.conceal(b'AT+CPIN="1234"\r\nERROR 1234, t 1712341') == b'AT+CPIN="****"\r\nERROR ****, t 1712341'
    assert concealer.conceal(b"xhunter2222y") == b"x**********y"
    assert concealer.conceal(b"\xff\x00abc") == b"****c"
    assert concealer.conceal_text("wrong PIN 1234, \udce9\ud800") == "wrong PIN ****, \udce9\ud800"
