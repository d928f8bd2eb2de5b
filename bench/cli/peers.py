"""``nrf91-bench peers``: echo peers by hand."""

import json
import re
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from bench.children import ending_signals, when_parent_ends
from bench.cli.terminal import say
from bench.config.lab import PeersConfig
from bench.errors import UsageError
from bench.peers import Peer, Peers
from bench.security import CertifiedKey, TlsSettings, Verify

_CHECK_S = 1.0


def peers(
    bind: Annotated[str, typer.Option(metavar="IP", help="The address to listen on.")] = "127.0.0.1",
    ports: Annotated[str | None, typer.Option(metavar="FIRST-LAST", help="Use only these ports.")] = None,
    psk: Annotated[
        list[str] | None,
        typer.Option(metavar="IDENTITY:HEX", help="A pre-shared key: adds a TLS and a DTLS echo peer. Repeatable."),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate chain, PEM; adds the secure peers.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key, PEM.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Demand a client certificate of this authority, PEM.")
    ] = None,
    cid_length: Annotated[
        int, typer.Option(metavar="BYTES", min=0, max=32, help="Bytes of the Connection IDs (DTLS).")
    ] = 8,
    key_log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the secrets for Wireshark to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a peer.")] = False,
) -> None:
    """Run echo peers until SIGINT or SIGTERM: TCP and UDP; with --psk or --cert also TLS and DTLS."""
    security = _security(psk or [], cert, key, client_ca, cid_length)
    if key_log is not None and security is None:
        raise UsageError("--key-log needs --psk, or --cert and --key: there is nothing else to log")
    stop = threading.Event()
    for number in ending_signals():
        signal.signal(number, lambda *_: stop.set())
    when_parent_ends(stop.set)

    def show(peer: Peer) -> None:
        row = {"peer": peer.kind, "host": peer.host, "port": peer.port}
        say(json.dumps(row) if as_json else f"{peer.kind:10} {peer.host} port {peer.port}")

    with Peers(_config(bind, ports)) as running:
        show(running.tcp_echo())
        show(running.udp_echo())
        if security is not None:
            show(running.tls_echo(security, key_log=key_log))
            show(running.dtls_echo(security, key_log=key_log))
        while not stop.wait(_CHECK_S):
            running.check()


def _config(bind: str, ports: str | None) -> PeersConfig:
    try:
        return PeersConfig.model_validate({"bind": bind, "ports": None if ports is None else _range(ports)})
    except ValueError:
        raise UsageError(f"--bind {bind}: not an IP address") from None


def _range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None:
        raise UsageError(f"--ports {text}: write FIRST-LAST, such as 20000-20010")
    if not 0 < int(match[1]) <= int(match[2]) < 65536:
        raise UsageError(f"--ports {text}: give two ports from 1 to 65535, the lower one first")
    return int(match[1]), int(match[2])


def _security(
    psk: list[str], cert: Path | None, key: Path | None, client_ca: Path | None, cid_length: int
) -> TlsSettings | None:
    if (cert is None) != (key is None):
        raise UsageError("--cert and --key belong together: a certificate is of no use without its private key")
    names = [_psk(text)[0] for text in psk]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--psk: the identity {twice.decode()} is given twice; a server knows one key of each")
    if not psk and cert is None:
        if client_ca is not None:
            raise UsageError("--client-ca needs --cert and --key: who demands a certificate shows one")
        return None
    pairs: tuple[CertifiedKey, ...] = ()
    if cert is not None and key is not None:
        pairs = (_pair(cert, key),)
    return TlsSettings(
        server=True,
        datagram=False,
        verify=Verify.NONE if client_ca is None else Verify.REQUIRED,
        authorities=b"" if client_ca is None else _read(client_ca, "--client-ca"),
        certificates=pairs,
        psks=dict(_psk(text) for text in psk),
        cid_length=cid_length,
        session_cache=True,
    )


def _pair(cert: Path, key: Path) -> CertifiedKey:
    """Return certificate and key, when they belong together; otherwise a client would only see a bad signature."""
    pair = CertifiedKey(_read(cert, "--cert"), _read(key, "--key"))
    try:
        shown = load_pem_x509_certificate(pair.certificate).public_key()
    except ValueError as error:
        raise UsageError(f"--cert {cert}: no certificate in PEM form") from error
    try:
        private = load_pem_private_key(pair.key, None)
    except (ValueError, TypeError) as error:
        raise UsageError(f"--key {key}: no private key in PEM form without a password") from error
    if private.public_key() != shown:
        raise UsageError(f"--key {key} is not the key of the certificate in {cert}")
    return pair


def _psk(text: str) -> tuple[bytes, bytes]:
    identity, colon, digits = text.rpartition(":")
    if not colon or not identity or not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){1,32}", digits):
        raise UsageError("--psk: write IDENTITY:HEX, such as nrf91:0123456789abcdef, the key of 1 to 32 bytes")
    return identity.encode(), bytes.fromhex(digits)


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option}: cannot read {path}: {error.strerror}") from error
