"""The tests of one board: a pytest process of their own, which dies with its parent and has the board's lease."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import children
from bench.boards import BoardSpec, Lease, inherited
from bench.config.lab import Config
from bench.run.suites import SuiteSelection, pytest_command
from bench.session.earlier import Earlier

# A test that hangs beyond every command's own timeout is ended, shown as failed, and the run goes on.
_TEST_SECONDS = 600
_CHANGES_PYTHON = ("PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONINSPECT")
PROGRAMS: Mapping[str, Sequence[str]] = {
    "pytest": (
        "bench.session.ending",
        "bench.session.lab_view",
        "bench.session.opening",
        "bench.session.provisioned",
        "bench.session.rai_rounds",
        "bench.session.secure_transport",
        "bench.session.session_meter",
        "bench.session.session_peers",
        "bench.session.turn",
        "bench.report.compiled",
        "bench.report.titles",
        "allure",
        "allure_commons.logger",
        "allure_commons.reporter",
        "doctest",
        "pytest",
    ),
    "bench.peers": ("bench.peers.service",),
    "bench.measure.reflector": (),
}
"""The programs of a run that a :class:`bench.fork_server.ForkServer` can fork, and what it imports for each of them.

Plugins and suites are not among the imports: pytest must import them itself, as it rewrites their asserts.
"""
_REGISTER_SECONDS = 900  # the longest of any profile: a first scan of NB-IoT


@dataclass(frozen=True)
class Worker:
    """One process.

    Attributes:
        spec: the board.
        round: which of the run's rounds it plays.
        attempt: 1, or 2 for tests that are tried again.
        process: pytest.
        pipe: holds it alive; to be closed when it has ended.
        log: what pytest prints.
    """

    spec: BoardSpec
    round: int
    attempt: int
    process: children.Process
    pipe: int
    log: Path


@dataclass(frozen=True)
class Workers:
    """Starts the processes of a run.

    Attributes:
        folder: the run's.
        selection: of suites.
        config: the file of the lab, if it has one.
        lab: what it says.
        arguments: for pytest.
        plan: the file of the plan, if there is one.
        peer_name: a name of the peers, if they have one.
        limits: a file of further limits, if there is one.
    """

    folder: Path
    selection: SuiteSelection
    config: Path | None
    lab: Config
    arguments: tuple[str, ...] = ()
    plan: Path | None = None
    peer_name: str | None = None
    limits: Path | None = None

    def start(
        self, spec: BoardSpec, lease: Lease, number: int, again: Sequence[str] = (), known: Earlier | None = None
    ) -> Worker:
        """Start a round of a board's tests, or a second attempt at some of them.

        Args:
            spec: the board.
            lease: of the board.
            number: of the round.
            again: the tests of a second attempt.
            known: what the run knows of the board; None when it has just begun.
        """
        turn = f"-round-{number}" if number > 1 else ""
        attempt = 2 if again else 1
        log = self.folder / f"console-{spec.slot}{turn}{'-again' if again else ''}.txt"
        tests = [self.selection.locate(test) for test in again]
        handed_over = self.folder / f".{spec.slot}.earlier.json"
        if known is not None:
            known.hand_over(handed_over)
        command = [
            *pytest_command(self.selection, tests, spec, self.folder, self.config),
            *(f"--timeout={self._patience(spec):.0f}", "-o", "timeout_method=signal"),
            *((f"--bench-peer-name={self.peer_name}",) if self.peer_name else ()),
            *((f"--bench-plan={self.plan.resolve()}",) if self.plan else ()),
            *((f"--bench-limits={self.limits.resolve()}",) if self.limits else ()),
            *((f"--bench-attempt={attempt}",) if attempt > 1 else ()),
            *((f"--bench-round={number}",) if number > 1 else ()),
            *((f"--bench-earlier={handed_over}",) if known is not None else ()),
            *self.arguments,
        ]
        # pytest's own output may show a board's identity in an assertion: for its owner's eyes only.
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as output:
            process, pipe = children.spawn(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                environment={**_plain_environment(), **inherited([lease])},
                pass_fds=(lease.fd,) if lease.fd >= 0 else (),
            )
        return Worker(spec, number, attempt, process, pipe, log)

    def _patience(self, spec: BoardSpec) -> float:
        """Return the seconds after which a test counts as hanging: the first of a board waits for its network."""
        network = self.lab.network
        waits = (network.registration_timeout or _REGISTER_SECONDS) + 2 * network.survey_nat_seconds
        return _TEST_SECONDS + (waits if spec.hardware else network.registration_timeout or 0.0)


def _plain_environment() -> dict[str, str]:
    """Return an environment that neither removes nor changes tests unseen, nor takes their asserts away."""
    return {name: "" for name in os.environ if name.startswith("PYTEST_") or name in _CHANGES_PYTHON}
