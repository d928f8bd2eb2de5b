"""AT%KEYGEN and AT%ATTESTTOKEN of the simulated board: the keys that it makes, and what it signs."""

import asyncio
import hashlib
import re
import uuid
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from bench.simulator import cose
from bench.simulator.commands import CommandHandlers
from bench.simulator.credentials import CredentialStore
from bench.simulator.device_keys import KeyCommands, identity_key
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.models import MODELS
from bench.simulator.modem import GRAMMAR
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, CmeError
from tests.support.cose import Signed, decode, message

UUID = "50503041-3633-4261-803d-1e2b8f70111a"
DK = SimulatedIdentity(MODELS["nrf9151dk"], "", "", "", UUID, "", "")
CHALLENGE = "90115c20ac3f381b520b43c76bd5d99c"


class Wire:
    """A UART that keeps what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


class Board:
    """The commands and the credential store of a board, without the rest of it."""

    def __init__(self, identity: SimulatedIdentity = DK, capacity: int = 32768) -> None:
        self.store = CredentialStore(capacity)
        self.active = False
        self.wire = Wire()
        self._output = Output(self.wire)
        family = KeyCommands(identity, self.store, self._output, lambda: self.active)
        self._handlers = CommandHandlers((GRAMMAR,), [family])

    def lines(self, text: str) -> list[str]:
        """What a command prints; without its ``AT``."""
        handler, parameters = self._handlers.find(text)

        async def call() -> None:
            await handler(parameters)

        asyncio.run(call())
        self._output.finish_answer("OK")
        sent, self.wire.sent = self.wire.sent, b""
        return [line for line in sent.decode().split("\r\n") if line]

    def answer(self, text: str) -> Signed:
        """The answer of a command that succeeds."""
        line, result = self.lines(text)
        match = re.fullmatch(r'(%[A-Z]+): "([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)"', line)
        assert match, line
        assert (match[1], result) == (re.split("=", text)[0], "OK")
        return Signed.parse(match[2])

    def refusal(self, text: str) -> int | None:
        """The error number of a command that fails; None for ERROR without one."""
        with pytest.raises(AtError) as refused:
            self.lines(text)
        assert self.wire.sent == b""
        return refused.value.number if isinstance(refused.value, CmeError) else None

    def private_key(self, tag: int) -> ec.EllipticCurvePrivateKey:
        content = self.store.tag(tag)
        assert content
        key = load_pem_private_key(content.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


@pytest.fixture
def board() -> Board:
    return Board()


def request_of(answer: Signed) -> x509.CertificateSigningRequest:
    request = x509.load_der_x509_csr(answer.body)
    assert request.is_signature_valid
    return request


def usage_of(request: x509.CertificateSigningRequest) -> str:
    (extension,) = request.extensions
    assert not extension.critical
    usage = extension.value
    assert isinstance(usage, x509.KeyUsage)
    flags = [usage.digital_signature, usage.content_commitment, usage.key_encipherment, usage.data_encipherment]
    flags += [usage.key_agreement, usage.key_cert_sign, usage.crl_sign]
    flags += [usage.key_agreement and usage.encipher_only, usage.key_agreement and usage.decipher_only]
    return "".join(str(int(flag)) for flag in flags)


class TestKeygen:
    @pytest.mark.parametrize("text", ["%KEYGEN=42,2,0", "%KEYGEN=42,2"])
    def test_a_request_for_the_boards_uuid(self, board: Board, text: str) -> None:
        request = request_of(board.answer(text))
        assert request.subject.rfc4514_string() == f"CN={UUID}"
        assert usage_of(request) == "111010000"  # nRF Cloud's README of the command: the default of the reference
        assert request.public_key() == board.private_key(42).public_key()

    def test_attributes_and_usage(self, board: Board) -> None:
        request = request_of(board.answer('%KEYGEN=1,2,0,"O=Nordic Semiconductor,L=PDX,C=no","101010000"'))
        names = [(attribute.rfc4514_attribute_name, attribute.value) for attribute in request.subject]
        assert names == [("O", "Nordic Semiconductor"), ("L", "PDX"), ("C", "no")]
        assert len(request.subject.rdns) == 3
        assert usage_of(request) == "101010000"

    def test_usage_alone(self, board: Board) -> None:
        request = request_of(board.answer('%KEYGEN=1,2,0,,"100000000"'))
        assert (request.subject.rfc4514_string(), usage_of(request)) == (f"CN={UUID}", "100000000")

    def test_the_public_key_alone(self, board: Board) -> None:
        answer = board.answer("%KEYGEN=2147483647,2,1")
        assert load_der_public_key(answer.body) == board.private_key(2147483647).public_key()

    @pytest.mark.parametrize(("content", "kind"), [(0, 9), (1, 8)])
    def test_the_device_signs_for_it(self, board: Board, content: int, kind: int) -> None:
        """The fields that Nordic's modem_credentials_parser.py reads: kind, UUID, security tag, digest, nonce."""
        answer = board.answer(f"%KEYGEN=16842753,2,{content}")
        assert answer.key_id == -2
        assert answer.payload
        *fields, nonce = message(answer.payload)
        digest = hashlib.sha256(answer.body).digest()
        assert fields == [kind, uuid.UUID(UUID).bytes, b"\x1a\x01\x01\x00\x01", digest]
        assert decode(fields[2]) == 16842753
        assert len(nonce) == 16
        answer.verify(identity_key(UUID).public_key())
        with pytest.raises(InvalidSignature):
            answer.verify(board.private_key(16842753).public_key())

    def test_each_key_is_a_new_one(self, board: Board) -> None:
        board.answer("%KEYGEN=1,2,0")
        board.answer("%KEYGEN=2,2,0")
        assert board.private_key(1).public_key() != board.private_key(2).public_key()

    def test_only_while_offline(self, board: Board) -> None:
        board.active = True
        assert board.refusal("%KEYGEN=1,2,0") == 518
        assert board.store.tag(1) is None
        board.active = False
        board.answer("%KEYGEN=1,2,0")

    def test_an_occupied_tag_keeps_its_key(self, board: Board) -> None:
        board.answer("%KEYGEN=1,2,0")
        first = board.private_key(1)
        for content in (0, 1):
            assert board.refusal(f"%KEYGEN=1,2,{content}") == 519
        assert board.private_key(1).public_key() == first.public_key()

    def test_a_tag_with_other_credentials_is_free(self, board: Board) -> None:
        board.store.write(1, 4, b"name")
        request = request_of(board.answer("%KEYGEN=1,2,0"))
        assert request.public_key() == board.private_key(1).public_key()

    def test_a_full_store(self) -> None:
        board = Board(capacity=100)
        assert board.refusal("%KEYGEN=1,2,0") == 515
        assert board.store.tag(1) is None

    @pytest.mark.parametrize(
        "text",
        [
            "=",
            "=1",
            "=,2,0",
            "=-1,2,0",
            "=2147483648,2,0",
            '="1",2,0',
            "=1,1,0",
            "=1,3,0",
            "=1,2,2",
            "=1,2,",
            "=1,2,0,3",
            '=1,2,0,"CN=x",111010000',
            '=1,2,0,"CN=x","11101"',
            '=1,2,0,"CN=x","111010002"',
            '=1,2,0,"CN=x","1110100000"',
            "",
            "?",
        ],
    )
    def test_wrong_parameters(self, board: Board, text: str) -> None:
        assert board.refusal(f"%KEYGEN{text}") is None
        assert board.store.tag(1) is None

    @pytest.mark.parametrize(
        "rest", ['"nonsense"', '"XX=1"', '"CN="', '"C=Norway"', '"CN=ä"', '"CN=a,"', '"CN=a","000000001"']
    )
    def test_contents_of_which_no_request_can_be_made(self, board: Board, rest: str) -> None:
        assert board.refusal(f"%KEYGEN=1,2,0,{rest}") == 523
        assert board.store.tag(1) is None


class TestAttestation:
    @pytest.mark.parametrize(("model", "kind"), [("nrf9160dk", 3), ("thingy91", 3), ("nrf9161dk", 4), ("thingy91x", 6)])
    def test_the_device_names_itself(self, model: str, kind: int) -> None:
        board = Board(replace(DK, model=MODELS[model]))
        answer = board.answer("%ATTESTTOKEN")
        assert (answer.payload, answer.key_id) == (None, -2)
        *fields, firmware, nonce = message(answer.body)
        assert fields == [1, uuid.UUID(UUID).bytes, kind]
        assert (len(firmware), len(nonce)) == (16, 16)
        answer.verify(identity_key(UUID).public_key())
        again = message(board.answer("%ATTESTTOKEN").body)
        assert again[:-1] == [*fields, firmware]
        assert again[-1] != nonce

    def test_a_challenge_stands_for_the_nonce(self, board: Board) -> None:
        answer = board.answer(f'%ATTESTTOKEN="{CHALLENGE}"')
        assert message(answer.body)[-1] == bytes.fromhex(CHALLENGE)
        answer.verify(identity_key(UUID).public_key())

    def test_online_too(self, board: Board) -> None:
        board.active = True
        board.answer("%ATTESTTOKEN")

    def test_another_board_has_another_key(self) -> None:
        other = "50503041-3633-4261-803d-1e2b8f70111b"
        answer = Board(replace(DK, uuid=other)).answer("%ATTESTTOKEN")
        answer.verify(identity_key(other).public_key())
        with pytest.raises(InvalidSignature):
            answer.verify(identity_key(UUID).public_key())

    @pytest.mark.parametrize("text", ["=", '=""', f'="{CHALLENGE[2:]}"', f'="{CHALLENGE[2:]}xx"', "=1", "?", "=?"])
    def test_wrong_parameters(self, board: Board, text: str) -> None:
        assert board.refusal(f"%ATTESTTOKEN{text}") is None


@pytest.mark.parametrize(("firmware", "known"), [("mfw_nrf9160_1.2.8", False), ("mfw_nrf9160_1.3.0", True)])
def test_modem_firmware_knows_them_since_1_3(firmware: str, known: bool) -> None:
    board = Board(replace(DK, model=replace(MODELS["nrf9160dk"], modem_firmware=firmware)))
    for text in ("%KEYGEN=1,2,0", "%ATTESTTOKEN"):
        if known:
            board.answer(text)
        else:
            assert board.refusal(text) is None


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (b"1", [(1, 2), (1, 4), (2, 2)]),
        (b"1,1", [(1, 2), (1, 4)]),
        (b"1,1,2", [(1, 2)]),
        (b"1,2,4", []),
        (b"1,3", []),
    ],
)
def test_what_is_stored_is_listed_by_tag_and_type(board: Board, wanted: bytes, places: list[tuple[int, int]]) -> None:
    """Also while the modem is active. The digest is that of the content."""
    board.store.write(1, 4, b"name")
    for tag in (2, 1):
        board.answer(f"%KEYGEN={tag},2,0")
    keys = {tag: content.key for tag in (1, 2) if (content := board.store.tag(tag))}
    lines = [
        f'%CMNG: {tag},{kind},"{hashlib.sha256(keys[tag] if kind == 2 else b"name").hexdigest().upper()}"'
        for tag, kind in places
    ]
    assert board.store.execute(Parameters.parse(wanted), active=True) == lines


class TestCbor:
    # RFC 8949 appendix A.
    @pytest.mark.parametrize(
        ("value", "encoded"),
        [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (255, "18ff"),
            (1000, "1903e8"),
            (1000000, "1a000f4240"),
            (1000000000000, "1b000000e8d4a51000"),
            (18446744073709551615, "1bffffffffffffffff"),
            (-1, "20"),
            (-100, "3863"),
            (-1000, "3903e7"),
            (None, "f6"),
            (b"", "40"),
            (b"\1\2\3\4", "4401020304"),
            ("", "60"),
            ("IETF", "6449455446"),
            ("ü", "62c3bc"),
            ([], "80"),
            ([1, [2, 3], [4, 5]], "8301820203820405"),
            ({}, "a0"),
            ({1: 2, 3: 4}, "a201020304"),
        ],
    )
    def test_the_vectors_of_the_rfc(self, value: cose.Value, encoded: str) -> None:
        assert cose.encode(value).hex() == encoded
        assert decode(bytes.fromhex(encoded)) == value

    def test_a_message_says_that_it_is_one(self) -> None:
        assert cose.message(1, b"\2").hex() == "d9d9f782014102"
