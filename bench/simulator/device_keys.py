"""Keys that a modem makes, and the key that it has: AT%KEYGEN and AT%ATTESTTOKEN.

The commands are those of Nordic's AT commands reference, security. The messages have the fields that Nordic's
``modem_credentials_parser.py`` reads.
"""

import base64
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.simulator.commands import RUN, SET, command
from bench.simulator.cose import encode, message, sign
from bench.simulator.credentials import ACTIVE, HIGHEST_TAG, KEY, CredentialStore
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.models import capabilities_of
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, CmeError

_REQUEST, _PUBLIC_KEY = range(2)
"""<response_content>: a certificate signing request, or the public key alone."""
_FAILED = 523
_IDENTITY_KEY = -2
_IDENTITY_MESSAGE, _PUBLIC_KEY_MESSAGE, _REQUEST_MESSAGE = 1, 8, 9
# sdk-nrf, modem_attest_token.h; the 91x1 ones from Nordic's parser in nrfcloud-utils.
_DEVICE_TYPES = {"nRF9160-SICA": 3, "nRF9161-LACA": 4, "nRF9151-LACA": 6}
_NONCE_BYTES = 16
# Digital signature, non-repudiation, key encipherment and key agreement, as bits in the order of RFC 5280.
_USUAL_USAGE = b"111010000"
_USAGE = re.compile(rb"[01]{9}")
_ATTRIBUTES = {
    "CN": NameOID.COMMON_NAME,
    "C": NameOID.COUNTRY_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


def identity_key(device: str) -> ec.EllipticCurvePrivateKey:
    """Return the key that a board has since its production.

    It follows from the board's UUID: it is the same after each reboot, and a test can verify what it signed.
    """
    digest = hashlib.sha256(b"identity key of " + device.encode()).digest()
    # Half of the digest's range is below the order of the curve.
    return ec.derive_private_key(int.from_bytes(digest, "big") >> 1, ec.SECP256R1())


class KeyCommands:
    """The commands that make a key or sign with the device's own.

    ``is_active``: whether the modem is not offline, and so refuses to make a key.
    """

    def __init__(
        self, identity: SimulatedIdentity, credentials: CredentialStore, output: Output, is_active: Callable[[], bool]
    ) -> None:
        self._identity = identity
        self._credentials = credentials
        self._output = output
        self._is_active = is_active
        self._known = capabilities_of(identity.model.modem_firmware).device_keys

    @command("%KEYGEN", SET)
    async def make_key(self, parameters: Parameters) -> None:
        """Handle AT%KEYGEN=<sec_tag>,<key_type>[,<response_content>[,<attributes>[,<key_usage>]]]: only offline."""
        self._check_known()
        tag = parameters.number(0, 0, HIGHEST_TAG)
        kind = parameters.number(1, KEY, KEY)
        content = parameters.optional(2, _REQUEST, _REQUEST, _PUBLIC_KEY)
        attributes = b"" if parameters.empty(3) else parameters.string(3)
        usage = _USUAL_USAGE if parameters.empty(4) else parameters.string(4)
        if not _USAGE.fullmatch(usage):
            raise AtError
        if self._is_active():
            raise CmeError(ACTIVE)
        key = ec.generate_private_key(ec.SECP256R1())
        if content == _REQUEST:
            body, about = self._request(key, attributes, usage), _REQUEST_MESSAGE
        else:
            body, about = _public_key(key), _PUBLIC_KEY_MESSAGE
        self._credentials.add(tag, kind, _private_key(key))
        digest = hashlib.sha256(body).digest()
        claim = message(about, self._device, encode(tag), digest, secrets.token_bytes(_NONCE_BYTES))
        self._say("%KEYGEN", body, claim)

    @command("%ATTESTTOKEN", RUN, SET)
    async def attest(self, parameters: Parameters) -> None:
        """Handle AT%ATTESTTOKEN[=<challenge>]: the challenge stands for the nonce."""
        self._check_known()
        nonce = _challenge(parameters.string(0)) if parameters.has(0) else secrets.token_bytes(_NONCE_BYTES)
        model = self._identity.model
        # Each version of the modem firmware has a UUID. The true ones are in no table.
        firmware = uuid.uuid5(uuid.NAMESPACE_OID, model.modem_firmware).bytes
        body = message(_IDENTITY_MESSAGE, self._device, _DEVICE_TYPES[model.part], firmware, nonce)
        self._say("%ATTESTTOKEN", body, None)

    @property
    def _device(self) -> bytes:
        return uuid.UUID(self._identity.uuid).bytes

    def _check_known(self) -> None:
        if not self._known:
            raise AtError

    def _request(self, key: ec.EllipticCurvePrivateKey, attributes: bytes, usage: bytes) -> bytes:
        """Return a certificate signing request (DER); raise CmeError if its contents are none."""
        try:
            subject = _name(attributes.decode("ascii") or f"CN={self._identity.uuid}")
            bits = x509.KeyUsage(*(bit == ord("1") for bit in usage))
        except (KeyError, ValueError) as error:
            raise CmeError(_FAILED) from error
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(bits, critical=False)
        return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _say(self, name: str, body: bytes, claim: bytes | None) -> None:
        """Answer with a body, and with the device's signature of it and of what the device claims about it."""
        signature = sign(identity_key(self._identity.uuid), _IDENTITY_KEY, body, claim)
        self._output.say(f'{name}: "{_base64(body)}.{_base64(signature)}"')


def _name(attributes: str) -> x509.Name:
    pairs = (pair.partition("=") for pair in attributes.split(","))
    return x509.Name([x509.NameAttribute(_ATTRIBUTES[name], value) for name, _, value in pairs])


def _challenge(text: bytes) -> bytes:
    if not re.fullmatch(rb"[0-9A-Fa-f]{%d}" % (2 * _NONCE_BYTES), text):
        raise AtError
    return bytes.fromhex(text.decode())


def _private_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
