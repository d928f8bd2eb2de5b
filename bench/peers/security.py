"""What a secure peer is told over the control channel, and what its handshakes tell."""

import base64
import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.security import CertifiedKey, SecurityError, TlsConnection, TlsSettings, Verify, suite_name


def to_json(settings: TlsSettings) -> dict[str, Any]:
    """Settings for the control channel. They hold keys: they go through a pipe or ssh, never into an argument."""
    row = asdict(settings)
    row["certificates"] = [[pair.certificate.decode(), pair.key.decode()] for pair in settings.certificates]
    row["authorities"] = settings.authorities.decode()
    row["psks"] = [[_encoded(identity), _encoded(key)] for identity, key in settings.psks.items()]
    row["psk"] = None
    return row


def from_json(row: dict[str, Any]) -> TlsSettings:
    """Settings from the control channel."""
    verify = row["verify"]
    return TlsSettings(
        **{
            **row,
            "verify": None if verify is None else Verify(verify),
            "certificates": tuple(CertifiedKey(c.encode(), key.encode()) for c, key in row["certificates"]),
            "authorities": row["authorities"].encode(),
            "psks": {base64.b64decode(identity): base64.b64decode(key) for identity, key in row["psks"]},
            "suites": tuple(row["suites"]),
        }
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def agreement(connection: TlsConnection) -> dict[str, Any]:
    """What a handshake agreed on.

    ``suite`` is the IANA number, ``resumed`` whether an earlier session was taken up, ``cid_in`` and ``cid_out`` the
    Connection IDs (hex) of records that come and go, ``client`` the subject of the client's certificate,
    ``client_problems`` what is wrong with it, ``psk_identity`` the name of the key that the client used.
    """
    return {
        "suite": connection.suite,
        "suite_name": suite_name(connection.suite),
        "resumed": connection.resumed,
        "cid_in": connection.cid_downlink.hex(),
        "cid_out": connection.cid_uplink.hex(),
        "client": connection.peer_subject,
        "client_problems": connection.verify_problems,
        "psk_identity": _identity(connection),
    }


def failure(connection: TlsConnection, error: SecurityError) -> dict[str, Any]:
    """Why a handshake or a connection failed, and the name of the key that the client wanted to use."""
    return {"reason": error.reason, "psk_identity": _identity(connection)}


def _identity(connection: TlsConnection) -> str:
    return connection.psk_identity.decode(errors="backslashreplace")


class KeyLog:
    """A file of secrets in the format that Wireshark reads (``tls.keylog_file``); mode 0600."""

    def __init__(self, path: Path | None) -> None:
        """Raises UsageError for a file that cannot be written."""
        self._path = path
        try:
            self._append("")
        except OSError as error:
            raise UsageError(f"the key log {path} cannot be written: {error.strerror}") from error

    def add(self, connection: TlsConnection) -> None:
        """Adds the secret of a handshake, when there is a file and a secret; a full disk must not end a peer."""
        if connection.key_log_line:
            with contextlib.suppress(OSError):
                self._append(connection.key_log_line + "\n")

    def _append(self, text: str) -> None:
        if self._path is None:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(text)
