"""``nrf91-bench peers``: what its command line refuses."""

import subprocess
from pathlib import Path

import pytest

from bench.security.credentials import CredentialSet, ServerCertificate, make_credentials
from tests.support.inline import command_line


@pytest.fixture(scope="module")
def credentials() -> CredentialSet:
    return make_credentials()


class TestByHand:
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command_line("peers", *arguments)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--psk", "no-colon"), "--psk: write IDENTITY:HEX"),
            (("--psk", "name:xyz"), "--psk: write IDENTITY:HEX"),
            (("--cert", "a.pem"), "--cert and --key belong together"),
            (("--cert", "/nowhere.pem", "--key", "/nowhere.pem"), "--cert: cannot read /nowhere.pem"),
            (("--client-ca", "a.pem"), "--client-ca needs --cert"),
            (("--bind", "nonsense"), "--bind nonsense: not an IP address"),
            (("--psk", "a:00", "--psk", "a:11"), "the identity a is given twice"),
            (("--key-log", "keys"), "--key-log needs --psk"),
            (("--psk", "a:00", "--key-log", "/nowhere/keys"), "the key log /nowhere/keys cannot be written"),
            (("--psk", "name:00", "--ports", "19999-19999"), "none of the ports 19999 to 19999"),
        ],
    )
    def test_mistakes_are_named(self, arguments: tuple[str, ...], says: str) -> None:
        finished = self.run(*arguments)
        assert finished.returncode in (2, 3)
        assert says in finished.stderr

    def test_a_file_that_is_no_certificate(self, tmp_path: Path) -> None:
        (tmp_path / "no.pem").write_text("nothing")
        finished = self.run("--cert", str(tmp_path / "no.pem"), "--key", str(tmp_path / "no.pem"))
        assert finished.returncode == 2
        assert "no.pem: no certificate in PEM form" in finished.stderr

    def test_a_key_that_is_another_certificates(self, tmp_path: Path, credentials: CredentialSet) -> None:
        (tmp_path / "cert.pem").write_bytes(credentials.servers[ServerCertificate.ECDSA].certificate)
        (tmp_path / "key.pem").write_bytes(credentials.servers[ServerCertificate.RSA].key)
        finished = self.run("--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
        assert finished.returncode == 2
        assert "key.pem is not the key of the certificate in" in finished.stderr
