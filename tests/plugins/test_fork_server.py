"""The fork server: a forked program is what ``python -m`` would have made, and nothing survives its end."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

HEAD = """
import os, signal, subprocess, sys, threading, time
import psutil
from bench import children
from bench.fork_server import ForkServer

def play(*arguments, **more):
    process, pipe = children.spawn(children.program("program", *arguments), **more)
    try:
        return process.wait(20)
    finally:
        os.close(pipe)

def is_forked(process):
    return psutil.Process(process.pid).ppid() != os.getpid()
"""
PROGRAM = """
import atexit, os, sys, threading, time
what = sys.argv[1]
if what == "tell":
    print(*sys.argv[2:], os.environ["SHADE"], os.getcwd(), os.getsid(0) == os.getpid(), sys.path[0], __name__)
elif what == "exit":
    sys.exit(eval(sys.argv[2]))
elif what == "raise":
    raise ValueError("of the program")
elif what == "echo":
    sys.stdout.write(sys.stdin.read().upper())
elif what == "read":
    print(os.read(int(sys.argv[2]), 100).decode())
elif what == "later":
    atexit.register(print, "at its end")
    threading.Thread(target=lambda: (time.sleep(0.1), print("in a thread"))).start()
elif what == "log":
    import logging.handlers
    logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout)))
    logging.getLogger().warning("buffered")
elif what == "sleep":
    print("asleep", flush=True)
    time.sleep(60)
elif what == "nested":
    from bench import children
    import subprocess
    process, pipe = children.spawn(children.program("program", "tell", "inner"), stdout=subprocess.PIPE)
    print(process.stdout.read().decode().split()[0], type(process).__name__)
    process.wait(20)
    os.close(pipe)
"""


@pytest.fixture
def driver(tmp_path: Path) -> "Driver":
    (tmp_path / "program.py").write_text(PROGRAM)
    return Driver(tmp_path)


class Driver:
    """A process that enters a fork server, and does what a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, body: str, *options: str) -> "subprocess.Popen[str]":
        indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
        (self.folder / "driver.py").write_text(f'{HEAD}\nwith ForkServer({{"program": ("json",)}}):\n{indented}')
        return subprocess.Popen(
            [sys.executable, *options, "driver.py"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "SHADE": "grey", "PYTHONUNBUFFERED": "1"},  # its lines stand among its programs' lines
        )  # fmt: skip

    def run(self, body: str, *options: str) -> str:
        process = self.start(body, *options)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        return output


def test_it_has_its_arguments_environment_folder_and_session(driver: Driver) -> None:
    (driver.folder / "inside").mkdir()
    (driver.folder / "inside" / "program.py").write_text(PROGRAM)
    output = driver.run("""
from pathlib import Path
play("tell", "a b", "c", environment={"SHADE": "green"}, folder=Path("inside").resolve())
play("tell", "d")
""")
    inside = driver.folder / "inside"
    assert output.splitlines() == [
        f"a b c green {inside} True {inside} __main__",
        f"d grey {driver.folder} True {driver.folder} __main__",
    ]


def test_its_exit_codes(driver: Driver) -> None:
    output = driver.run("""
print([play("exit", code) for code in ("0", "3", "None", "'in words'")], play("raise"))
process, pipe = children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)
process.stdout.readline()
assert is_forked(process) and process.poll() is None
process.send_signal(signal.SIGKILL)
print(process.wait(20), process.poll(), process.returncode)
process.kill()
process, pipe = children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)
process.stdout.readline()
try:
    process.wait(0.01)
except subprocess.TimeoutExpired:
    print("runs on")
process.terminate()
print(process.wait(20))
""")
    assert "in words" in output
    assert "ValueError: of the program" in output
    assert "[0, 3, 0, 1] 1\n-9 -9 -9\nruns on\n-15\n" in output


def test_its_pipes_and_descriptors(driver: Driver) -> None:
    output = driver.run("""
process, pipe = children.spawn(children.program("program", "echo"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
process.stdin.write(b"hello")
process.stdin.close()
print(process.stdout.read().decode(), process.wait(20))
reader, writer = os.pipe()
os.write(writer, b"by a descriptor")
play("read", str(reader), pass_fds=(reader,))
with open("log", "wb") as log:
    play("raise", stdout=log, stderr=subprocess.STDOUT)
print("of the program" in open("log").read())
play("tell", "unseen", stdout=subprocess.DEVNULL)
""")
    assert output.splitlines() == ["HELLO 0", "by a descriptor", "True"]


def test_it_ends_as_programs_end(driver: Driver) -> None:
    """Its other threads finish, then what it has registered is called; nothing of its parent's is."""
    output = driver.run("""
import atexit
atexit.register(print, "at the parent's end")
play("later")
""")
    assert output.splitlines() == ["in a thread", "at its end", "at the parent's end"]


def test_a_program_can_have_programs(driver: Driver) -> None:
    assert driver.run('play("nested")') == "inner ForkedProcess\n"


@pytest.mark.parametrize("option", ["-O", "-Wignore"])
def test_an_interpreter_with_options_of_its_own_is_not_copied(driver: Driver, option: str) -> None:
    output = driver.run(
        """
process, pipe = children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)
print(is_forked(process))
process.kill()
""",
        option,
    )
    assert output == "False\n"


def test_nor_is_one_with_threads(driver: Driver) -> None:
    (driver.folder / "driver.py").write_text(
        f"{HEAD}\nthreading.Thread(target=time.sleep, args=(1,)).start()\nwith ForkServer({{'program': ()}}):\n"
        "    process, pipe = children.spawn(children.program('program', 'sleep'), stdout=subprocess.PIPE)\n"
        "    print(is_forked(process))\n    process.kill()\n"
    )
    done = subprocess.run(
        [sys.executable, "driver.py"], cwd=driver.folder, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"


def test_a_server_that_dies_ends_no_program_and_programs_start_as_usual(driver: Driver) -> None:
    output = driver.run("""
process, pipe = children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)
process.stdout.readline()
server = psutil.Process(process.pid).parent()
server.kill()
server.wait()
print(process.poll(), psutil.pid_exists(process.pid))
print(play("exit", "5"))
process.terminate()
print(process.wait(20))
""")
    assert output.splitlines() == ["None True", "5", "256"]  # how it ended, nobody knows


def test_nothing_survives_a_parent_that_is_killed(driver: Driver) -> None:
    process = driver.start("""
process, pipe = children.spawn(children.program("program", "tell", "x"), stdout=subprocess.PIPE)
print(process.stdout.read().decode(), flush=True)
time.sleep(60)
""")
    assert process.stdout is not None
    process.stdout.readline()
    (server,) = psutil.Process(process.pid).children()
    process.kill()
    process.communicate(timeout=20)
    assert psutil.wait_procs([server], timeout=20)[1] == []


def test_few_descriptors_are_enough(driver: Driver) -> None:
    output = driver.run("""
import resource
process, pipe = children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)
process.stdout.readline()
server = psutil.Process(process.pid).parent()
server.rlimit(resource.RLIMIT_NOFILE, (40, 40))
asked = [children.spawn(children.program("program", "tell", "x")) for _ in range(3)]
print([one.wait(20) for one, _ in asked])
process.kill()
""")
    assert output.count("x grey") == 3
    assert "[0, 0, 0]" in output


def test_a_full_table_of_the_server_ends_no_other_program(driver: Driver) -> None:
    """What does not fit starts as usual, and the server goes on."""
    output = driver.run("""
import resource
started = [children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)[0]]
started[0].stdout.readline()
server = psutil.Process(started[0].pid).parent()
server.rlimit(resource.RLIMIT_NOFILE, (20, 20))
started += [children.spawn(children.program("program", "sleep"), stdout=subprocess.PIPE)[0] for _ in range(20)]
kinds = {type(process).__name__ for process in started}
for process in started[1:]:
    process.stdout.readline()
for process in started:
    process.kill()
print(sorted(kinds), {process.wait(20) for process in started}, server.is_running())
""")
    assert output == "['ForkedProcess', 'Popen'] {-9} True\n"


def test_a_server_that_stands_still_does_not_start_later_what_was_started_as_usual(driver: Driver) -> None:
    output = driver.run("""
from bench import fork_server
fork_server.requests._START_S = 0.2
process, pipe = children.spawn(children.program("program", "exit", "0"))
process.wait(20)
(server,) = psutil.Process().children()
server.suspend()
print(type(children.spawn(children.program("program", "tell", "x"))[0].wait(20)), flush=True)
server.resume()
time.sleep(0.5)
print(play("exit", "3"))
""")
    assert output.count("x grey") == 1
    assert output.endswith("\n3\n")


def test_what_cannot_be_held_does_not_run(driver: Driver) -> None:
    output = driver.run("""
def no_handle(pid):
    raise OSError("too many open files")
os.pidfd_open = no_handle
try:
    play("later")
except OSError as error:
    print(error)
time.sleep(0.5)
""")
    assert output == "too many open files\n"


def test_the_server_does_not_hold_what_its_parent_was_given(driver: Driver) -> None:
    """Whoever started a run may wait for the end of a pipe, or of a lock, that is not one of the standard streams."""
    reader, writer = os.pipe()
    (driver.folder / "driver.py").write_text(f"{HEAD}\nwith ForkServer({{'program': ()}}):\n    time.sleep(60)\n")
    process = subprocess.Popen([sys.executable, "driver.py"], cwd=driver.folder, pass_fds=(writer,))
    os.close(writer)
    while not (servers := psutil.Process(process.pid).children()):
        pass
    time.sleep(0.3)
    servers[0].suspend()
    process.kill()
    process.wait(20)
    try:
        assert select.select([reader], [], [], 5)[0], "the server holds it"
    finally:
        servers[0].kill()
        os.close(reader)


def test_a_program_that_cannot_begin_says_why(driver: Driver) -> None:
    output = driver.run("""
from pathlib import Path
print(play("tell", folder=Path("nowhere")))
""")
    assert "FileNotFoundError" in output
    assert output.endswith("\n1\n")


def test_ends_are_told_where_whoever_started_us_has_blocked_signals(driver: Driver) -> None:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        output = driver.run('print(play("exit", "3"))')
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert output == "3\n"


def test_its_logs_are_flushed_at_its_end(driver: Driver) -> None:
    assert driver.run('play("log")') == "buffered\n"


def test_many_at_once(driver: Driver) -> None:
    output = driver.run("""
started = [children.spawn(children.program("program", "exit", str(number))) for number in range(40)]
print([process.wait(20) for process, _ in started] == list(range(40)))
""")
    assert output == "True\n"
