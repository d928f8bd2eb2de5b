"""Notifications: a message only when something has changed since the last run of the same boards."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from bench.config.lab import Notify
from bench.errors import LabError
from bench.evidence import Outcome
from bench.evidence.summary import Summary
from bench.history import RunRecord, Store

_SECONDS = 30.0
_NAMED = 10


@dataclass(frozen=True)
class RunChange:
    """The difference between a run and the last run of the same boards."""

    before: str
    now: str
    failing: Sequence[str]
    cured: Sequence[str]

    @property
    def worth_telling(self) -> bool:
        """True when anything has changed."""
        return self.before != self.now or bool(self.failing or self.cured)

    def text(self, summary: Summary) -> str:
        """Return the text of a mail or a chat message."""
        mark = " (SIMULATED)" if summary.simulated else ""
        lines = [f"nrf91-bench: {self.now}{mark}, was {self.before}", summary.reason]
        for word, tests in (("fails now", self.failing), ("works again", self.cured)):
            lines += [f"{word}: {test}" for test in tests[:_NAMED]]
            if len(tests) > _NAMED:
                lines.append(f"{word}: {len(tests) - _NAMED} more")
        return "\n".join(lines) + "\n"


def change_since(store: Store, run: RunRecord) -> RunChange:
    """Return the difference between a run and the last run before it on the same boards."""
    before = store.last_of(sorted(board.identity for board in run.boards), simulated=run.simulated, besides=run.uid)
    failing = _find_failing(run)
    if before is None:
        return RunChange("never run", run.verdict, sorted(failing), [])
    earlier = _find_failing(before)
    ran = {f"{result.test} on {result.slot}" for result in run.results}
    return RunChange(before.verdict, run.verdict, sorted(failing - earlier), sorted((earlier - failing) & ran))


def _find_failing(run: RunRecord) -> set[str]:
    return {f"{result.test} on {result.slot}" for result in run.results if result.outcome == Outcome.FAILED}


def notify(section: Notify, text: str) -> None:
    """Send a message to the command and the webhook of the lab's configuration.

    Raises:
        LabError: The command failed, or the webhook refused the message.
    """
    if section.command is not None:
        try:
            subprocess.run(section.command, input=text, text=True, capture_output=True, timeout=_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise LabError(f"[notify] the command failed: {error}") from error
    if section.webhook:
        data = json.dumps({"text": text}).encode()
        request = urllib.request.Request(section.webhook, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                answer.read(1)
        except (OSError, urllib.error.URLError, ValueError) as error:
            raise LabError(f"[notify] the webhook failed: {error}") from error
