"""From version to version: sockets, credentials, settings and undo across a flash from one image to another and back.

Runs with ``-- --upgrade-from FILE --upgrade-to FILE`` only. The modem core is not programmed, and keeps what it holds.
"""

import pytest

from bench.at import CommandError
from bench.boards.profile import differences, read_profile
from bench.modem import SocketType
from bench.session.provisioned import NO_TAGS

# Each test programs the board two or three times.
pytestmark = [pytest.mark.upgrade, pytest.mark.timeout(3600)]

MOST_SOCKETS = 16  # more than any firmware has


def open_all(board):
    """Open sockets until the firmware refuses one; return how many there are."""
    for count in range(MOST_SOCKETS):
        try:
            board.modem.sockets.open(SocketType.DATAGRAM)
        except CommandError:
            return count
    return MOST_SOCKETS


def echo(board, peer, network):
    """Send a text to an echo peer by a new connection; return what comes back."""
    with board.modem.tcp_client(peer.host, peer.port) as client:
        client.send_string(b"after the flash")
        return client.receive_exactly(15, timeout=network.receive_timeout)


def test_the_board_says_the_same_as_before_when_it_is_back(upgrade):
    """What a firmware says of itself depends on its image alone."""
    before = upgrade.board.identity
    *_, after = [board.identity for board in upgrade.there_and_back()]

    assert after.application_text == before.application_text
    assert after.customer_version == before.customer_version
    assert after.modem_firmware == before.modem_firmware


def test_sockets_are_gone_and_new_ones_work(upgrade, tcp_echo, network):
    """Sockets end with the firmware that opened them, and cost its successor no handle."""
    at_most = open_all(upgrade.board)
    upgrade.board.modem.close_sockets()
    open_all(upgrade.board)
    for board in upgrade.there_and_back():
        assert board.modem.close_sockets() == 0
        assert echo(board, tcp_echo, network) == b"after the flash"
        open_all(board)

    upgrade.board.modem.close_sockets()
    assert open_all(upgrade.board) == at_most


def test_credentials_stay(upgrade, provisioned):
    """The modem keeps credentials, whatever application is programmed."""
    if provisioned.allowed:
        provisioned.tags(upgrade.board)
    before = upgrade.board.modem.credentials.list()
    if not before:
        pytest.skip(NO_TAGS)
    for board in upgrade.there_and_back():
        assert board.modem.credentials.list() == before


def test_settings_stay(upgrade):
    """The modem keeps its settings: functional mode, systems, power saving, eDRX, RAI."""
    before = read_profile(upgrade.board.link)
    for board in upgrade.there_and_back():
        assert differences(before, read_profile(board.link)) == []


def test_what_a_dead_process_has_changed_is_undone_behind_a_flash(upgrade):
    """The undo journal belongs to the board, not to its firmware: the next to open the board undoes the change."""
    board = upgrade.board
    before = read_profile(board.link)
    if "+CPSMS: 0" not in before["power saving mode"]:
        pytest.skip("power saving mode is on: the scenario would have to switch it off")
    board.link.command("AT+CPSMS=1")
    upgrade.die("AT+CPSMS=0")
    for opened in upgrade.there_and_back():
        assert differences(before, read_profile(opened.link)) == []
