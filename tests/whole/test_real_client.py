"""Nordic's own tool for credentials, the genuine ``nrfcredstore``, with a simulated board in a virtual rack."""

import datetime
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bench.simulator.device_keys import identity_key
from tests.support.cose import Signed, message
from tests.support.rack import WITH_NAMESPACES, RunningRack

pytestmark = WITH_NAMESPACES

TOOL = Path(sys.executable).with_name("nrfcredstore")
PORT = "/dev/ttyACM0"
TAG = "42"
UUID = "50503041-3633-4261-803d-1e2b8f70111a"
"""Of the first simulated board; AT#XUUID answers with it."""

# The board connects to OpenSSL, which asks for its certificate: only the owner of the private key can show it.
CONNECT = """
import socket, ssl, sys, threading
from bench.at import AtLink
from bench.modem import Modem
folder, tag = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/server.pem")
context.load_verify_locations(f"{folder}/authority.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = socket.create_server(("127.0.0.1", 0))
def serve():
    with context.wrap_socket(server.accept()[0], server_side=True) as secure:
        print(secure.getpeercert(binary_form=True).hex())
serving = threading.Thread(target=serve, daemon=True)
serving.start()
with AtLink.open("/dev/ttyACM0") as link:
    link.command("AT+CFUN=1")
    modem = Modem(link)
    modem.registration.wait(10)
    modem.sockets.open_secure(1, int(tag))
    link.command(f'AT#XCONNECT="127.0.0.1",{server.getsockname()[1]}', timeout=30)
    serving.join()
"""


def tool(rack: RunningRack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the tool; it is told that the board takes AT commands, for to find out takes it seconds."""
    return rack.run(str(TOOL), PORT, "--cmd-type", "at", *arguments)


def said(rack: RunningRack, *arguments: str) -> list[str]:
    """What the tool says when it succeeds."""
    finished = tool(rack, *arguments)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout.splitlines()


def listed(rack: RunningRack, *arguments: str) -> list[list[str]]:
    """The rows of its table: tag, type, digest."""
    head, *rows = said(rack, "list", *arguments)
    assert head.split() == ["Secure", "tag", "Key", "type", "SHA"]
    return [row.split() for row in rows]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> Path:
    """A file with an authority's certificate."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def test_it_runs_inside_and_finds_out_that_the_board_is_no_shell() -> None:
    command = [sys.executable, "-m", "bench.cli", "simulate", "--rack", "--", str(TOOL), PORT, "imei"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stdout) == (0, "IMEI: 359404230000000\n"), finished.stderr


def test_credentials_are_written_listed_and_deleted(rack: RunningRack, pem: Path, tmp_path: Path) -> None:
    text = pem.read_text().rstrip()
    psk = tmp_path / "psk"
    psk.write_text("00112233")
    assert listed(rack) == []
    assert said(rack, "write", TAG, "ROOT_CA_CERT", str(pem)) == []
    assert said(rack, "write", "7", "PSK", str(psk)) == []
    authority, key = [TAG, "ROOT_CA_CERT", digest(text)], ["7", "PSK", digest("00112233")]
    assert listed(rack) == [key, authority]
    assert listed(rack, "--tag", TAG) == [authority]
    assert listed(rack, "--tag", TAG, "--type", "CLIENT_KEY") == []
    assert said(rack, "delete", TAG, "ROOT_CA_CERT") == []  # it would say more, if it did not forget its own result
    assert listed(rack) == [key]
    assert "AT command error: Not found" in tool(rack, "delete", TAG, "ROOT_CA_CERT").stderr
    assert said(rack, "write", TAG, "ROOT_CA_CERT", str(pem)) == []
    assert said(rack, "deleteall") == ["All credentials deleted."]
    assert listed(rack) == []


def test_the_attestation_token_is_signed_by_the_boards_key(rack: RunningRack) -> None:
    (line,) = said(rack, "attoken")
    match = re.fullmatch(r"Attestation token: (\S+)", line)
    assert match
    token = Signed.parse(match[1])
    kind, device, model, firmware, nonce = message(token.body)
    assert (kind, device.hex(), model) == (1, UUID.replace("-", ""), 6)
    assert (len(firmware), len(nonce)) == (16, 16)
    token.verify(identity_key(UUID).public_key())


def test_a_generated_key_is_the_boards(rack: RunningRack, tmp_path: Path, pem: Path, authority: trustme.CA) -> None:
    """What belongs to the request is proved by its use: a certificate for it, shown in a TLS handshake."""
    file = tmp_path / "request.der"
    assert said(rack, "generate", TAG, str(file), "--attributes", "O=Bench,CN=dk-1") == [
        f"New private key generated in secure tag {TAG}",
        f"Wrote CSR in DER format to {file}",
    ]
    request = x509.load_der_x509_csr(file.read_bytes())
    assert request.is_signature_valid
    assert [attribute.value for attribute in request.subject] == ["Bench", "dk-1"]
    (row,) = listed(rack)
    assert row[:2] == [TAG, "CLIENT_KEY"]
    again = tool(rack, "generate", TAG, str(tmp_path / "second.der"))
    assert (again.returncode, "AT command error: Already exists" in again.stderr) == (1, True)
    assert listed(rack) == [row]

    certificate = signed(request, authority)
    (tmp_path / "device.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    said(rack, "write", TAG, "ROOT_CA_CERT", str(pem))
    said(rack, "write", TAG, "CLIENT_CERT", str(tmp_path / "device.pem"))
    finished = rack.run(sys.executable, "-c", CONNECT, str(tmp_path), TAG)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == certificate.public_bytes(Encoding.DER).hex()


def signed(request: x509.CertificateSigningRequest, authority: trustme.CA) -> x509.Certificate:
    """The certificate that an authority gives for a request."""
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject
    builder = x509.CertificateBuilder(issuer, request.subject, request.public_key(), x509.random_serial_number())
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
