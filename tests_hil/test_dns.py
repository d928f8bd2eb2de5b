"""DNS: names and literals become addresses. Specification: #XGETADDRINFO."""

import ipaddress
import re

import pytest

from bench.at import CommandError
from bench.modem import Family


def _says_why(error):
    """Return whether the line before ERROR has the resolver's reason where the address would be."""
    return re.fullmatch(r'#XGETADDRINFO: "[A-Za-z_][^"]*"', error.response.lines[0])


@pytest.mark.spec("XGETADDRINFO.set.ipv4")
def test_the_peers_name(modem, peers, peer_name):
    resolved = modem.names.resolve(peer_name, Family.IPV4)

    assert resolved.addresses == (peers.tcp_echo().host,)


@pytest.mark.spec("XGETADDRINFO.set.ipv6")
def test_the_peers_name_in_ipv6(modem, peers, ipv6, peer_name):
    resolved = modem.names.resolve(peer_name, Family.IPV6)

    assert resolved.addresses == (peers.tcp_echo(ipv6=ipv6).host,)


@pytest.mark.spec("XGETADDRINFO.set.several")
def test_several_addresses_are_all_there(modem, peers, ipv6, peer_name):
    """A name with an IPv4 and an IPv6 address, both asked for."""
    expected = {peers.tcp_echo().host, peers.tcp_echo(ipv6=ipv6).host}

    assert set(modem.names.resolve(peer_name, 0).addresses) == expected


@pytest.mark.spec("XGETADDRINFO.set.literal")
@pytest.mark.parametrize("literal", ["192.0.2.7", "2001:db8::7"])
def test_a_literal_is_its_own_address(modem, literal):
    assert [ipaddress.ip_address(a) for a in modem.names.resolve(literal).addresses] == [ipaddress.ip_address(literal)]


@pytest.mark.parametrize(("literal", "family"), [("192.0.2.7", Family.IPV6), ("2001:db8::7", Family.IPV4)])
def test_a_literal_of_the_other_family(modem, literal, family):
    with pytest.raises(CommandError) as unknown:
        modem.names.resolve(literal, family)

    assert _says_why(unknown.value)


@pytest.mark.spec("XGETADDRINFO.set.error")
def test_an_unknown_name(modem):
    with pytest.raises(CommandError) as unknown:
        modem.names.resolve("no-such-host.invalid")

    assert _says_why(unknown.value)


@pytest.mark.parametrize("family", [3, -1])
def test_an_unknown_family(modem, family):
    with pytest.raises(CommandError):
        modem.names.resolve("192.0.2.7", family)
