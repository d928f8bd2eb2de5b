"""Credentials for tests: authorities, servers and devices, valid ones and each invalid in one way; pre-shared keys.

They protect nothing: everybody with access to the bench's state folder has them. A lab keeps its set from run to run,
because a modem stores credentials in flash, which wears; a simulated board gets a new set.
"""

import base64
import datetime
import json
import secrets
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import trustme

from bench.errors import LabError, in_words
from bench.security.settings import CertifiedKey, PreSharedKey
from bench.shared_files import check_own, replace_plain
from bench.state import state_folder

HOST_NAME = "peer.nrf91-bench.test"
"""The name in the servers' certificates. A board checks it because of #XSSOCKETOPT; no DNS server must know it."""
DEVICE_NAME = "device.nrf91-bench.test"
_WRONG_HOST_NAME = "stranger.nrf91-bench.test"
_VALID_DAYS = 365
_RENEW_DAYS = 30
# Not the name of the bench alone: the value is hidden wherever it occurs.
_PSK_IDENTITY = b"nrf91-bench-psk-identity"
_KEY_BYTES = 16
_FORMAT = 1


class ServerCertificate(Enum):
    """The certificate that a peer shows."""

    ECDSA = "ecdsa"
    RSA = "rsa"
    EXPIRED = "expired"
    WRONG_HOST = "wrong_host"
    UNKNOWN_CA = "unknown_ca"


@dataclass(frozen=True)
class CredentialSet:
    """A set of credentials.

    Attributes:
        authorities: PEM of the authorities that a device trusts, by key type: ``ecdsa``, ``rsa``; and of ``stranger``,
            which signs only the certificate of an unknown authority.
        servers: certificates of a peer.
        devices: certificates of a board, by key type.
        psk: the key that both ends know.
        wrong_psk: the same identity with another key.
        unknown_psk: an identity that no peer knows.
        made: the day on which the set was made.
    """

    authorities: dict[str, bytes]
    servers: dict[ServerCertificate, CertifiedKey] = field(repr=False)
    devices: dict[str, CertifiedKey] = field(repr=False)
    psk: PreSharedKey
    wrong_psk: PreSharedKey
    unknown_psk: PreSharedKey
    made: datetime.date

    @property
    def psks(self) -> dict[bytes, bytes]:
        """The keys that a peer knows, by identity."""
        return {self.psk.identity: self.psk.key}


def make_credentials(today: datetime.date | None = None) -> CredentialSet:
    """Return a new set, valid for a year."""
    today = today or datetime.datetime.now(datetime.UTC).date()
    begin = datetime.datetime.combine(today, datetime.time(), datetime.UTC) - datetime.timedelta(days=2)
    end = begin + datetime.timedelta(days=_VALID_DAYS)
    ecdsa, stranger = trustme.CA(), trustme.CA()
    rsa = trustme.CA(key_type=trustme.KeyType.RSA)

    def server(authority: trustme.CA, name: str, key: trustme.KeyType, last: datetime.datetime = end) -> CertifiedKey:
        return _pair(
            authority.issue_cert(
                name, common_name=name, key_type=key, not_before=begin - datetime.timedelta(days=9), not_after=last
            )
        )

    elliptic = trustme.KeyType.ECDSA
    return CredentialSet(
        authorities={
            "ecdsa": ecdsa.cert_pem.bytes(),
            "rsa": rsa.cert_pem.bytes(),
            "stranger": stranger.cert_pem.bytes(),
        },
        servers={
            ServerCertificate.ECDSA: server(ecdsa, HOST_NAME, elliptic),
            ServerCertificate.RSA: server(rsa, HOST_NAME, trustme.KeyType.RSA),
            ServerCertificate.EXPIRED: server(ecdsa, HOST_NAME, elliptic, begin),
            ServerCertificate.WRONG_HOST: server(ecdsa, _WRONG_HOST_NAME, elliptic),
            ServerCertificate.UNKNOWN_CA: server(stranger, HOST_NAME, elliptic),
        },
        devices={
            "ecdsa": server(ecdsa, DEVICE_NAME, elliptic),
            "rsa": server(rsa, DEVICE_NAME, trustme.KeyType.RSA),
        },
        psk=PreSharedKey(_PSK_IDENTITY, secrets.token_bytes(_KEY_BYTES)),
        wrong_psk=PreSharedKey(_PSK_IDENTITY, secrets.token_bytes(_KEY_BYTES)),
        unknown_psk=PreSharedKey(b"nrf91-bench-nobody", secrets.token_bytes(_KEY_BYTES)),
        made=today,
    )


def _pair(certificate: trustme.LeafCert) -> CertifiedKey:
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return CertifiedKey(chain, certificate.private_key_pem.bytes())


def lab_credentials(path: Path | None = None, *, today: datetime.date | None = None) -> CredentialSet:
    """Return the set of this lab, from a file that only its owner can read; make it when it is missing or expires soon.

    Raises:
        LabError: The file can be neither read nor written, or holds no credentials.
    """
    path = path or state_folder() / "credentials.json"
    today = today or datetime.datetime.now(datetime.UTC).date()
    try:
        check_own(path, private=True)
        if path.exists():
            kept = _from_json(json.loads(path.read_text()))
            if today < kept.made + datetime.timedelta(days=_VALID_DAYS - _RENEW_DAYS):
                return kept
        made = make_credentials(today)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_plain(path, json.dumps(_to_json(made)), 0o600)
    except OSError as error:
        raise LabError(f"cannot keep the test credentials in {path}: {in_words(error)}; set XDG_STATE_HOME") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} holds no test credentials ({error}): delete it, the next run makes new ones") from error
    return made


def _to_json(credentials: CredentialSet) -> dict[str, object]:
    def pair(key: CertifiedKey) -> list[str]:
        return [key.certificate.decode(), key.key.decode()]

    def psk(key: PreSharedKey) -> list[str]:
        return [key.identity.decode(), base64.b64encode(key.key).decode()]

    return {
        "format": _FORMAT,
        "made": credentials.made.isoformat(),
        "authorities": {name: pem.decode() for name, pem in credentials.authorities.items()},
        "servers": {name.value: pair(key) for name, key in credentials.servers.items()},
        "devices": {name: pair(key) for name, key in credentials.devices.items()},
        "psks": [psk(key) for key in (credentials.psk, credentials.wrong_psk, credentials.unknown_psk)],
    }


def _from_json(row: object) -> CredentialSet:
    if not isinstance(row, dict):
        raise TypeError("not a table")
    if row.get("format") != _FORMAT:
        raise ValueError(f"format {row.get('format')!r}, not {_FORMAT}")

    def table(name: str) -> dict[str, list[str]]:
        value = row[name]
        if not isinstance(value, dict):
            raise TypeError(f"{name} is not a table")
        return value

    authorities, psks = row["authorities"], row["psks"]
    if not isinstance(authorities, dict) or not isinstance(psks, list):
        raise TypeError("authorities and psks are missing")
    psk, wrong, unknown = (PreSharedKey(identity.encode(), base64.b64decode(key)) for identity, key in psks)
    return CredentialSet(
        authorities={name: pem.encode() for name, pem in authorities.items()},
        servers={
            kind: CertifiedKey(*(text.encode() for text in table("servers")[kind.value])) for kind in ServerCertificate
        },
        devices={name: CertifiedKey(*(text.encode() for text in pair)) for name, pair in table("devices").items()},
        psk=psk,
        wrong_psk=wrong,
        unknown_psk=unknown,
        made=datetime.date.fromisoformat(str(row["made"])),
    )
