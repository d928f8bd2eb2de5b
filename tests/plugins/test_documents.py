"""Every command and every configuration of the documents is run, played or parsed; every link leads somewhere."""

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench.boards import BoardSpec
from bench.config.known_issues import KnownIssue
from bench.config.lab import Config
from bench.config.plan import Plan
from tests.support.documents import (
    PAGES,
    ROOT,
    Block,
    blocks,
    check_command,
    commands_of,
    in_language,
    options_of_all_commands,
    parse,
    read,
    refused,
    spans,
)
from tests.support.inline import InlineLab

_CHECKED = ("sh", "console", "toml", "python", "json", "yaml", "ini", "dockerfile", "html")
_SHOWN = ("text", "", "markdown")
_FRAGMENTS = "CONTRIBUTING.md"
"""Shows parts of files, which do not stand alone."""


def by_place(found: Iterable[Block]) -> list[object]:
    return [pytest.param(block, id=str(block)) for block in found]


def test_each_block_says_what_it_is() -> None:
    assert [f"{one}: {one.language}" for one in blocks() if one.language not in (*_CHECKED, *_SHOWN)] == []


@pytest.mark.parametrize("block", by_place(in_language("sh", "console")))
def test_commands_are_what_their_programs_take(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prompted = block.language == "console"
    lines = [line for line in block.text.splitlines() if line.startswith("$ ") or not prompted]
    commands = list(commands_of("\n".join(lines)))
    assert commands
    for command in commands:
        check_command(command)


@pytest.mark.parametrize("block", by_place(in_language("yaml", "ini", "dockerfile")))
def test_commands_within_files_are_known(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if block.language == "ini":
        configparser.ConfigParser(interpolation=None, strict=False).read_string(block.text)
    for line in block.text.splitlines():
        found = re.search(r"(?:^|[\s=/])(nrf91-bench (?:run|report|boards|doctor).*)", line)
        for command in commands_of(found[1]) if found else ():
            check_command(command)


@pytest.mark.parametrize("page", PAGES)
def test_commands_within_sentences_are_known(page: str) -> None:
    for span in spans(page):
        if span.startswith("nrf91-bench ") and "..." not in span:
            for command in commands_of(span):
                if command[0] == "nrf91-bench":
                    parse(command[1:], named=True)


@pytest.mark.parametrize("page", PAGES)
def test_options_within_sentences_are_known(page: str) -> None:
    foreign = {"--group", "--token", "--verify", "--dist"}
    named = {name for span in spans(page) for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", span)}
    named -= {name for span in spans(page) if not span.startswith(("-", "nrf91-bench")) for name in span.split()[1:]}
    unknown = {name for name in named - foreign - options_of_all_commands() if not name.startswith("--bench-")}
    assert unknown == set()


@pytest.mark.parametrize("block", by_place(in_language("toml")))
def test_configurations_are_valid(block: Block) -> None:
    content = tomllib.loads(block.text)
    if "issue" in content:
        assert [KnownIssue.model_validate(row) for row in content["issue"]]
    elif "name" in content:
        assert Plan.model_validate(content)
    else:
        assert Config.model_validate(content)


def test_configurations_of_all_kinds_are_shown() -> None:
    kinds = {key for block in in_language("toml") for key in tomllib.loads(block.text)}
    written = "\n".join(block.text for block in in_language("sh"))  # by printf, for example
    kinds |= set(re.findall(r"\[([a-z]+)\]", written))
    assert {"issue", "waivers", *Config.model_fields} <= kinds


@pytest.mark.parametrize("block", by_place(in_language("json")))
def test_json_is_valid(block: Block) -> None:
    assert [json.loads(line) for line in block.text.splitlines()]


@pytest.mark.parametrize("block", by_place(one for one in in_language("python")))
def test_python_can_be_read(block: Block) -> None:
    ast.parse(block.text)


def scenarios() -> list[Block]:
    return [one for one in in_language("python") if "def test_" in one.text and one.page != _FRAGMENTS]


@pytest.mark.parametrize("block", by_place(one for one in scenarios() if "LabError" not in one.text))
def test_scenarios_pass_on_a_simulated_board(block: Block, lab: InlineLab) -> None:
    run = lab.run(block.text)
    assert (run.code, run.summary["passed"]) == (0, run.summary["planned"]), run.output
    assert run.summary["planned"] == block.text.count("def test_")


def test_the_lab_error_is_one(lab: InlineLab) -> None:
    (block,) = (one for one in scenarios() if "LabError" in one.text)
    run = lab.run(block.text)
    assert (run.code, run.summary["lab_errors"]) == (3, 1), run.output
    assert "the chamber cannot reach 125 degrees" in run.output


def test_the_link_alone_speaks_with_a_board(shared_board: BoardSpec, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (one for one in in_language("python") if "AtLink.open" in one.text)
    assert '"/dev/ttyACM0"' in block.text
    exec(compile(block.text.replace("/dev/ttyACM0", shared_board.port), str(block), "exec"), {})
    assert "mfw_nrf91x1" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", read(page)):
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).resolve().is_file(), link


def test_pictures_are_small() -> None:
    pictures = {picture.name: picture.stat().st_size for picture in (ROOT / "docs" / "images").iterdir()}
    assert {name for name, size in pictures.items() if size > 150_000} == set()


def test_the_front_page_is_short() -> None:
    assert len(read("README.md").split()) <= 1500


def test_each_page_is_in_the_contents() -> None:
    listed = re.findall(r"^\* \[.+?\]\(([a-z-]+\.md)\): \S", read("docs/README.md"), re.MULTILINE)
    assert sorted(listed) == sorted({Path(page).name for page in PAGES if page.startswith("docs/")} - {"README.md"})


_NOT_USED = {
    r"\bleased\b": "in use",
    r"\becho peers?\b": "peer (echo server)",
    r"\bof no account\b": "ignored",
    r"\bis told as\b": "is reported as",
    r"\bgoing by\b|\bgoes by\b": "depends on",
    r"\bwhat another try\b": "permanent",
    r"\bvouch(es)? for\b": "is known to",
    r"\bis no (?:number|address|time|port|port)\b": "is not a",
    r"\b[Cc]ure[sd]?\b": "fix",
    r"\bfound again\b": "found, whatever its name is then",
}
"""Words, or wordings, that the documents do not use -> those that they do."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("docs/architecture.md", _FRAGMENTS)])
def test_one_word_for_one_thing(page: str) -> None:
    text = read(page) if page != "docs/glossary.md" else re.sub(r"Not used: .*", "", read(page))
    wrong = {found[0]: better for words, better in _NOT_USED.items() for found in re.finditer(words, text)}
    assert wrong == {}


class TestTheChecksThemselves:
    @pytest.mark.parametrize(
        "command",
        [
            "nrf91-bench run --suit dns",
            "nrf91-bench run --suite nope",
            "nrf91-bench run --until tomorrow",
            "nrf91-bench run --simulate 1 -- --sample 400",
            "nrf91-bench run --simulate 1 --firmware slm-9",
            "nrf91-bench rum",
            "nrf91-bench boards resrve dk-1",
            "nrf91-bench simulate --uplink dely=50",
            "nrf91-bench simulate --rack -- nrf91-bench bords",
            "nrf91-bench compare one",
            "pytest --simulated",
            "pytest tests/gone.py",
            "python -m benchmarks --nope",
            "python -m benchmarks links",
            "python -m benchmarks.false_alarms --nope",
            "tox -e nope",
            "pip install --group nope",
            "pip install -e '.[nope]'",
            "unheard-of --help",
        ],
    )
    def test_a_wrong_command_is_found(self, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (words,) = commands_of(command)
        assert refused(words)

    def test_words_of_a_line(self) -> None:
        line = 'sudo usermod -a -G dialout "$USER" && A=1 nrf91-bench doctor --fix-udev | sudo tee /etc/x > y'
        assert [words[0] for words in commands_of(line)] == ["usermod", "nrf91-bench", "tee", "echo"]
