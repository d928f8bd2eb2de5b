"""The history: what goes in comes out, once, whatever happens; how other hosts' runs join."""

import subprocess

from bench.history import Store
from tests.support.lab import COMMAND, Lab


class TestRuns:
    """Whole runs on simulated boards."""

    def test_a_run_is_remembered_and_importing_it_again_adds_nothing(self, lab: Lab) -> None:
        history = lab.folder / "history.sqlite"
        run = lab.run(arguments=("--simulate", "1", "--history", str(history)))
        assert run.code == 0
        again = self.command("history", "import", str(run.folder), "--history", str(history))
        assert "was there   2 results, 1 measurements" in again
        listed = self.command("history", "list", "--history", str(history))
        assert listed.count("out  simulated-1: mfw_nrf91x1_2.0.2, SLM 3.1.0") == 1

    def test_a_history_that_cannot_be_written_changes_no_verdict(self, lab: Lab) -> None:
        history = lab.folder / "history.sqlite"
        suite = f"from pathlib import Path\n\ndef test_a(modem):\n    Path({str(history)!r}).mkdir()\n"
        run = lab.run(suite, ("--simulate", "1", "--history", str(history)))
        assert (run.code, run.summary["verdict"]) == (0, "PASSED")
        assert "history   " in run.output

    def test_a_killed_run_can_be_imported_from_its_stream(self, lab: Lab) -> None:
        history = lab.folder / "history.sqlite"
        process = lab.start(
            "import time\ndef test_first(modem):\n    pass\ndef test_long(modem):\n    time.sleep(60)\n"
        )
        lab.until("start", "test_long")
        process.kill()
        process.communicate()
        self.command("history", "import", str(lab.out), "--history", str(history))
        with Store(history) as store:
            rows = dict(store.rows("SELECT test, outcome FROM results"))
        assert rows == {"test_lab.py::test_first": "passed", "test_lab.py::test_long": "died"}

    @staticmethod
    def command(*arguments: str) -> str:
        finished = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True)
        return finished.stdout
