"""A lab whose runs program their boards."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.images import STAND_IN
from tests.support.lab import COMMAND, GOOD, Finished, Lab


class FlashLab(Lab):
    """A lab whose boards are simulated ones of a simulator of its own, so that they outlive a run."""

    def __init__(self, folder: Path, control: Path, boards: Sequence[dict[str, str]]) -> None:
        super().__init__(folder)
        self.control = control
        self.boards = boards
        self.program()

    def program(self, *options: str, shell: str = "", flash: str = "") -> None:
        """Says how the boards are programmed."""
        words = [*STAND_IN, "--control", str(self.control), *options, "device", "program", "--firmware", "{image}"]
        words += ["--serial-number", "{id}", "--options", "reset=RESET_SYSTEM"]
        if shell:
            words = ["/bin/sh", "-c", f"{shell} exec {' '.join(words)}"]
        text = f'[flash]\nprogrammer = "command"\ncommand = {json.dumps(words)}\nretries = 0\n{flash}\n'
        for number, board in enumerate(self.boards, 1):
            text += f'[[boards]]\nname = "dk-{number}"\nport = "{board["port"]}"\nprogrammer_id = "{board["board"]}"\n'
        (self.folder / "bench.toml").write_text(text)

    def played(self, *arguments: str, suite: str = GOOD, name: str = "out") -> Finished:
        self.out = self.folder / name
        return self.run(suite, ("--config", "bench.toml", *arguments))

    def begun(self, *arguments: str, suite: str = GOOD, name: str = "out") -> "subprocess.Popen[str]":
        self.out = self.folder / name
        command = self.command(suite, ("--config", "bench.toml", *arguments))
        return subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )

    def until_erased(self, name: str = "dk-1") -> None:
        """Waits until a board's programmer has erased it."""
        log = self.out / f"flash-{name}.txt"
        deadline = time.monotonic() + 60
        while "erasing" not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def says(self, name: str = "dk-1") -> str:
        """What a board says of its firmware."""
        words = [*COMMAND, "boards", "--json", "--probe", "--config", "bench.toml"]
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, env=self.environment, check=True, timeout=60
        )
        return next(str(row["firmware"]) for row in json.loads(done.stdout) if row["name"] == name)
