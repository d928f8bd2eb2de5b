"""``nrf91-bench transcript``, and how little a run leaves on disk."""

import json
from pathlib import Path

import pytest

from bench.at.transcript import read_jsonl
from tests.support.inline import command_line
from tests.support.lab import Finished, Lab

SUITE = """
import pytest

@pytest.mark.parametrize("size", [1, 2])
def test_echo(modem, tcp_echo, size):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"x" * size)
        assert client.receive_exactly(size) == b"x" * size

def test_fails(modem):
    modem.link.command("AT")
    assert False

@pytest.mark.needs("#XAPOLL by handle")
def test_of_another_firmware(modem):
    pass

def test_skipped(modem):
    pytest.skip("for a reason")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Lab(tmp_path_factory.mktemp("lab")).run(SUITE)


def told(run: Finished, *arguments: str) -> tuple[int, str]:
    done = command_line("transcript", str(run.folder), *arguments)
    return done.returncode, done.stdout + done.stderr


def test_it_lists_the_tests(run: Finished) -> None:
    code, output = told(run)
    assert code == 0
    assert [line.split()[:2] for line in output.splitlines()] == [
        ["simulated-1", "test_lab.py::test_echo[1]"],
        ["simulated-1", "test_lab.py::test_echo[2]"],
        ["simulated-1", "test_lab.py::test_fails"],
        ["simulated-1", "test_lab.py::test_skipped"],
    ]


@pytest.mark.parametrize("name", ["test_lab.py::test_echo[2]", "test_echo[2]"])
def test_a_test_by_its_name(run: Finished, name: str) -> None:
    _, output = told(run, name)
    assert output.startswith("test_lab.py::test_echo[2] on simulated-1\n# ")
    assert '>> AT#XSEND="xx"' in output
    _, timeline = told(run, name, "--as", "timeline")
    order = [timeline.index(text) for text in ('bench > board  AT#XSEND="xx"', "received #1", "#XRECV: 2")]
    assert order == sorted(order)


def test_its_bytes_can_be_replayed(run: Finished, tmp_path: Path) -> None:
    _, output = told(run, "test_echo[1]", "--as", "jsonl")
    (tmp_path / "t.jsonl").write_text(output)
    assert any(entry.data == b'AT#XSEND="x"\r\n' for entry in read_jsonl(tmp_path / "t.jsonl"))


def test_its_timings(run: Finished) -> None:
    _, output = told(run, "test_fails", "--as", "timings")
    head, *rows = output.splitlines()
    assert head == "command,sent_ms,first_byte_us,final_us,final"
    assert any(row.startswith("AT,") for row in rows)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("test_ehco",), "no test called 'test_ehco' has sent anything in this run; did you mean 'test_echo'"),
        (("test_echo", "--as", "jsonl"), "--as jsonl prints one test, 'test_echo' means test_lab.py::test_echo[1] on"),
        (("test_echo[1]", "--round", "2"), "no test called 'test_echo[1]' has sent anything in this run"),
        (("--board", "simulated-2"), "unknown board 'simulated-2'; did you mean 'simulated-1'?"),
    ],
)
def test_what_it_cannot_print_is_told(run: Finished, arguments: tuple[str, ...], says: str) -> None:
    code, output = told(run, *arguments)
    assert code == 2
    assert says in " ".join(output.split())


def test_a_run_that_sent_nothing(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text('{"type":"run"}\n')
    done = command_line("transcript", str(tmp_path))
    assert done.returncode == 2
    assert "has no transcript" in done.stderr


def test_allure_has_a_result_of_each_test_that_counts_and_no_file_that_says_nothing(run: Finished) -> None:
    folder = run.folder / "allure-results"
    results = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    assert sorted(result["name"].partition(" [")[0] for result in results) == ["Echo", "Echo", "Fails", "Skipped"]
    assert list(folder.glob("*-container.json")) == []
    kept = {result["name"]: [one["name"] for one in result["attachments"]] for result in results}
    assert kept["Fails"] == ["timeline", "transcript", "timings"]
    assert all(names == ["timeline"] for name, names in kept.items() if name != "Fails")
    assert len(list(run.folder.rglob("*"))) < 40


def test_a_fixture_that_shows_something_keeps_its_container(lab: Lab) -> None:
    suite = """
import allure, pytest

@pytest.fixture
def shown(modem):
    with allure.step("something is done first"):
        yield modem

@pytest.fixture
def broken(modem):
    raise ValueError("broken fixture")

def test_one(shown):
    pass

def test_two(broken):
    pass
"""
    run = lab.run(suite)
    containers = [json.loads(path.read_text()) for path in (run.folder / "allure-results").glob("*-container.json")]
    assert sorted(before["name"] for one in containers for before in one["befores"]) == ["broken", "shown"]
