"""Notifications: a message only when something has changed since the last run of the same suites and boards."""

import json
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.firmware import firmware_text
from bench.config.lab import Notify
from bench.errors import LabError, in_words
from bench.evidence import Cause, Summary, group_by_cause
from bench.evidence.outcomes import Outcome
from bench.history import RunRecord, Store
from bench.history.night import night_of, night_text
from bench.number_text import counted
from bench.report.rerun import rerun_command
from bench.visible import visible_line

_SECONDS = 30.0
_NAMED = 10
_CAUSES = 10
_IN_SUBJECT = 3
_COLUMN = 14
PAGE = "verdict.html"


@dataclass(frozen=True)
class Message:
    """What people get: a subject of one line, and a text of plain lines that begins with it."""

    subject: str
    text: str


@dataclass(frozen=True)
class RunChange:
    """The difference between a run and the last run of the same suites and boards.

    Attributes:
        before: verdict of that run; ``never run`` where there was none.
        night: of that run, for a person; empty where there was none.
        now: verdict of this run.
        failing: tests that failed and did not fail then, each with its board.
        cured: tests that failed then and do not fail now.
        firmware: boards with another firmware than then, each with both.
    """

    before: str
    now: str
    failing: Sequence[str]
    cured: Sequence[str]
    night: str = ""
    firmware: Sequence[str] = ()

    @property
    def worth_telling(self) -> bool:
        """True when a verdict or a test has changed."""
        return self.before != self.now or bool(self.failing or self.cured)

    def message(self, summary: Summary, link: str = "") -> Message:
        """Return the message for a mail or a chat.

        Args:
            summary: of the run.
            link: address under which the folder of runs can be read; empty tells the path on this host.
        """
        names = [board.slot for board in summary.under_test] or sorted({result.slot for result in summary.results})
        boards = ", ".join(names) if len(names) <= _IN_SUBJECT else counted(len(names), "board")
        mark = " (SIMULATED)" if summary.simulated else ""
        was = f"{self.before} in the night of {self.night}" if self.night else self.before
        subject = visible_line(f"nrf91-bench: {self.now}{mark}, was {was}: {boards or 'no board'}")
        lines = [_line(word, text) for word, text in self._lines(summary, link)]
        return Message(subject, "\n".join([subject, "", *lines]) + "\n")

    def _lines(self, summary: Summary, link: str) -> Iterator[tuple[str, str]]:
        """Yield the words and texts of the lines; an empty word goes on with what stands above."""
        yield "verdict", f"{summary.verdict}: {summary.reason}"
        for board in summary.under_test:
            yield "board", f"{board.slot}   {board.model}   {board.firmware}{'   SIMULATED' * board.simulated}"
        for text in self.firmware:
            yield "changed", text
        yield from _listed("fails now", self.failing)
        yield from _listed("works", self.cured)
        causes = group_by_cause(summary.results)
        for cause in causes[:_CAUSES]:
            yield "", ""
            yield from _cause_lines(cause, summary)
        if len(causes) > _CAUSES:
            yield "", f"and {counted(len(causes) - _CAUSES, 'cause')} more: see the report"
        yield "", ""
        yield "report", _report_of(summary, link)


def _line(word: str, text: str) -> str:
    return f"{word:<{_COLUMN}}{visible_line(text)}".rstrip()


def _listed(word: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts[:_NAMED]):
        yield "" if number else word, text
    if len(texts) > _NAMED:
        yield "", f"and {len(texts) - _NAMED} more"


def _cause_lines(cause: Cause, summary: Summary) -> Iterator[tuple[str, str]]:
    first = cause.first
    more = f" and {counted(len(cause.tests) - 1, 'more test')}" if len(cause.tests) > 1 else ""
    yield first.outcome.word, f"{cause.boards}   {first.test}{more}"
    yield "", cause.headline
    if first.place:
        yield "", f"at {first.place}"
    if first.test in summary.earlier:
        yield "", summary.earlier[first.test]
    again = rerun_command(summary.command, cause.results)
    if again:
        yield "again", again


def _report_of(summary: Summary, link: str) -> str:
    """Return the address of the verdict's page, or its path on this host."""
    folder = summary.folder or Path(summary.run)
    return f"{link.rstrip('/')}/{folder.name}/{PAGE}" if link else f"{folder / PAGE} on {socket.gethostname()}"


def change_since(store: Store, run: RunRecord) -> RunChange:
    """Return the difference between a run and the last run before it of the same suites and boards."""
    before = store.last_alike(run)
    failing = _find_failing(run)
    if before is None:
        return RunChange("never run", run.verdict, sorted(failing), [])
    earlier = _find_failing(before)
    ran = (f"{result.test} on {result.slot}" for result in run.results)
    night = night_text(night_of(before.started, store.night_ends), store.night_ends)
    new, cured = sorted(failing - earlier), sorted((earlier - failing).intersection(ran))
    return RunChange(before.verdict, run.verdict, new, cured, night, _new_firmware(before, run))


def _find_failing(run: RunRecord) -> set[str]:
    return {f"{result.test} on {result.slot}" for result in run.results if result.outcome == Outcome.FAILED}


def _new_firmware(before: RunRecord, now: RunRecord) -> list[str]:
    had, have = _firmware(before), _firmware(now)
    return [
        f"{slot}: {had[slot]} before, now {text}" for slot, text in have.items() if slot in had and had[slot] != text
    ]


def _firmware(run: RunRecord) -> dict[str, str]:
    return {
        board.slot: firmware_text(board.modem_firmware, board.application, board.application_version)
        for board in run.boards
        if board.modem_firmware
    }


def notify(section: Notify, message: Message) -> None:
    """Send a message to the command and the webhook of the lab's configuration.

    Raises:
        LabError: The command failed, or the webhook refused the message.
    """
    if section.command is not None:
        command = [word.replace("{subject}", message.subject) for word in section.command]
        try:
            subprocess.run(command, input=message.text, text=True, capture_output=True, timeout=_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise LabError(f"[notify] the command failed: {_why(error)}") from error
    if section.webhook:
        data = json.dumps({"text": message.text}).encode()
        request = urllib.request.Request(section.webhook, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                answer.read(1)
        except (OSError, ValueError) as error:
            raise LabError(f"[notify] the webhook failed: {_why(error)}") from error


def _why(error: Exception) -> str:
    """Return why a command or a webhook failed, without its words or address: a part of it may be a secret."""
    match error:
        case urllib.error.HTTPError():
            return f"it answered {error.code} {error.reason}"
        case urllib.error.URLError(reason=Exception() as reason):
            return in_words(reason)
        case subprocess.CalledProcessError():
            last = (error.stderr or "").strip().splitlines()
            return f"it ended with {error.returncode}{f': {last[-1]}' if last else ''}"
        case subprocess.TimeoutExpired():
            return f"it took more than {_SECONDS:g} s"
        case _:
            return in_words(error)
