"""A person in a shell: types lines that bash or zsh completes by asking nrf91-bench, and what words it gets then."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

SHELLS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "bash": (("bash", "--norc", "--noprofile", "-i"), "true"),
    "zsh": (("zsh", "-f", "-i"), "autoload -Uz compinit; compinit -u -D; unset zle_bracketed_paste"),
}
"""Shell -> its command, and what it needs before it completes words."""
_COMPLETES = "import sys; sys.argv[0] = 'nrf91-bench'; from bench.cli import main; main()"
_KEEPS = "import json, os, sys; open('.words', 'w').write(json.dumps(sys.argv[1:])); os.rename('.words', 'words')"
_PATIENCE_S = 60.0


class TypedShell:
    """A shell whose ``nrf91-bench`` completes words as the real one, and otherwise keeps the words that it gets."""

    def __init__(self, master: int, folder: Path) -> None:
        self._master = master
        self._words = folder / "words"

    def words(self, line: str) -> list[str]:
        """Types the arguments of ``nrf91-bench`` up to a Tab, and Enter; returns the words that the shell has made."""
        os.write(
            self._master, f"nrf91-bench {line}\t\r".encode()
        )  # Enter waits in the terminal until words are completed
        deadline = time.monotonic() + _PATIENCE_S
        while not self._words.exists():
            assert time.monotonic() < deadline, f"{line!r} was not run"
            time.sleep(0.02)
        words: list[str] = json.loads(self._words.read_text())
        self._words.unlink()
        return words


@contextlib.contextmanager
def typed_shell(name: str, folder: Path) -> Iterator[TypedShell]:
    """A shell at a terminal, in a folder, that completes the words of ``nrf91-bench``."""
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "nrf91-bench"
    program.write_text(
        f'#!/bin/sh\n[ -n "$_NRF91_BENCH_COMPLETE" ] && exec {sys.executable} -c "{_COMPLETES}"\n'
        f'exec {sys.executable} -c "{_KEEPS}" "$@"\n'
    )
    program.chmod(0o755)
    command, before = SHELLS[name]
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(folder)}
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (50, 200))
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment, start_new_session=True
    )
    os.close(slave)
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(master, ended))
    reader.start()
    try:
        os.write(master, f'{before}; eval "$(_NRF91_BENCH_COMPLETE=source_{name} nrf91-bench)"; nrf91-bench\r'.encode())
        shell = TypedShell(master, folder)
        deadline = time.monotonic() + _PATIENCE_S
        while not (folder / "words").exists():
            assert time.monotonic() < deadline, f"{name} does not begin"
            time.sleep(0.02)
        (folder / "words").unlink()
        yield shell
    finally:
        process.kill()
        process.wait()
        ended.set()
        reader.join()
        os.close(master)


def _read(master: int, ended: threading.Event) -> None:
    """Takes what the shell shows: a terminal that nobody reads stops it."""
    while not ended.is_set():
        if select.select([master], [], [], 0.1)[0]:
            try:
                os.read(master, 65536)
            except OSError:  # nobody has the other side any more
                return


def is_there(name: str) -> bool:
    """Whether a shell is installed."""
    return shutil.which(name) is not None
