"""Test credentials: made, kept, put into a board's store, and never shown."""

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.at import AtLink, CommandError
from bench.boards import TAGS, KnownDigests, provision
from bench.errors import LabError
from bench.modem import CredentialStoreFull, CredentialType, Modem
from bench.security.credentials import CredentialSet, lab_credentials, make_credentials
from tests.support.programs import simulator

TAG_RANGE = (7000, 7000 + len(TAGS) - 1)
TODAY = datetime.date(2026, 5, 1)
# PSK and identity three times, three authorities, two devices with authority, certificate and key.
WRITES = 3 * 2 + 3 + 2 * 3


@pytest.fixture(scope="module")
def credentials() -> CredentialSet:
    return make_credentials()


@pytest.fixture
def modem() -> Iterator[Modem]:
    with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
        made = Modem(link)
        made.registration.wait(10)
        yield made


def fill(modem: Modem, credentials: CredentialSet, digests: KnownDigests | None = None) -> int:
    return provision(
        modem, credentials, TAG_RANGE, digests or KnownDigests(), board="board", registration_timeout=10
    ).writes


class TestStore:
    def test_is_written_once_and_then_only_what_changed(self, modem: Modem, credentials: CredentialSet) -> None:
        assert fill(modem, credentials) == WRITES
        detached = "AT+CFUN=4" in str(modem.link.transcript.entries)
        assert detached
        since = len(modem.link.transcript.entries)
        assert fill(modem, credentials) == 0
        assert "AT+CFUN=4" not in str(modem.link.transcript.entries[since:])
        assert fill(modem, replace(credentials, psk=credentials.unknown_psk)) == 2
        assert modem.registration.status() == "1"

    def test_other_tags_are_never_touched(self, modem: Modem, credentials: CredentialSet) -> None:
        with modem.registration.offline(10):
            modem.credentials.write(6999, CredentialType.PSK, b"0011")
            modem.credentials.write(TAG_RANGE[1] + 1, CredentialType.PSK, b"0022")
            modem.credentials.write(TAG_RANGE[1], CredentialType.PSK, b"0033")  # the tag that stays empty
        before = {(row.sec_tag, row.digest) for row in modem.credentials.list()}
        assert fill(modem, credentials) == WRITES + 1
        after = {(row.sec_tag, row.digest) for row in modem.credentials.list()}
        outside = {row for row in before if not TAG_RANGE[0] <= row[0] <= TAG_RANGE[1]}
        assert outside == {row for row in after if not TAG_RANGE[0] <= row[0] <= TAG_RANGE[1]}
        assert TAG_RANGE[1] not in {tag for tag, _ in after}

    def test_a_board_that_digests_in_its_own_way_is_remembered(
        self, modem: Modem, credentials: CredentialSet, tmp_path: Path
    ) -> None:
        """Whatever it shows after a write stands for that content from then on."""
        digests = KnownDigests(tmp_path / "digests.json")
        assert fill(modem, credentials, digests) == WRITES
        digests.learn("board", (7000, CredentialType.PSK), b"content", "AB" * 32)
        digests.save()
        again = KnownDigests(tmp_path / "digests.json")
        again.load()
        assert again.matches("board", (7000, CredentialType.PSK), b"content", "AB" * 32)
        assert not again.matches("board", (7000, CredentialType.PSK), b"other", "AB" * 32)
        assert not again.matches("another", (7000, CredentialType.PSK), b"content", "AB" * 32)

    def test_a_store_without_room_is_an_error_of_its_own(self, modem: Modem, credentials: CredentialSet) -> None:
        with modem.registration.offline(10), modem.credentials.error_numbers():
            filler = b"-----BEGIN CERTIFICATE-----\n" + b"A" * 3900
            for tag in range(100, 108):
                modem.credentials.write(tag, CredentialType.AUTHORITY, filler)
            with pytest.raises(CredentialStoreFull):
                modem.credentials.write(108, CredentialType.AUTHORITY, filler)
        with pytest.raises(LabError, match="has no room for the test credentials"):
            fill(modem, credentials)
        assert modem.registration.status() == "1"  # attached again all the same

    def test_a_range_that_is_too_small(self, modem: Modem, credentials: CredentialSet) -> None:
        with pytest.raises(LabError, match=r"has 2 tags, the suites need 9: widen it to \[7000, 7008\]"):
            provision(modem, credentials, (7000, 7001), KnownDigests(), board="board", registration_timeout=10)

    def test_writing_needs_the_modem_offline(self, modem: Modem) -> None:
        with modem.credentials.error_numbers(), pytest.raises(CommandError) as refused:
            modem.credentials.write(1, CredentialType.PSK, b"00")
        assert refused.value.cme == 518
        assert modem.link.command("AT+CMEE?").lines == ("+CMEE: 0",)

    def test_nothing_secret_is_in_the_transcript(self, modem: Modem, credentials: CredentialSet) -> None:
        fill(modem, credentials)
        kept = b"".join(entry.data for entry in modem.link.transcript.entries)
        for secret in (credentials.psk.key.hex().encode(), b"PRIVATE KEY"):
            assert secret not in kept
        for device in credentials.devices.values():
            assert device.key.split(b"\n")[1] not in kept


class TestKept:
    def test_a_labs_credentials_stay_from_run_to_run(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "credentials.json"
        first = lab_credentials(path, today=TODAY)
        assert lab_credentials(path, today=TODAY + datetime.timedelta(days=300)) == first
        assert path.stat().st_mode & 0o777 == 0o600

    def test_they_are_renewed_before_they_expire(self, tmp_path: Path) -> None:
        path = tmp_path / "credentials.json"
        first = lab_credentials(path, today=TODAY)
        later = lab_credentials(path, today=TODAY + datetime.timedelta(days=340))
        assert later.made > first.made
        assert later.psk != first.psk

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "servers": 3}'])
    def test_a_file_that_holds_none(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "credentials.json"
        path.touch(mode=0o600)
        path.write_text(text)
        with pytest.raises(LabError, match="holds no test credentials"):
            lab_credentials(path)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(LabError, match="set XDG_STATE_HOME"):
            lab_credentials(tmp_path / "file" / "credentials.json")

    def test_broken_digests_cost_a_write_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "digests.json"
        for text in ("nonsense", json.dumps([1, 2])):
            path.write_text(text)
            digests = KnownDigests(path)
            digests.load()
            assert digests.rows == {}
