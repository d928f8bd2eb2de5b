"""Files of a lab: read with any byte order mark, refused with file, line and cure; a secret is never shown."""

from pathlib import Path

import pytest

from bench.config.known_issues import KnownIssue, known_issue_files, load_known_issues
from bench.config.lab import load
from bench.config.named_files import check_named
from bench.config.plan import load_plan
from bench.config.toml_file import ConfigError
from bench.history import Store

BOM = b"\xef\xbb\xbf"
ISSUE = """[[issue]]
test = "test_a.py::*"
reason = "r"
reference = "f"
owner = "o"
expires = 2999-01-01
"""


@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_byte_order_mark_is_no_reason(tmp_path: Path, mark: bytes) -> None:
    for name, text in (
        ("bench.toml", 'history = "h.sqlite"\n'),
        ("plan.toml", 'name = "p"\n[[boards]]\nmodel = "nrf9151dk"\n'),
        ("known_issues.toml", ISSUE),
    ):
        (tmp_path / name).write_bytes(mark + text.encode())
    assert load(tmp_path / "bench.toml").history == Path("h.sqlite")
    assert load_plan(tmp_path / "plan.toml").name == "p"
    assert [issue.reason for issue in load_known_issues(tmp_path / "known_issues.toml")] == ["r"]


@pytest.mark.parametrize("mark", [b"", BOM])
def test_lines_are_counted_as_an_editor_does(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "bench.toml"
    path.write_bytes(mark + b"# one\n\nhistory = 3\n")
    with pytest.raises(ConfigError, match=r"line 3, history"):
        load(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfeh\x00", "is not UTF-8 (byte 1): save it as UTF-8"),
        (b'history = "\\u001b[2J"\n', "line 1, history: holds a control character"),
        (b'[[boards]]\nname = "dk-1"\nserial = "1\\u0007"\n', "line 3, boards #1.serial: holds a control"),
    ],
)
def test_what_no_file_may_hold(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert told in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        '[[boards]]\nname = "dk-1"\nserial = "1"\npin = "hunter2"\n',
        '[[boards]]\nname = "dk-1"\nserial = "1"\npin = ["hunter2"]\n',
        '[[boards]]\nname = "dk-1"\nserial = "1"\nPin = "hunter2"\n',
        '[[boards]]\nname = "dk-1"\nserial = "1"\n[boards.access_point]\napn = "a"\nuser = "u"\npassword = "hunter2"\n',
        '[network.access_point]\napn = "a"\nuser = "u"\npassword = "hunter2"\n',
        '[network.access_point]\napn = "a"\npassword = "hunter2"\n',
        '[notify]\nwebhook = "hooks.example/hunter2"\n',
        '[notify]\nwebhook = 3\npassword = "hunter2"\n',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert "hunter2" not in str(refused.value)
    assert "line " in str(refused.value)


def test_a_pin_that_is_a_number_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text('[[boards]]\nname = "dk-1"\nserial = "1"\npin = 471199\n')
    with pytest.raises(ConfigError, match=r"line 4, boards #1\.pin: must be a text") as refused:
        load(path)
    assert "471199" not in str(refused.value)


class TestNamed:
    """What a file names is looked at before anything runs."""

    def check(self, folder: Path, text: str, *boards: str, history: Path | None = None) -> str:
        """Returns what is wrong."""
        path = folder / "bench.toml"
        path.write_text(text)
        try:
            check_named(path, load(path), boards, history or folder / "h.sqlite")
        except ConfigError as error:
            return str(error)
        return ""

    def test_nothing_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "pin").touch(mode=0o600)
        (tmp_path / "pin").write_text("1234\n")
        text = f'[[boards]]\nname = "dk-1"\nserial = "1"\npin = "file:{tmp_path}/pin"\n[notify]\ncommand = ["true"]\n'
        assert self.check(tmp_path, text, "dk-1") == ""

    @pytest.mark.parametrize(
        ("key", "line"),
        [
            ('[recovery]\nreset = ["no-such-program", "{serial}"]', "line 2, recovery.reset"),
            ('[recovery]\n\npower_cycle = ["no-such-program"]', "line 3, recovery.power_cycle"),
            ('[notify]\ncommand = ["no-such-program"]', "line 2, notify.command"),
            ('[coverage]\nlose = ["no-such-program"]\nrestore = ["true"]', "line 2, coverage.lose"),
        ],
    )
    def test_a_program(self, tmp_path: Path, key: str, line: str) -> None:
        told = self.check(tmp_path, f"{key}\n")
        assert f"{line}: there is no program no-such-program; install it" in told
        assert str(tmp_path / "bench.toml") in told

    @pytest.mark.parametrize(
        ("content", "mode", "told"),
        [
            (None, 0, "cannot read"),
            ("12a4", 0o600, "does not hold a PIN of 4 to 8 digits"),
            ("", 0o600, "does not hold a PIN of 4 to 8 digits"),
            ("1234", 0o644, "others can read it: chmod 600"),
        ],
    )
    def test_a_pin(self, tmp_path: Path, content: str | None, mode: int, told: str) -> None:
        if content is not None:
            (tmp_path / "pin").write_text(content)
            (tmp_path / "pin").chmod(mode)
        found = self.check(tmp_path, f'[[boards]]\nname = "dk-1"\nserial = "1"\npin = "file:{tmp_path}/pin"\n', "dk-1")
        assert "line 4, boards #1.pin: " in found
        assert told in found
        assert not content or content not in found.replace(str(tmp_path), "")

    def test_a_password_and_an_empty_variable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAB_PASSWORD", " ")
        text = '[network.access_point]\napn = "a"\nuser = "u"\npassword = "env:LAB_PASSWORD"\n'
        assert "line 4, network.access_point.password: env:LAB_PASSWORD does not hold a password" in self.check(
            tmp_path, text
        )

    def test_nobody_needs_the_secrets_of_boards_that_stay_out(self, tmp_path: Path) -> None:
        entry = '[[boards]]\nname = "{}"\nserial = "{}"\npin = "{}"\n'
        text = entry.format("dk-1", 1, "env:NOBODY_HAS_IT") + entry.format("dk-2", 2, f"file:{tmp_path}/none")
        found = self.check(tmp_path, text, "dk-3")
        assert "dk-1" not in found
        assert "NOBODY_HAS_IT" not in found
        assert "line 8, boards #2.pin: there is no file" in found

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda path: path.mkdir(), "is a folder"),
            (lambda path: path.write_bytes(b"not a base at all"), "is not a history"),
            (lambda path: path.parent.joinpath("x").write_text(""), ""),
        ],
    )
    def test_a_history(self, tmp_path: Path, make: object, told: str) -> None:
        path = tmp_path / "h.sqlite"
        make(path)  # type: ignore[operator]
        found = self.check(tmp_path, 'history = "h.sqlite"\n', history=path)
        assert (told in found) if told else found == ""
        assert not told or "line 1, history: " in found

    def test_a_history_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "x").touch()
        assert "x is not a folder" in self.check(tmp_path, "", history=tmp_path / "x" / "y" / "h.sqlite")

    def test_an_old_history_is_one(self, tmp_path: Path) -> None:
        with Store(tmp_path / "h.sqlite"):
            pass
        assert self.check(tmp_path, "") == ""


def test_known_issues_are_found_wherever_suites_have_them(tmp_path: Path) -> None:
    for folder in (".", "suite", "suite/deep", "suite/.git", "suite/venv", "other"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "known_issues.toml").write_text(ISSUE)
    (tmp_path / "other" / "test_a.py").touch()
    found = known_issue_files([tmp_path / "suite", tmp_path / "other" / "test_a.py"], tmp_path)
    assert [str(path.parent.relative_to(tmp_path)) for path in found] == [".", "suite", "suite/deep", "other"]
    assert all(isinstance(issue, KnownIssue) for path in found for issue in load_known_issues(path))
