"""The TLS and DTLS engine: both ends in one process, in virtual time."""

import _ctypes
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.security import (
    ENVIRONMENT,
    HANDSHAKE_TIMEOUTS,
    CertifiedKey,
    PreSharedKey,
    SecurityError,
    SecurityUnavailable,
    TlsConnection,
    TlsContext,
    TlsSettings,
    Verify,
    client_hello,
    connection_id,
    is_hostile,
    library,
    mbedtls,
)
from bench.security.credentials import HOST_NAME, CredentialSet, ServerCertificate, make_credentials
from bench.security.records import Record, StreamRecords, datagram_records
from bench.security.registry import CONNECTIONS, CONTEXTS
from tests.support.secure_link import SecureLink, contexts

KEY = PreSharedKey(b"board", b"k" * 16)
CLIENT = TlsSettings(server=False, datagram=False, psk=KEY)
SERVER = TlsSettings(server=True, datagram=False, psks={KEY.identity: KEY.key}, session_cache=True)
CCM_8 = 0xC0A8
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
transports = pytest.mark.parametrize("datagram", [False, True], ids=["tls", "dtls"])


@pytest.fixture(scope="module")
def credentials() -> CredentialSet:
    return make_credentials()


class TestHandshake:
    @transports
    def test_data_go_both_ways_and_the_end_is_told(self, datagram: bool) -> None:
        with contexts(CLIENT, SERVER, datagram=datagram) as pair:
            link = SecureLink(*pair)
            assert link.handshake()
            assert link.up(b"hello") == b"hello"
            assert link.down(b"world") == b"world"
            assert link.server.psk_identity == b"board"
            link.client.close_notify()
            for piece in link.client.take():
                link.server.feed(piece)
            assert link.server.read() == b""
            link.free()

    @transports
    @pytest.mark.parametrize("level", list(Verify))
    @pytest.mark.parametrize(
        ("shown", "alert", "words"),
        [
            (ServerCertificate.EXPIRED, "certificate_expired", "expired"),
            (ServerCertificate.WRONG_HOST, "bad_certificate", "does not match"),
            (ServerCertificate.UNKNOWN_CA, "unknown_ca", "not correctly signed"),
        ],
    )
    def test_a_bad_certificate(
        self,
        credentials: CredentialSet,
        datagram: bool,
        level: Verify,
        shown: ServerCertificate,
        alert: str,
        words: str,
    ) -> None:
        client = replace(CLIENT, psk=None, verify=level, authorities=credentials.authorities["ecdsa"])
        server = TlsSettings(server=True, datagram=False, certificates=(credentials.servers[shown],))
        with contexts(client, server, datagram=datagram) as pair:
            link = SecureLink(*pair, host_name=HOST_NAME)
            assert link.handshake() is (level is not Verify.REQUIRED)
            expected = {"client": f"sent {alert}", "server": f"received {alert}"} if level is Verify.REQUIRED else {}
            assert link.errors == expected
            assert (words in link.client.verify_problems) is (level is not Verify.NONE)
            link.free()

    @transports
    def test_wrong_key_and_unknown_identity_are_told_apart(self, datagram: bool) -> None:
        found = set()
        for psk in (replace(KEY, key=b"x" * 16), replace(KEY, identity=b"nobody")):
            with contexts(replace(CLIENT, psk=psk), SERVER, datagram=datagram) as pair:
                link = SecureLink(*pair)
                assert not link.handshake()
                assert link.server.psk_identity == psk.identity
                found.add(link.errors["server"])
                link.free()
        assert found == {"sent bad_record_mac", "sent unknown_psk_identity"}

    @transports
    def test_a_client_without_the_certificate_that_is_demanded_is_told(
        self, credentials: CredentialSet, datagram: bool
    ) -> None:
        client = replace(CLIENT, psk=None, authorities=credentials.authorities["ecdsa"])
        server = TlsSettings(
            server=True,
            datagram=False,
            verify=Verify.REQUIRED,
            authorities=credentials.authorities["ecdsa"],
            certificates=(credentials.servers[ServerCertificate.ECDSA],),
        )
        with contexts(client, server, datagram=datagram) as pair:
            link = SecureLink(*pair)
            assert not link.handshake(patience=0.5)
            assert link.errors["server"].split()[0] not in ("sent", "received")  # its own words, no alert
            assert link.errors["client"] == "received handshake_failure"
            link.free()

    @transports
    def test_a_session_is_resumed_until_it_is_purged(self, datagram: bool) -> None:
        with contexts(CLIENT, SERVER, datagram=datagram) as pair:
            resumed, session = [], None
            for purge in (False, False, True):
                if purge:
                    pair[1].purge()
                link = SecureLink(*pair, session=session)
                assert link.handshake()
                assert link.client.resumed is link.server.resumed
                resumed.append(link.server.resumed)
                session = link.client.session()
                link.free()
        assert resumed == [False, True, False]

    def test_memory_is_given_back(self) -> None:
        before = len(CONNECTIONS), len(CONTEXTS)
        with contexts(CLIENT, SERVER, datagram=True) as pair:
            link = SecureLink(*pair)
            assert link.handshake()
            link.free()
            link.free()
        assert (len(CONNECTIONS), len(CONTEXTS)) == before
        with pytest.raises(SecurityError):
            link.client.write(b"after the end")


class TestTime:
    @pytest.mark.parametrize("seconds", HANDSHAKE_TIMEOUTS)
    def test_a_handshake_is_given_up_after_exactly_its_time(self, seconds: int) -> None:
        with TlsContext(replace(CLIENT, datagram=True, handshake_timeout=seconds)) as context:
            now = 0.0
            client = TlsConnection(context, clock=lambda: now)
            sent = []
            reason = ""
            while not reason:
                try:
                    assert not client.handshake()
                except SecurityError as silence:
                    reason = silence.reason
                else:
                    sent += [now] * len(client.take())
                    assert client.deadline is not None
                    now = client.deadline
            client.free()
        waits = [after - before for before, after in itertools.pairwise([*sent, now])]
        assert reason == "timeout"
        assert now == seconds
        assert waits[:-1] == [float(2**index) for index in range(len(waits) - 1)]

    @QUICK
    @given(lost=st.sets(st.integers(1, 12), max_size=5))
    def test_a_handshake_survives_what_is_lost(self, lost: set[int]) -> None:
        with contexts(CLIENT, SERVER, datagram=True) as pair:
            link = SecureLink(*pair, lose=lost.__contains__)
            assert link.handshake()
            link.lose = lambda _: False
            assert link.up(b"there") == b"there"
            assert link.down(b"back") == b"back"
            link.free()


class TestHostileInput:
    @QUICK
    @given(data=st.data())
    def test_any_chunking_of_a_stream_gives_the_same_data(self, data: st.DataObject) -> None:
        with contexts(CLIENT, SERVER, datagram=False) as pair:
            link = SecureLink(*pair)
            assert link.handshake()
            message = data.draw(st.binary(min_size=1, max_size=5000))
            link.client.write(message)
            stream = b"".join(link.client.take())
            cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)))
            got = b""
            for start, end in itertools.pairwise([0, *cuts, len(stream)]):
                link.server.feed(stream[start:end])
                while (piece := link.server.read()) is not None:
                    got += piece
            link.free()
        assert got == message

    @QUICK
    @given(junk=st.lists(st.binary(max_size=200), max_size=20), seed=st.integers(0, 2**32))
    def test_an_association_outlives_garbage_forgery_and_replay(self, junk: list[bytes], seed: int) -> None:
        with contexts(CLIENT, SERVER, datagram=True) as pair:
            link = SecureLink(*pair)
            assert link.handshake()
            link.client.write(b"once")
            (record,) = link.client.take()
            forged = bytearray(record)
            forged[13 + seed % (len(record) - 13)] ^= 1 + seed % 255
            for datagram in (*junk, bytes(forged), record, record, record[:-1], b""):
                link.server.feed(datagram)
            read = []
            while (piece := link.server.read()) is not None:
                read.append(piece)
            assert read == [b"once"]
            assert link.up(b"still here") == b"still here"
            link.free()

    @QUICK
    @given(garbage=st.binary(min_size=1, max_size=500))
    def test_a_stream_of_garbage_is_a_clean_error_or_a_wait(self, garbage: bytes) -> None:
        with TlsContext(SERVER) as context:
            server = TlsConnection(context)
            server.feed(garbage)
            with contextlib.suppress(SecurityError):
                assert not server.handshake()
            server.free()


class TestRecords:
    @given(
        bodies=st.lists(st.tuples(st.integers(20, 25), st.binary(max_size=300)), max_size=8),
        cuts=st.sets(st.integers(0, 2000)),
    )
    def test_any_chunking_gives_the_same_records(self, bodies: list[tuple[int, bytes]], cuts: set[int]) -> None:
        stream = b"".join(bytes((kind, 3, 3)) + len(body).to_bytes(2) + body for kind, body in bodies)
        records = StreamRecords()
        found = [
            record
            for start, end in itertools.pairwise([0, *sorted(c for c in cuts if c < len(stream)), len(stream)])
            for record in records.feed(stream[start:end])
        ]
        assert found == [Record(kind, 0, body) for kind, body in bodies]

    @given(datagram=st.binary(max_size=200), length=st.integers(0, 32))
    def test_no_datagram_is_too_strange(self, datagram: bytes, length: int) -> None:
        list(datagram_records(datagram, length))
        client_hello(datagram)
        is_hostile(datagram, length)
        found = connection_id(datagram, length)
        assert found is None or len(found) == length > 0

    def test_an_alert_in_the_clear_has_a_name(self) -> None:
        assert [r.alert for r in StreamRecords().feed(bytes((21, 3, 3, 0, 2, 2, 48)))] == ["unknown_ca"]
        assert [r.alert for r in StreamRecords().feed(bytes((21, 3, 3, 0, 2, 1, 0)))] == [""]


class TestConnectionId:
    @pytest.mark.parametrize("client", [None, b"", b"CLIENT"])
    @pytest.mark.parametrize("server", [None, b"", b"SERVER00"])
    def test_each_end_uses_what_the_other_gave(self, client: bytes | None, server: bytes | None) -> None:
        ours = replace(CLIENT, cid_length=None if client is None else len(client))
        theirs = replace(SERVER, cid_length=None if server is None else len(server))
        with contexts(ours, theirs, datagram=True) as pair:
            link = SecureLink(*pair, client_cid=client, server_cid=server)
            assert link.handshake()
            both = client is not None and server is not None
            assert link.client.cid_uplink == link.server.cid_downlink == ((server or b"") if both else b"")
            assert link.client.cid_downlink == link.server.cid_uplink == ((client or b"") if both else b"")
            link.passed.clear()
            assert link.up(b"u") == b"u"
            assert link.down(b"d") == b"d"
            kinds = [piece[0] for _, piece in link.passed]
            assert kinds == [25 if both and server else 23, 25 if both and client else 23]
            link.free()

    def test_records_are_those_of_rfc_9146(self) -> None:
        """An independent decryptor: key block of RFC 5246, AES-CCM-8 of RFC 6655, additional data of RFC 9146."""
        suites = replace(CLIENT, suites=(CCM_8,), cid_length=0), replace(SERVER, suites=(CCM_8,), cid_length=8)
        with contexts(*suites, datagram=True) as pair:
            link = SecureLink(*pair, client_cid=b"", server_cid=b"SERVER00")
            assert link.handshake()
            hello = next(piece for up, piece in link.passed if not up and piece[13] == 2)  # ServerHello
            server_random = hello[13 + 12 + 2 : 13 + 12 + 34]
            link.passed.clear()
            assert link.up(b"for your eyes") == b"for your eyes"
            _, client_random, secret = link.client.key_log_line.split()
            link.free()
        (record,) = (piece for up, piece in link.passed if up)
        keys = _key_block(bytes.fromhex(secret), server_random + bytes.fromhex(client_random), 40)
        assert _opened(record, keys[:16], keys[32:36], b"SERVER00") == (23, b"for your eyes")
        for position in (11, len(record) - 1):  # a bit of the Connection ID, a bit of the tag
            changed = bytearray(record)
            changed[position] ^= 1
            with pytest.raises(InvalidTag):
                _opened(bytes(changed), keys[:16], keys[32:36], bytes(changed[11:19]))


def _key_block(secret: bytes, seed: bytes, size: int) -> bytes:
    def digest(data: bytes) -> bytes:
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(data)
        return mac.finalize()

    label = b"key expansion" + seed
    block, chain = b"", label
    while len(block) < size:
        chain = digest(chain)
        block += digest(chain + label)
    return block[:size]


def _opened(record: bytes, key: bytes, salt: bytes, cid: bytes) -> tuple[int, bytes]:
    """RFC 9146 sections 4 and 5.3: type and content of a tls12_cid record that came from the client."""
    assert (record[0], record[11 : 11 + len(cid)]) == (25, cid)
    sequence, body = record[3:11], record[13 + len(cid) :]
    size = len(body) - 8 - 8
    additional = b"\xff" * 8 + bytes((25, len(cid), 25, 0xFE, 0xFD)) + sequence + cid + size.to_bytes(2)
    inner = AESCCM(key, tag_length=8).decrypt(salt + body[:8], body[8:], additional).rstrip(b"\0")
    return inner[-1], inner[:-1]


class TestLibrary:
    def test_its_version_is_told(self) -> None:
        assert library().version == "mbedTLS 3.6.3 (pynng 0.9.0)"

    @pytest.fixture
    def looked_for_anew(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
        library.cache_clear()
        yield monkeypatch
        monkeypatch.undo()
        library.cache_clear()

    @pytest.mark.parametrize(
        ("named", "says"), [("/nowhere/libmbedtls.so", "cannot be loaded"), (_ctypes.__file__, "is not mbedTLS 3.6")]
    )
    def test_one_that_is_none(self, looked_for_anew: pytest.MonkeyPatch, named: str, says: str) -> None:
        looked_for_anew.setenv(ENVIRONMENT, named)
        with pytest.raises(SecurityUnavailable, match=says) as error:
            library()
        assert "pip install pynng==0.9.0" in str(error.value)

    def test_none_at_all(self, looked_for_anew: pytest.MonkeyPatch) -> None:
        looked_for_anew.delenv(ENVIRONMENT, raising=False)
        looked_for_anew.setattr(mbedtls, "_WHEEL", "no_such_wheel")
        with pytest.raises(SecurityUnavailable, match="no mbedTLS is installed"):
            library()

    def test_the_other_route_works_as_well(self) -> None:
        """Another build of mbedTLS 3.6, named in the environment, passes the same tests."""
        import c104

        (other,) = Path(c104.__file__).parent.glob("_c104*.so")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not Library", __file__]
        environment = {**os.environ, ENVIRONMENT: str(other)}
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"authorities": b"no certificate"}, "read the trusted certificates"),
            ({"certificates": (CertifiedKey(b"no", b"no"),)}, "read the certificate"),
            ({"datagram": True, "handshake_timeout": 2}, "unknown handshake timeout 2 s; available: 1, 3, 7"),
        ],
    )
    def test_settings_that_cannot_be(self, change: dict[str, object], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            TlsContext(replace(CLIENT, **change))  # type: ignore[arg-type]

    def test_a_key_that_is_none(self, credentials: CredentialSet) -> None:
        good = credentials.servers[ServerCertificate.ECDSA]
        with pytest.raises(UsageError, match="private key"):
            TlsContext(replace(SERVER, certificates=(replace(good, key=b"no key"),)))

    def test_secrets_are_not_shown(self) -> None:
        assert b"k" * 16 not in repr(CLIENT).encode() + repr(SERVER).encode() + repr(KEY).encode()
