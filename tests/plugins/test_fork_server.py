"""The fork server: a forked program is what ``python -m`` would have made, and nothing survives its end."""

import os
import subprocess
import sys
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
            env={**os.environ, "SHADE": "grey"},
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
print(process.poll(), psutil.Process(process.pid).status())
print(play("exit", "5"))
process.terminate()
print(process.wait(20))
""")
    assert output.splitlines() == ["None sleeping", "5", "-9"]  # how it ended, nobody knows


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


def test_many_at_once(driver: Driver) -> None:
    output = driver.run("""
started = [children.spawn(children.program("program", "exit", str(number))) for number in range(40)]
print([process.wait(20) for process, _ in started] == list(range(40)))
""")
    assert output == "True\n"
