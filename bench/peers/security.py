"""The settings of a secure peer on the control channel, and the results of its handshakes."""

import base64
import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.security import CertifiedKey, SecurityError, TlsConnection, TlsSettings, Verify, suite_name


def to_json(settings: TlsSettings) -> dict[str, Any]:
    """Return settings for the control channel. They hold keys: send them by a pipe or ssh, never as an argument."""
    row = asdict(settings)
    row["certificates"] = [[pair.certificate.decode(), pair.key.decode()] for pair in settings.certificates]
    row["authorities"] = settings.authorities.decode()
    row["psks"] = [[_encode(identity), _encode(key)] for identity, key in settings.psks.items()]
    row["psk"] = None
    return row


def from_json(row: dict[str, Any]) -> TlsSettings:
    """Return settings from the control channel."""
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


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def agreement(connection: TlsConnection) -> dict[str, Any]:
    """Return the result of a handshake.

    ``suite`` is the IANA number, ``resumed`` whether an earlier session was resumed, ``cid_in`` and ``cid_out`` the
    Connection IDs (hex) of received and sent records, ``client`` the subject of the client's certificate,
    ``client_problems`` its problems, ``psk_identity`` the name of the key that the client used.
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
    """Return why a handshake or a connection failed, and the name of the key that the client wanted to use."""
    return {"reason": error.reason, "psk_identity": _identity(connection)}


def _identity(connection: TlsConnection) -> str:
    return connection.psk_identity.decode(errors="backslashreplace")


class KeyLog:
    """A file of secrets in the format of Wireshark (``tls.keylog_file``), with mode 0600."""

    def __init__(self, path: Path | None) -> None:
        """Raise UsageError for a file that cannot be written."""
        self._path = path
        try:
            self._append("")
        except OSError as error:
            raise UsageError(f"the key log {path} cannot be written: {error.strerror}") from error

    def add(self, connection: TlsConnection) -> None:
        """Add the secret of a handshake, when there is a file and a secret; a full disk must not stop a peer."""
        if connection.key_log_line:
            with contextlib.suppress(OSError):
                self._append(connection.key_log_line + "\n")

    def _append(self, text: str) -> None:
        if self._path is None:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(text)
