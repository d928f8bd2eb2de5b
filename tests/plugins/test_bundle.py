"""``bundle``, ``sign`` and ``verify``: what was signed is what was tested, and whoever changes it is found out."""

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.release import Bundle
from bench.release.archive import pack
from bench.release.bundle import sha256
from tests.support.inline import command_line
from tests.support.run_folders import run_of

PLAN = 'name = "release"\n{}\n[[boards]]\nmodel = "nrf9151dk"\ncount = 1\n'


class Office:
    """People with keys, and a file that says who may sign in which role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signers = folder / "allowed_signers"
        lines = [
            self._person("anna", "nrf91-bench,nrf91-bench/quality"),
            self._person("bob", "nrf91-bench/release"),
        ]
        self._person("mallory", "")
        self.signers.write_text("\n".join(lines) + "\n")

    def _person(self, name: str, namespaces: str) -> str:
        key = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
        words = key.with_suffix(".pub").read_text().split()[:2]
        return f'{name}@example.com namespaces="{namespaces}" {" ".join(words)}'

    def signs(self, bundle: Path, name: str, role: str = "") -> None:
        done = command_line("sign", str(bundle), "--key", str(self.folder / name), *(("--role", role) if role else ()))
        assert done.returncode == 0, done.stderr


@pytest.fixture
def office(tmp_path: Path) -> Office:
    folder = tmp_path / "office"
    folder.mkdir()
    return Office(folder)


def reported(folder: Path, plan: str | None = None) -> Path:
    if plan is not None:
        (folder / "plan.toml").write_text(PLAN.format(plan))
    command_line("report", str(folder))
    return folder


def bundled(folder: Path, name: str = "a.tar.gz", *arguments: str) -> Path:
    out = folder.with_name(name)
    done = command_line("bundle", str(folder), "--out", str(out), *arguments)
    assert done.returncode == 0, done.stderr
    return out


def verified(bundle: Path, office: Office, *arguments: str) -> tuple[int, str]:
    done = command_line("verify", str(bundle), "--signers", str(office.signers), *arguments)
    return done.returncode, done.stdout + done.stderr


def test_one_run_has_one_bundle_whatever_the_time_and_the_owner(tmp_path: Path) -> None:
    folder = reported(run_of(tmp_path / "run", "passed", "passed"))
    first = bundled(folder, "a.tar.gz")
    for path in folder.rglob("*"):
        path.touch()
        path.chmod(0o700)
    assert first.read_bytes() == bundled(folder, "b.tar.gz").read_bytes()


def test_it_can_be_checked_with_tools_that_everybody_has(tmp_path: Path, office: Office) -> None:
    bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
    office.signs(bundle, "anna")
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xf", str(bundle), "-C", str(tmp_path / "out")], check=True)
    done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=False)
    assert done.returncode == 0
    endorsement = tmp_path / "out" / "signatures" / "01.json"
    command = ["ssh-keygen", "-Y", "verify", "-f", str(office.signers), "-I", "anna@example.com", "-n", "nrf91-bench"]
    with endorsement.open("rb") as text:
        assert not subprocess.run([*command, "-s", f"{endorsement}.sig"], stdin=text, check=False).returncode
    statement = tmp_path / "out" / "statement.json"
    assert json.loads(endorsement.read_text())["statement_sha256"] == sha256(statement.read_bytes())


def test_the_statement_says_what_was_tested(tmp_path: Path) -> None:
    image = tmp_path / "app.hex"
    image.write_text(":00000001FF\n")
    folder = reported(run_of(tmp_path / "run", "passed", "failed", "skipped"))
    statement = Bundle.read(bundled(folder, "a.tar.gz", "--image", str(image))).statement
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}["app.hex"] == sha256(
        image.read_bytes()
    )
    predicate = statement["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["test_a.py::test_0 on dk-1"]
    assert predicate["failedTests"] == ["test_a.py::test_1 on dk-1"]
    assert predicate["warnedTests"] == ["test_a.py::test_2 on dk-1"]


def test_private_output_stays_at_home(tmp_path: Path) -> None:
    folder = reported(run_of(tmp_path / "run", "passed"))
    (folder / "console-dk-1.txt").write_text("IMEI 351358811111111")
    (folder / "transcripts").mkdir()
    (folder / "transcripts" / ".running.jsonl").write_text("half")
    assert not any("console" in name or "running" in name for name in Bundle.read(bundled(folder)).files)


class TestSignatures:
    def test_without_one_it_is_not_yet_signed(self, tmp_path: Path, office: Office) -> None:
        code, text = verified(bundled(reported(run_of(tmp_path / "run", "passed"))), office)
        assert code == 5
        assert "PASSED, not yet signed: it wants 1 signature" in text

    def test_with_one_it_is_signed_and_says_by_whom_and_when(self, tmp_path: Path, office: Office) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        office.signs(bundle, "anna")
        code, text = verified(bundle, office)
        assert code == 0, text
        assert "signer    anna@example.com, 2" in text
        assert "genuine   PASSED, signed" in text

    def test_a_plan_wants_two_people_and_their_roles(self, tmp_path: Path, office: Office) -> None:
        plan = 'signatures = 2\nroles = ["quality", "release"]'
        bundle = bundled(reported(run_of(tmp_path / "run", "passed"), plan))
        assert Bundle.read(bundle).facts["verdict"] == "QUALIFIED"
        office.signs(bundle, "anna", "quality")
        code, text = verified(bundle, office)
        assert code == 5
        assert "not yet signed: it wants a signature as release and 1 signature by other people" in text
        office.signs(bundle, "anna")
        assert verified(bundle, office)[0] == 5, "one person is not two"
        office.signs(bundle, "bob", "release")
        code, text = verified(bundle, office)
        assert code == 0, text
        assert "bob@example.com as release" in text

    def test_a_signature_does_not_make_a_bad_verdict_good(self, tmp_path: Path, office: Office) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "failed")))
        office.signs(bundle, "anna")
        code, text = verified(bundle, office)
        assert code == 1
        assert "genuine   FAILED, signed" in text

    @pytest.mark.parametrize(
        ("name", "role", "words"),
        [
            ("mallory", "", "is signed by nobody known to allowed_signers"),
            ("bob", "quality", "does not count as nrf91-bench/quality"),
        ],
    )
    def test_who_may_not_sign_is_named(self, tmp_path: Path, office: Office, name: str, role: str, words: str) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        office.signs(bundle, name, role)
        code, text = verified(bundle, office)
        assert code == 1
        assert words in text

    def test_a_signature_of_another_bundle_does_not_count(self, tmp_path: Path, office: Office) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        other = bundled(reported(run_of(tmp_path / "other", "passed", "passed")), "other.tar.gz")
        office.signs(other, "anna")
        taken = {name: data for name, data in Bundle.read(other).files.items() if name.startswith("signatures/")}
        Bundle.read(bundle).with_files(taken)
        code, text = verified(bundle, office)
        assert code == 1
        assert "speaks of another statement" in text

    @pytest.mark.parametrize(("key", "role"), [("nobody", ""), ("anna.pub.txt", ""), ("anna", "Quality!")])
    def test_a_key_or_a_role_that_is_none_is_refused(self, tmp_path: Path, office: Office, key: str, role: str) -> None:
        (office.folder / "anna.pub.txt").write_text("not a key\n")
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        before = bundle.read_bytes()
        done = command_line("sign", str(bundle), "--key", str(office.folder / key), "--role", role)
        assert done.returncode == 2
        assert "role" in done.stderr if role else "cannot sign" in done.stderr
        assert bundle.read_bytes() == before


class TestExtracted:
    def test_the_page_says_digest_signers_and_dates(self, tmp_path: Path, office: Office) -> None:
        plan = 'roles = ["quality", "release"]'
        bundle = bundled(reported(run_of(tmp_path / "run", "passed"), plan))
        office.signs(bundle, "anna", "quality")
        code, text = verified(bundle, office, "--extract", str(tmp_path / "half"))
        assert code == 5, text
        page = (tmp_path / "half" / "verdict.html").read_text()
        assert "Not yet signed: it wants a signature as release" in page
        office.signs(bundle, "bob", "release")
        assert verified(bundle, office, "--extract", str(tmp_path / "out"))[0] == 0
        page = (tmp_path / "out" / "verdict.html").read_text()
        assert "Signed: the evidence is what was signed" in page
        assert Bundle.read(bundle).digest in page
        assert "anna@example.com as quality, 2" in page
        assert "bob@example.com as release, 2" in page
        assert "of 2 people, as quality and release" in page
        assert "ot yet signed" not in page
        assert (tmp_path / "out" / "results.jsonl").read_bytes() == (tmp_path / "run" / "results.jsonl").read_bytes()

    def test_a_bundle_that_was_changed_has_a_page_that_says_so(self, tmp_path: Path, office: Office) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed"), "signatures = 1"))
        office.signs(bundle, "anna")
        files = dict(Bundle.read(bundle).files)
        added_file(files)
        pack(files, bundle)
        assert verified(bundle, office, "--extract", str(tmp_path / "out"))[0] == 1
        page = (tmp_path / "out" / "verdict.html").read_text()
        assert "Not genuine: this bundle proves nothing" in page
        assert "evidence/more.txt was added" in page

    def test_nothing_is_written_outside_or_over_something(self, tmp_path: Path, office: Office) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        (tmp_path / "there").mkdir()
        code, text = verified(bundle, office, "--extract", str(tmp_path / "there"))
        assert (code, "exists" in text) == (2, True)
        pack({**Bundle.read(bundle).files, "evidence/../../evil.txt": b"x"}, bundle)
        code, text = verified(bundle, office, "--extract", str(tmp_path / "out"))
        assert (code, "leads out of its folder" in text) == (2, True)
        assert not (tmp_path / "evil.txt").exists()


def changed_byte(files: dict[str, bytes]) -> str:
    files["evidence/results.jsonl"] = files["evidence/results.jsonl"].replace(b"passed", b"PASSED", 1)
    return "evidence/results.jsonl was changed"


def changed_sums(files: dict[str, bytes]) -> str:
    changed_byte(files)
    digest = sha256(files["evidence/results.jsonl"])
    lines = files["SHA256SUMS"].decode().splitlines()
    lines = [f"{digest}  {line[66:]}" if line.endswith("results.jsonl") else line for line in lines]
    files["SHA256SUMS"] = ("\n".join(lines) + "\n").encode()
    return "SHA256SUMS is not the one that statement.json speaks of"


def changed_statement(files: dict[str, bytes]) -> str:
    files["statement.json"] = files["statement.json"].replace(b"dk-1", b"dk-2")
    return "speaks of another statement"


def other_plan(files: dict[str, bytes]) -> str:
    files["evidence/plan.toml"] += b"# tolerate everything\n"
    return "evidence/plan.toml is not the plan that statement.json speaks of"


def removed_file(files: dict[str, bytes]) -> str:
    del files["evidence/verdict.html"]
    return "evidence/verdict.html is missing"


def added_file(files: dict[str, bytes]) -> str:
    files["evidence/more.txt"] = b"trust me"
    return "evidence/more.txt was added"


def changed_signature(files: dict[str, bytes]) -> str:
    files["signatures/01.json.sig"] = b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
    return "signatures/01.json is signed by nobody known"


def removed_signature(files: dict[str, bytes]) -> str:
    del files["signatures/01.json.sig"]
    return "signatures/01.json has no signature beside it"


def changed_role(files: dict[str, bytes]) -> str:
    files["signatures/01.json"] = files["signatures/01.json"].replace(b'"role": ""', b'"role": "quality"')
    return "does not count as nrf91-bench/quality"


def changed_time(files: dict[str, bytes]) -> str:
    files["signatures/01.json"] = files["signatures/01.json"].replace(b'"utc": "2', b'"utc": "9')
    return "that is not a time that has passed"


@pytest.mark.parametrize(
    "tamper",
    [
        changed_byte,
        changed_sums,
        changed_statement,
        other_plan,
        removed_file,
        added_file,
        changed_signature,
        removed_signature,
        changed_role,
        changed_time,
    ],
)
def test_whoever_changes_a_part_is_found_out(
    tmp_path: Path, office: Office, tamper: Callable[[dict[str, bytes]], str]
) -> None:
    bundle = bundled(reported(run_of(tmp_path / "run", "passed"), "signatures = 1"))
    office.signs(bundle, "anna")
    assert verified(bundle, office)[0] == 0
    files = dict(Bundle.read(bundle).files)
    words = tamper(files)
    pack(files, bundle)
    code, text = verified(bundle, office)
    assert code == 1
    assert words in text
    assert "NOT GENUINE" in text


def test_the_plan_that_is_wanted_is_the_one_it_was_judged_by(tmp_path: Path, office: Office) -> None:
    folder = reported(run_of(tmp_path / "run", "passed"), "signatures = 1")
    bundle = bundled(folder)
    office.signs(bundle, "anna")
    assert verified(bundle, office, "--plan", str(folder / "plan.toml"))[0] == 0
    other = tmp_path / "plan.toml"
    other.write_text(PLAN.format("lab_error_rate = 0.5"))
    code, text = verified(bundle, office, "--plan", str(other))
    assert code == 1
    assert "the run was not judged by" in text


class TestRefused:
    def test_a_run_that_did_not_end(self, tmp_path: Path) -> None:
        folder = reported(run_of(tmp_path / "run", "passed", ended=False))
        done = command_line("bundle", str(folder))
        assert done.returncode == 2
        assert "did not come to its end" in done.stderr

    def test_pages_that_say_something_else_than_the_stream(self, tmp_path: Path) -> None:
        folder = reported(run_of(tmp_path / "run", "failed"))
        summary = folder / "summary.json"
        summary.write_text(summary.read_text().replace("FAILED", "PASSED"))
        done = command_line("bundle", str(folder))
        assert done.returncode == 2
        assert "says PASSED, the run's stream says FAILED" in done.stderr

    def test_a_link_and_a_name_that_is_taken(self, tmp_path: Path) -> None:
        folder = reported(run_of(tmp_path / "run", "passed"))
        bundle = bundled(folder)
        assert "exists" in command_line("bundle", str(folder), "--out", str(bundle)).stderr
        (folder / "link").symlink_to("/etc/passwd")
        done = command_line("bundle", str(folder), "--out", str(tmp_path / "b.tar.gz"))
        assert done.returncode == 2
        assert "is a link" in done.stderr
        assert not (tmp_path / "b.tar.gz").exists()

    @pytest.mark.parametrize("damage", ["half", "zeros", "text", "folder", "nothing", "other"])
    def test_what_is_not_a_bundle(self, tmp_path: Path, office: Office, damage: str) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        data = bundle.read_bytes()
        bundle.unlink()
        if damage == "half":
            bundle.write_bytes(data[: len(data) // 2])
        elif damage == "zeros":
            bundle.write_bytes(data[:-2000] + bytes(2000))
        elif damage == "text":
            bundle.write_text("hello")
        elif damage == "folder":
            bundle.mkdir()
        elif damage == "other":
            pack({"a.txt": b"a"}, bundle)
        code, text = verified(bundle, office)
        assert code == 2
        assert str(bundle) in text

    def test_links_and_doubles_in_an_archive(self, tmp_path: Path, office: Office) -> None:
        path = tmp_path / "evil.tar.gz"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("evidence/x")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
        path.write_bytes(gzip.compress(buffer.getvalue()))
        code, text = verified(path, office)
        assert code == 2
        assert "is not a plain file" in text

    def test_without_ssh_keygen_it_says_what_to_install(
        self, tmp_path: Path, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bundle = bundled(reported(run_of(tmp_path / "run", "passed")))
        office.signs(bundle, "anna")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert shutil.which("ssh-keygen") is None
        code, text = verified(bundle, office)
        assert code == 3
        assert "install openssh-client" in text
