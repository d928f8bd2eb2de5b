"""The program on a board's host, and a session with it: through a stub of ssh that runs the command here."""

import contextlib
import io
import json
import queue
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import __version__
from bench.boards import Lease, named_port
from bench.config.lab import Config, LabConfig
from bench.errors import LabError
from bench.evidence import ResultStream, RowReader, reconcile, rows
from bench.host import PROTOCOL, encode, messages
from bench.host.archive import pack, unpack
from bench.lab.board_run import BoardRefused, BoardRun, LentSlot
from bench.lab.host_session import HostLost, HostSession, HostSessions, HostUnfit, Lost, own_key_digest
from bench.lab.places import Where
from bench.report import kept_file, kept_tests
from tests.support.programs import simulator

SUITE = """
import time, pytest

@pytest.mark.parametrize("number", range({count}))
def test_answers(modem, number):
    time.sleep({seconds})
    assert modem.link.command("AT").ok
"""
WHERE = Where("rack1", "bench@rack1")


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with simulator() as boards:
        yield boards[0]["port"]


@pytest.fixture
def ssh(tmp_path: Path, port: str) -> tuple[str, ...]:
    """A program that takes the options of ssh and runs the command here, as the host's forced command would."""
    (tmp_path / "bench.toml").write_text(f'[[boards]]\nname = "dk-1"\nport = "{port}"\n')
    stub = tmp_path / "ssh.py"
    host = ["-m", "bench.host", "--stdio", "--config", str(tmp_path / "bench.toml"), "--runs", str(tmp_path / "runs")]
    stub.write_text(
        "import os, sys\nassert sys.argv[-2:-1] == ['bench@rack1'], sys.argv\nassert 'bench.host' in sys.argv[-1]\n"
        f"os.environ['XDG_STATE_HOME'] = {str(tmp_path / 'state')!r}\n"
        f"os.execv(sys.executable, [sys.executable, *{host!r}])\n"
    )
    return (sys.executable, str(stub))


@pytest.fixture
def lab(ssh: tuple[str, ...]) -> LabConfig:
    return LabConfig(coordinator="nowhere:1", ssh=ssh, free_megabytes=1)


def stub_host(tmp_path: Path, *lines: bytes, code: int = 0, said: str = "") -> LabConfig:
    """A host that says some lines, then ends when its input does, or at once with a code."""
    (tmp_path / "lines").write_bytes(b"".join(lines))
    stub = tmp_path / "stub.py"
    stub.write_text(
        f"import sys\nsys.stdout.buffer.write(open({str(tmp_path / 'lines')!r}, 'rb').read())\nsys.stdout.flush()\n"
        f"sys.stderr.write({said!r})\nsys.exit({code}) if {code} else sys.stdin.read()\n"
    )
    return LabConfig(coordinator="nowhere:1", ssh=(sys.executable, str(stub)))


def hello(**changes: Any) -> bytes:  # noqa: ANN401
    fields = {"version": __version__, "protocol": PROTOCOL, "free_bytes": 10**12, "key": own_key_digest(), **changes}
    return encode(messages.Hello(utc=datetime.now(UTC).isoformat(), **{k: v for k, v in fields.items() if k != "utc"}))


def own_files(tmp_path: Path, count: int, seconds: float = 0.0) -> bytes:
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    (folder / "test_lab.py").write_text(SUITE.format(count=count, seconds=seconds))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest\n")
    buffer = io.BytesIO()
    pack(buffer, {"test_lab.py": folder / "test_lab.py", "pytest.ini": folder / "pytest.ini"})
    return buffer.getvalue()


def start(tmp_path: Path, count: int = 3, seconds: float = 0.0) -> dict[str, Any]:
    files = own_files(tmp_path, count, seconds)
    return {"arguments": ["--suite", "./test_lab.py"], "person": "anna@laptop", "files": files}


def test_a_host_tells_of_its_boards(lab: LabConfig) -> None:
    with HostSession(lab, WHERE) as session:
        assert (session.hello.version, session.hello.protocol) == (__version__, PROTOCOL)
        assert [(board.name, board.state) for board in session.hello.boards] == [("dk-1", "free")]
        assert abs(session.clock_off_s) < 2
        session.check()  # which gives a host that has none the lab's key
        assert [board.name for board in session.look()] == ["dk-1"]
    with HostSession(lab, WHERE) as again:
        assert again.hello.key == own_key_digest()


def test_a_board_plays_where_it_hangs(lab: LabConfig, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "allure-results").mkdir(parents=True)
    stream = ResultStream(folder, "here")
    stream.add(rows.RunRow(turns=[], wanted=1))
    with HostSessions(lab) as hosts:
        board = BoardRun(LentSlot("dk-1", WHERE, "w"), hosts, stream)
        board.play(start(tmp_path), HostSession.check)
        assert board.ended is not None
        assert (board.ended.exit_code, board.ended.begun) == (0, True), board.ended.said
        assert board.gather(folder, 0.0, lambda: False) == ""
    stream.add(rows.ClosedRow())
    summary = reconcile(RowReader(folder).new_rows())
    assert (summary.verdict, len(summary.results)) == ("PASSED", 3)
    assert {result.test for result in summary.results} == {f"test_lab.py::test_answers[{n}]" for n in range(3)}
    assert len(list(kept_tests(kept_file(folder, "dk-1")))) == 3
    assert not list(folder.rglob("console-*.txt"))
    host = tmp_path / "runs" / "w" / "dk-1"
    assert (host / "collected").exists()
    first = json.loads((host / "w" / "results.jsonl").read_text().splitlines()[0])
    assert "history" not in json.dumps(first)


def test_a_client_that_goes_away_ends_its_run_in_order(lab: LabConfig, tmp_path: Path) -> None:
    session = HostSession(lab, WHERE).__enter__()
    inbox = session.listen("w", "dk-1")
    session.send(messages.Start(run="w", board="dk-1", **start(tmp_path, 200, 0.2)))
    while not any(row["type"] == "finish" for row in inbox.get(timeout=60).rows):
        pass
    session.__exit__(None, None, None)
    place = tmp_path / "runs" / "w" / "dk-1"
    assert json.loads((place / "end.json").read_text())["exit_code"] == 5
    kinds = [json.loads(line)["type"] for line in (place / "w" / "results.jsonl").read_text().splitlines()]
    assert {"trouble", "ended", "closed"} <= set(kinds)


def test_a_host_program_that_is_killed(lab: LabConfig, tmp_path: Path) -> None:
    """The run ends in order all the same, and its folder can be fetched by another session."""
    folder = tmp_path / "here"
    folder.mkdir()
    stream = ResultStream(folder, "here")
    with HostSessions(lab) as hosts:
        board = BoardRun(LentSlot("dk-1", WHERE, "w"), hosts, stream)
        session = hosts.at(WHERE)

        def kill(one: HostSession) -> None:
            one.check()
            one._process.kill()
            one._reader.join(10.0)

        with pytest.raises(BoardRefused, match="rack1 was lost at"):
            board.play(start(tmp_path), kill)
        assert session.lost
        board.play(start(tmp_path), HostSession.check)
        assert board.gather(folder, 0.0, lambda: False) == ""


def test_a_board_in_use_is_refused(lab: LabConfig, tmp_path: Path, port: str) -> None:
    spec = named_port(port, 1, Config())
    with HostSessions(lab) as hosts, Lease(spec.key, "dk-1", "by hand"):
        board = BoardRun(LentSlot("dk-1", WHERE, "w"), hosts, ResultStream(tmp_path, "r"))
        with pytest.raises(BoardRefused, match=r"dk-1 is in use by .*: by hand"):
            board.play(start(tmp_path), HostSession.check)
        assert not board.began
        assert not (tmp_path / "results.jsonl").exists()


@pytest.mark.parametrize(("firmware", "plays"), [("slm=9.*", False), ("slm=3.1.*,modem=mfw_*", True)])
def test_a_board_of_another_firmware_is_refused(lab: LabConfig, tmp_path: Path, firmware: str, *, plays: bool) -> None:
    with HostSessions(lab) as hosts:
        board = BoardRun(LentSlot("dk-1", WHERE, "w"), hosts, ResultStream(tmp_path, "r"))
        with contextlib.nullcontext() if plays else pytest.raises(BoardRefused, match="no board is name=dk-1,slm=9"):
            board.play({**start(tmp_path, 1), "firmware": firmware}, HostSession.check)
        assert board.began == plays


def test_the_same_board_twice_in_a_run(lab: LabConfig, tmp_path: Path) -> None:
    with HostSessions(lab) as hosts:
        for number in range(2):
            board = BoardRun(LentSlot("dk-1", WHERE, "w"), hosts, ResultStream(tmp_path, "r"))
            if number:
                with pytest.raises(BoardRefused, match="has played in the run w already"):
                    board.play(start(tmp_path, 1), HostSession.check)
            else:
                board.play(start(tmp_path, 1), HostSession.check)


def test_what_is_not_there_cannot_be_fetched(lab: LabConfig, tmp_path: Path) -> None:
    with HostSessions(lab) as hosts:
        board = BoardRun(LentSlot("dk-1", WHERE, "never"), hosts, ResultStream(tmp_path, "r"))
        assert "there is no run never of dk-1 here" in board.gather(tmp_path, 0.0, lambda: False)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "0.0.1"}, r"rack1 has nrf91-bench 0\.0\.1, this is .*pip install nrf91-bench=="),
        ({"protocol": 99}, "install the same version there"),
        ({"free_bytes": 1000}, "0 MB free for runs, 200 MB are wanted"),
        ({"key": "another"}, "another key for short ids"),
        ({"trouble": "line 3, boards #1.name: is missing"}, "rack1: line 3, boards #1.name: is missing"),
    ],
)
def test_a_host_that_is_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with HostSession(stub_host(tmp_path, hello(**changes)), WHERE) as session, pytest.raises(HostUnfit, match=told):
        session.check()


@pytest.mark.parametrize(("off", "told"), [(3600, ["3600 s ahead"]), (-30, ["30 s behind"]), (1, [])])
def test_a_clock_that_is_wrong_is_told(tmp_path: Path, off: int, told: list[str]) -> None:
    utc = (datetime.now(UTC) + timedelta(seconds=off)).isoformat()
    line = encode(
        messages.Hello(version=__version__, protocol=PROTOCOL, free_bytes=10**12, key=own_key_digest(), utc=utc)
    )
    heard: list[str] = []
    with HostSession(stub_host(tmp_path, line), WHERE) as session:
        session.check(heard.append)
    assert [any(part in text for text in heard) for part in told] == [True] * len(heard)


@pytest.mark.parametrize(
    ("lines", "code", "said", "told"),
    [
        ((b"Welcome to rack1!\n",), 0, "", "check that no login script of that host prints text"),
        ((), 255, "bench@rack1: Permission denied (publickey).", r"rack1 was lost at .*: .*Permission denied"),
        ((), 127, "sh: python3: not found", "python3: not found"),
        ((b'{"message": "hello"}\n',), 0, "", "expected a message of the bench"),
    ],
)
def test_a_host_that_does_not_speak(tmp_path: Path, lines: tuple[bytes, ...], code: int, said: str, told: str) -> None:
    with pytest.raises(LabError, match=told), HostSession(stub_host(tmp_path, *lines, code=code, said=said), WHERE):
        pass


def test_there_is_no_ssh(tmp_path: Path) -> None:
    lab = LabConfig(coordinator="nowhere:1", ssh=(str(tmp_path / "ssh"),))
    with pytest.raises(HostLost, match="cannot start"), HostSession(lab, WHERE):
        pass


def test_every_listener_is_told_of_a_lost_line(tmp_path: Path) -> None:
    with HostSession(stub_host(tmp_path, hello()), WHERE) as session:
        before: queue.Queue[Any] = session.listen("w", "dk-1")
        session._process.kill()
        assert isinstance(before.get(timeout=10), Lost)
        assert isinstance(session.listen("w", "dk-2").get(timeout=10), Lost)
        with pytest.raises(HostLost):
            session.look()


def test_rubbish_from_a_client_ends_nothing(ssh: tuple[str, ...]) -> None:
    """The host says what it did not understand, and goes on."""
    with subprocess.Popen(
        [*ssh, "bench@rack1", "-m bench.host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin
        assert program.stdout
        program.stdout.readline()
        for line in (b"\xff\xfe\n", b"{}\n", b'{"message":"fetch","run":"../..","board":"x"}\n', encode_look()):
            program.stdin.write(line)
        program.stdin.close()
        heard = [json.loads(line)["message"] for line in program.stdout]
    assert heard == ["failed", "failed", "failed", "seen"]
    assert program.returncode == 0


def encode_look() -> bytes:
    return encode(messages.Look(number=1))


def test_a_folder_that_comes_from_a_host_writes_nothing_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(LabError):
        unpack(io.BytesIO(b"rubbish"), tmp_path)
