"""Runs over several hosts: boards lent by labgrid's own coordinator, tested where they hang, one verdict."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bench.report import kept_file, kept_tests
from tests.support.lab_of_hosts import WITH_LAB, Client, Labs, free_port, running_lab, until, wait_until_free

pytestmark = WITH_LAB


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    """Two hosts with two boards each."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def anna(labs: Labs, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Somebody who uses the lab; after her test every board is free again."""
    client = labs.client(f"anna-{request.node.name[:40]}")
    yield client
    wait_until_free(labs, Client(labs.folder / "admin", labs, "admin"))


def test_boards_of_both_hosts_are_one_run(labs: Labs, anna: Client) -> None:
    run = anna.run("--lab", "--count", "4", "--suite", anna.suite())
    assert run.code == 0, run.output
    summary = run.summary
    assert (summary["verdict"], summary["planned"], summary["passed"]) == ("PASSED", 16, 16)
    assert summary["hosts"] == {"r1-dk-1": "rack1", "r1-dk-2": "rack1", "r2-dk-1": "rack2", "r2-dk-2": "rack2"}
    # Each board writes its own rows, the whole of them, and each identity is one board's under one key.
    planned = {(row["slot"], row["lent"]) for row in run.rows("plan")}
    assert planned == {(slot, slot) for slot in summary["hosts"]}
    assert len({row["ids"]["imei"] for row in run.rows("board")}) == 4
    assert {row["run"] for row in run.rows()} == {"out"}
    assert all(list(kept_tests(kept_file(run.folder, slot))) for slot in summary["hosts"])
    assert "lent      r1-dk-1 at rack1" in run.output
    assert {(row["slot"], row["where"]) for row in run.rows("peers")} == set(summary["hosts"].items())
    # One night, once: hosts have no history of it.
    with contextlib.closing(sqlite3.connect(anna.folder / "history.sqlite")) as history:
        assert history.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        assert history.execute("SELECT count(*) FROM boards").fetchone() == (4,)
    assert not [path for host in labs.hosts for path in host.folder.rglob("history.sqlite")]
    again = anna.bench("report", "out")
    assert (again.returncode, "16 of 16 passed on 4 boards" in again.stdout) == (0, True)


def test_a_plan_known_issues_and_limits_go_to_the_hosts(anna: Client) -> None:
    suite = anna.suite(
        1,
        text="""
def test_fails(modem):
    assert not modem.link.command("AT").ok

def test_measures(modem, measure):
    measure("answer", modem.link.command("AT").duration_ns, unit="ns")
""",
    )
    (anna.folder / "known_issues.toml").write_text(
        '[[issue]]\ntest = "test_lab.py::test_fails"\nreason = "it answers"\nreference = "none"\nowner = "anna"\n'
        "expires = 2099-01-01\n"
    )
    (anna.folder / "plan.toml").write_text(
        f'name = "release"\nsuites = ["{suite}"]\n[[boards]]\nmodel = "nrf9151dk"\ncount = 2\n'
        '[[measurements]]\nname = "answer"\nunit = "us"\nat_most = 0.001\n'
    )
    run = anna.run("--plan", "plan.toml")
    assert run.code == 1, run.output
    assert run.summary["verdict"] == "NOT QUALIFIED"
    assert (run.summary["planned"], run.summary["known_issues"], run.summary["failed"]) == (4, 2, 2)
    assert {board["model"] for board in run.summary["boards"]} == {"nrf9151dk"}
    (row,) = (row for row in run.rows("run") if not row.get("lent"))
    assert set(row["files"]) == {"plan.toml", "known_issues.toml", "pytest.ini", "test_lab.py"}
    assert {row["test"] for row in run.rows("finish")} == {"test_lab.py::test_fails", "test_lab.py::test_measures"}


def test_limits_of_a_file_and_of_the_own_bench_toml_count(anna: Client) -> None:
    with (anna.folder / "bench.toml").open("a") as file:
        file.write('[[measurements]]\nname = "nothing"\nunit = "us"\nat_most = 1.0\n')
    (anna.folder / "strict.toml").write_text('[[measurements]]\nname = "receive"\nunit = "us"\nat_most = 0.001\n')
    run = anna.run("--board", "r1-dk-1", "--suite", anna.suite(1), "--limits", "strict.toml", "--", "-k", "echo")
    assert run.code == 1, run.output
    assert "receive" in run.output
    (limit,) = run.rows("limit")
    assert "receive" in limit["title"]


def test_fewer_boards_than_wanted_is_incomplete(labs: Labs, anna: Client) -> None:
    bob = labs.client("bob-keeps")
    kept = bob.bench("boards", "reserve", "r2-dk-1", "--until", "1h", "--why", "on my desk", "--lab")
    assert kept.returncode == 0, kept.stderr
    try:
        shown = anna.bench("boards", "--lab").stdout
        run = anna.run("--board", "model=nrf9151dk", "--count", "2", "--suite", anna.suite(1))
        other = anna.bench("boards", "release", "r2-dk-1", "--lab")
        own = bob.run("--board", "r2-dk-1", "--suite", bob.suite(1))
    finally:
        released = bob.bench("boards", "release", "r2-dk-1", "--lab")
    assert "on my desk" in shown
    assert run.code == 5, run.output
    assert "wanted 2 boards, 1 ran" in run.summary["reason"]
    assert "r2-dk-1 is reserved by bob-keeps@" in run.output
    assert (other.returncode, "reserved by bob-keeps@" in other.stderr) == (2, True)
    assert own.code == 0, own.output
    assert released.returncode == 0, released.stderr


def test_what_a_lab_cannot_do_is_told_in_words(anna: Client) -> None:
    cases = {
        ("--count", "9"): "9 boards are wanted that are all, the lab has 4",
        ("--board", "nobody"): "no board of the lab is nobody; its boards: r1-dk-1",
        (): "say which boards",
        ("--board", "place=1-1"): "a lab of several hosts knows name, model, serial, label",
        ("--board", "all", "--interleave", "a", "--interleave", "b"): "--interleave with --lab",
    }
    for arguments, expected in cases.items():
        finished = anna.bench("run", "--lab", *arguments)
        assert (finished.returncode, expected in finished.stderr) == (2, True), finished.stderr
    wrong = anna.run("--count", "1", "--suite", anna.suite(1), "--", "--no-such-option", out="wrong")
    assert (wrong.code, "unrecognized arguments: --no-such-option" in wrong.output) == (2, True), wrong.output
    anna.configure(coordinator=f"127.0.0.1:{free_port()}")
    away = anna.bench("run", "--lab", "--count", "1")
    assert (away.returncode, "labgrid's coordinator at 127.0.0.1:" in away.stderr) == (3, True), away.stderr


def test_two_users_wait_for_each_other(labs: Labs, anna: Client) -> None:
    bob = labs.client("bob-waits")
    first = anna.start("--board", "r1-dk-1", "--suite", anna.suite(gated=True))
    first.until_row("finish", "r1-dk-1")
    refused = bob.run("--board", "r1-dk-1", "--suite", bob.suite(1), out="refused")
    second = bob.start("--board", "r1-dk-1", "--suite", bob.suite(1), "--wait", "120")
    waiting = second.until_line("waiting")
    anna.gate.touch()
    assert first.finish() == 0, first.output
    assert second.finish() == 0, second.output
    assert (refused.code, "r1-dk-1 is in use by anna" in refused.output) == (3, True), refused.output
    assert "for a board that is r1-dk-1: r1-dk-1 is in use by anna" in waiting


def test_a_board_in_use_on_its_host_is_kept_out(labs: Labs, anna: Client) -> None:
    """Somebody passes labgrid by: the lock on the host refuses, and another board is taken."""
    host = labs.hosts[0]
    (host.folder / "suite.py").write_text("def test_waits():\n    import time\n    time.sleep(60)\n")
    hold = (
        "import time\nfrom bench.boards import known_boards, Lease\nfrom bench.config.lab import load\n"
        f"spec = known_boards(load(__import__('pathlib').Path({str(host.folder / 'bench.toml')!r})))[0]\n"
        "with Lease(spec.key, spec.slot, 'by hand'):\n    print('taken', flush=True)\n    time.sleep(300)\n"
    )
    command = [str(host.folder / "shell.sh"), sys.executable, "-c", hold]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as neighbour:
        assert neighbour.stdout
        assert neighbour.stdout.readline() == "taken\n"
        named = anna.run("--board", "r1-dk-1", "--suite", anna.suite(1), out="named")
        any_of_two = anna.run("--board", "model=nrf9161dk", "--count", "1", "--suite", anna.suite(1), out="any")
        neighbour.kill()
    assert (named.code, "r1-dk-1 is in use by" in named.output, "by hand" in named.output) == (3, True, True)
    assert any_of_two.code == 0, any_of_two.output
    assert set(any_of_two.summary["hosts"]) <= {"r1-dk-1", "r2-dk-2"}


def test_the_lock_on_a_host_names_the_person(labs: Labs, anna: Client) -> None:
    run = anna.start("--board", "r2-dk-1", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r2-dk-1")
    config = str(labs.hosts[1].folder / "bench.toml")
    shown = labs.hosts[1].bench("boards", "--json", "--config", config)
    freed = anna.bench("lab", "free", "r2-dk-1")
    anna.gate.touch()
    assert run.finish() == 0, run.output
    (board,) = (row for row in json.loads(shown.stdout) if row["name"] == "r2-dk-1")
    assert board["state"] == "in use"
    assert f"for {anna.name}@" in board["details"]
    assert (freed.returncode, "it is in use on rack2" in freed.stderr) == (2, True)


def test_a_client_that_is_killed(labs: Labs, anna: Client) -> None:
    """The hosts end in order, the next who waits gets the boards, and what was proved can be collected."""
    run = anna.start("--count", "4", "--suite", anna.suite(40, gated=True))
    for slot in ("r1-dk-1", "r1-dk-2", "r2-dk-1", "r2-dk-2"):
        run.until_row("finish", slot)
    run.process.kill()
    killed = time.monotonic()
    run.process.communicate()
    workspaces = [path for host in labs.hosts for path in host.runs.glob("*/*")]

    def ended() -> bool:
        return all((path / "end.json").exists() for path in workspaces if not (path / "collected").exists())

    until(ended, 60, "the hosts' runs do not end")
    bob = labs.client("bob-inherits")
    next_one = bob.run("--count", "4", "--suite", bob.suite(1), "--wait", "90")
    assert next_one.code == 0, next_one.output
    assert "given back" in next_one.output
    assert time.monotonic() - killed < 75
    collected = anna.bench("lab", "collect", "out")
    assert collected.returncode == 5, collected.stdout + collected.stderr
    assert run.summary["verdict"] == "INCOMPLETE"
    assert "the run was interrupted" in run.summary["reason"]
    assert run.summary["passed"] >= 4
    assert run.summary["planned"] == 4 * 41
    again = anna.bench("lab", "collect", "out")
    assert (again.returncode, again.stdout.count("collected")) == (5, 0)


def test_a_waiter_that_is_killed_keeps_no_board(labs: Labs, anna: Client) -> None:
    bob, carl = labs.client("bob-gives-up"), labs.client("carl-is-next")
    first = anna.start("--board", "r1-dk-2", "--suite", anna.suite(gated=True))
    first.until_row("finish", "r1-dk-2")
    waiter = bob.start("--board", "r1-dk-2", "--suite", bob.suite(1), "--wait", "90")
    waiter.until_line("waiting")
    waiter.process.kill()
    waiter.process.communicate()
    third = carl.start("--board", "r1-dk-2", "--suite", carl.suite(1), "--wait", "120")
    third.until_line("waiting")
    anna.gate.touch()
    given_back = time.monotonic()
    assert first.finish() == 0, first.output
    assert third.finish() == 0, third.output
    assert time.monotonic() - given_back < 75


def test_an_interrupted_run_ends_its_hosts_in_order(anna: Client) -> None:
    run = anna.start("--count", "2", "--suite", anna.suite(40, gated=True))
    until(lambda: len({row["slot"] for row in run.rows("finish")}) == 2)
    run.process.send_signal(signal.SIGINT)
    assert run.finish(60) == 5, run.output
    assert run.summary["planned"] == 82
    assert {row["slot"] for row in run.rows("gathered")} == set(run.summary["hosts"])


def test_the_time_of_a_run_is_over(anna: Client) -> None:
    run = anna.run("--count", "1", "--suite", anna.suite(gated=True), "--until", "20s")
    assert run.code == 5, run.output
    assert "the time for the run was over" in run.output


def test_a_host_that_dies_before_its_first_plan_row(labs: Labs, anna: Client) -> None:
    """It makes the run incomplete, not smaller."""
    dies = "import psutil\nfor one in psutil.Process().parents()[:2]:\n    one.kill()\npsutil.Process().kill()\n"
    run = anna.run("--board", "r1-dk-1", "--board", "r2-dk-1", "--suite", anna.suite(text=dies))
    assert run.code == 5, run.output
    assert run.summary["verdict"] == "INCOMPLETE"
    assert "its run on rack2 ended with exit code -9" in run.summary["reason"]


def test_a_line_that_is_silent_for_a_while(labs: Labs, anna: Client) -> None:
    run = anna.start("--board", "r1-dk-1", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r1-dk-1")
    labs.hosts[0].silence()
    anna.gate.touch()
    time.sleep(4.0)
    rows = len(run.rows())
    labs.hosts[0].speak()
    assert run.finish() == 0, run.output
    assert len(run.rows()) > rows + 3
    assert not run.rows("away")


def test_a_line_that_is_lost_for_good(labs: Labs, anna: Client) -> None:
    """What was streamed counts, the rest died; collecting brings the host's own verdict, once into the history."""
    anna.configure(lost_after_seconds=8.0, fetch_seconds=1.0)
    run = anna.start("--board", "r1-dk-1", "--board", "r2-dk-1", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r1-dk-1")
    run.until_row("finish", "r2-dk-1")
    labs.hosts[1].silence()
    anna.gate.touch()
    try:
        code = run.finish(120)
    finally:
        labs.hosts[1].speak()
    assert code == 5, run.output
    lost = run.summary
    assert "r2-dk-1: rack2 was lost at" in lost["reason"]
    assert (lost["planned"], lost["passed"], lost["died"]) == (8, 5, 3)
    assert f"lab collect {run.folder}" in run.output
    collected = until(lambda: _collected(anna), 60)
    assert "collected r2-dk-1" in collected
    assert (run.summary["verdict"], run.summary["passed"]) == ("PASSED", 8)
    with contextlib.closing(sqlite3.connect(anna.folder / "history.sqlite")) as history:
        assert history.execute("SELECT verdict FROM runs").fetchall() == [("PASSED",)]


def _collected(anna: Client) -> str:
    """What ``lab collect`` says once all is there; empty before."""
    done = anna.bench("lab", "collect", "out")
    return "" if "missing" in done.stdout else done.stdout


def test_a_board_that_is_pulled(labs: Labs, anna: Client) -> None:
    host = labs.hosts[0]
    run = anna.start("--count", "4", "--suite", anna.suite(gated=True))
    for slot in ("r1-dk-1", "r1-dk-2", "r2-dk-1", "r2-dk-2"):
        run.until_row("finish", slot)
    host.rack.ask("unplug", board="simulated-1")
    try:
        until(lambda: labs.places(anna)["r1-dk-1"]["state"] == "not attached")
        anna.gate.touch()
        code = run.finish()
        refused = anna.run("--board", "r1-dk-1", "--suite", "test_lab.py", out="refused")
    finally:
        host.rack.ask("plug", board="simulated-1")
    assert code == 3, run.output
    assert (run.summary["lab_errors"], run.summary["passed"]) == (3, 13)
    assert (refused.code, "r1-dk-1 is not attached to rack1" in refused.output) == (3, True), refused.output


def test_coordinator_and_exporters_die_in_mid_run(labs: Labs, anna: Client) -> None:
    """The run goes on; the coordinator has forgotten who has the board, and the client takes it again."""
    run = anna.start("--board", "r2-dk-2", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r2-dk-2")
    labs.kill_coordinator()
    labs.start_coordinator()
    labs.restart_exporters()
    until(lambda: labs.places(anna).get("r2-dk-2", {}).get("state") == "in use", 60)
    bob = labs.client("bob-comes-late")
    second = bob.run("--board", "r2-dk-2", "--suite", bob.suite(1))
    anna.gate.touch()
    assert run.finish() == 0, run.output
    assert second.code == 3, second.output


def test_a_coordinator_that_never_comes_back(labs: Labs, anna: Client) -> None:
    run = anna.start("--board", "r1-dk-2", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r1-dk-2")
    labs.kill_coordinator()
    anna.gate.touch()
    try:
        code = run.finish()
    finally:
        labs.start_coordinator()
        labs.restart_exporters()
    assert code == 0, run.output
    assert "r1-dk-2 could not be given back" in run.output


def test_an_exporter_that_is_down_lends_no_board(labs: Labs, anna: Client) -> None:
    labs.hosts[1].exporter.kill()
    try:
        until(lambda: labs.places(anna)["r2-dk-1"]["state"] == "host is away")
        other = anna.run("--board", "model=nrf9151dk", "--count", "1", "--suite", anna.suite(1), out="other")
        named = anna.run("--board", "r2-dk-1", "--suite", anna.suite(1), out="named")
        told = anna.bench("doctor", "--lab")
    finally:
        labs.hosts[1].exporter.start()
    assert other.code == 0, other.output
    assert set(other.summary["hosts"]) == {"r1-dk-2"}
    assert (named.code, "the exporter of rack2 is down" in named.output) == (3, True), named.output
    assert (told.returncode, "the exporter of rack2 is down" in told.stdout) == (1, True), told.stdout


def test_a_host_with_too_little_room_is_refused(labs: Labs, anna: Client) -> None:
    anna.configure(free_megabytes=10**9)
    run = anna.run("--count", "1", "--suite", anna.suite(1))
    assert (run.code, "MB free for runs" in run.output) == (3, True), run.output
    assert not list((labs.folder / "rack1" / "runs").glob(f"*/{anna.name}"))


def test_a_clients_disk_that_is_full(anna: Client) -> None:
    """Evidence is lost here, the host goes on, and what it keeps can be collected when there is room."""
    full = ("prlimit", "--fsize=25000:25000")
    run = anna.start("--board", "r1-dk-1", "--suite", anna.suite(60), under=full)
    assert run.finish() == 4, run.output
    assert "lab collect" in run.output
    collected = anna.bench("lab", "collect", "out")
    assert collected.returncode == 0, collected.stdout + collected.stderr
    assert (run.summary["verdict"], run.summary["passed"]) == ("PASSED", 61)


def test_a_hosts_disk_that_is_full(labs: Labs, anna: Client) -> None:
    """Its rows cannot say so, for they are lost too: its exit code does."""
    host = labs.hosts[0]
    small = host.rack.run("mount", "-t", "tmpfs", "-o", "size=600k", "small", str(host.runs))
    assert small.returncode == 0, small.stderr
    anna.configure(free_megabytes=0)
    try:
        run = anna.run("--board", "r1-dk-1", "--suite", anna.suite(300))
    finally:
        host.rack.run("umount", str(host.runs))
    assert run.code == 4, run.output
    assert "rack1 kept no evidence of r1-dk-1" in run.summary["reason"]


def test_a_stream_that_is_gone_at_the_client(anna: Client) -> None:
    """The host's run is ended in order, and no run without its evidence passes."""
    run = anna.start("--board", "r1-dk-1", "--suite", anna.suite(gated=True))
    run.until_row("finish", "r1-dk-1")
    (run.folder / "results.jsonl").rename(run.folder / "kept.jsonl")
    assert run.finish() == 4, run.output
    assert "evidence was lost" in run.output


def test_a_board_is_given_back_by_name(labs: Labs, anna: Client) -> None:
    bob = labs.client("bob-forgets")
    kept = bob.bench("boards", "reserve", "r1-dk-1", "--until", "1h", "--why", "a test", "--lab")
    freed = anna.bench("lab", "free", "r1-dk-1")
    free = anna.bench("lab", "free", "r1-dk-1")
    assert kept.returncode == 0, kept.stderr
    assert (freed.returncode, "bob-forgets@" in freed.stdout) == (0, True), freed.stderr
    assert (free.returncode, "r1-dk-1 is free" in free.stderr) == (2, True)


def test_a_host_with_another_key_is_told(labs: Labs, anna: Client) -> None:
    """Otherwise one board would have two identities in one history."""
    key = labs.folder / "rack1" / "state" / "nrf91-bench" / "short-id.key"
    own = key.read_bytes()
    key.write_bytes(os.urandom(32))
    try:
        run = anna.run("--board", "r1-dk-1", "--suite", anna.suite(1))
        told = anna.bench("doctor", "--lab")
    finally:
        key.write_bytes(own)
    assert (run.code, "--replace-key" in run.output) == (3, True), run.output
    assert "another key for short ids" in told.stdout


def test_a_coordinator_behind_ssh(labs: Labs, anna: Client) -> None:
    """It listens on its own host alone, for labgrid has no authentication."""
    server = labs.server()
    anna.configure(tunnel=server.target, ssh=[*anna.ssh, "-p", str(server.port)])
    listed = anna.bench("boards", "--lab")
    assert listed.returncode == 0, listed.stderr
    assert "r2-dk-2" in listed.stdout
    anna.configure(tunnel=server.target, ssh=[*anna.ssh, "-p", str(free_port())])
    refused = anna.bench("boards", "--lab")
    assert (refused.returncode, "there is no tunnel to 127.0.0.1:" in refused.stderr) == (3, True), refused.stderr


def test_a_name_is_one_boards_in_the_whole_lab(labs: Labs) -> None:
    host = labs.hosts[1]
    config = host.folder / "bench.toml"
    own = config.read_text()
    config.write_text(own.replace("r2-dk-1", "r1-dk-1"))
    admin = Client(labs.folder / "admin", labs, "admin")
    try:
        added = admin.bench("lab", "add", "127.0.0.1", "--name", "rack2", "--port", str(host.port))
    finally:
        config.write_text(own)
    assert (added.returncode, "r1-dk-1 is the name of a board at rack1 already" in added.stderr) == (2, True)
