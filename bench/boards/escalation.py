"""Escalation: the steps for a board that does not answer, from the gentlest to the strongest, each reported, bounded.

1. ``+++`` and a closing quote at the configured baud rate (:func:`~bench.boards.recovery.synchronise`)
2. the same at other baud rates
3. its firmware's reset command (``AT#XRESET``), written blindly
4. the lab's own command that resets the board through its debug probe
5. the lab's own command that takes its power away and gives it back

A modem that is reset too often refuses to attach, so resets have a budget. A board left in a command that never ends
hears nothing: only the lab's commands help it.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.at import AtLink, PortLost, PortNotFound
from bench.boards.lab_command import LabCommand
from bench.boards.recovery import BoardSilent, BoardUnusable, synchronise
from bench.boards.spec import BoardSpec
from bench.config.lab import Recovery
from bench.errors import LabError
from bench.modem.dialects import DIALECTS, ready_lines, reset_commands

_SCAN_SECONDS = 2.5
# A board says Ready some two seconds after a reset; after a power cycle its USB bridge starts as well.
_BOOT_SECONDS = 10.0
OpenLink = Callable[[int], AtLink]
"""Opens the board's port, wherever it is now, at a baud rate."""


class Announce(Protocol):
    """A function that reports a step; ``reset`` when the board is about to be reset."""

    def __call__(self, text: str, *, reset: bool = False) -> None:
        """Report the step."""


@dataclass
class ResetBudget:
    """The number of resets that a board may still get."""

    left: int

    def take(self) -> bool:
        """Take one; return True when there was one left."""
        self.left -= 1
        return self.left >= 0


class Escalation:
    """The steps that bring one board back."""

    def __init__(self, spec: BoardSpec, recovery: Recovery, budget: ResetBudget, announce: Announce) -> None:
        self._spec = spec
        self._recovery = recovery
        self._budget = budget
        self._announce = announce

    def recover(self, open_link: OpenLink, failure: BoardUnusable) -> AtLink:
        """Return a link that is in step; ``failure`` is why the first step, synchronise, did not do.

        Raises:
            BoardSilent: no step helped; names the steps that were tried, and those that the lab could add. A failure
                with ``rate_is_right`` keeps its class.
            LabError: its port cannot be opened any more.
        """
        tried = ["+++ and a closing quote"]
        link = None if failure.rate_is_right else self._scan(open_link, tried)
        if link is not None:
            return link
        steps = (
            (" or ".join(reset_commands()), lambda: self._reset_by_command(open_link)),
            ("the lab's reset command", self._hook("reset", self._recovery.reset)),
            ("the lab's power cycle", self._hook("power_cycle", self._recovery.power_cycle)),
        )
        for name, action in steps:
            if action is None:
                continue
            if not self._budget.take():
                tried.append(f"no {name}: this run's resets are used up (limits.resets in bench.toml)")
                break
            tried.append(name)
            self._announce(f"{self._spec.slot} does not answer: {name}", reset=True)
            action()
            link = self._answering(open_link, self._spec.baudrate, _BOOT_SECONDS)
            if link is not None:
                self._announce(f"{self._spec.slot} answers again after {name}")
                return link
        text = f"{failure}\n    tried: {', '.join(tried)}{self._missing()}"
        kind = type(failure) if failure.rate_is_right else BoardSilent
        raise kind(text, rate_is_right=failure.rate_is_right) from failure

    def _missing(self) -> str:
        if self._recovery.reset or self._recovery.power_cycle:
            return ""
        return (
            "\n    a board left in a command that never ends hears nothing; give the bench a command that resets it"
            " ([recovery] reset, or power_cycle, in bench.toml)"
        )

    def _scan(self, open_link: OpenLink, tried: list[str]) -> AtLink | None:
        rates = [rate for rate in self._recovery.baudrates if rate != self._spec.baudrate]
        if self._spec.port.startswith(("tcp://", "replay:")):
            return None  # the rate is the server's affair
        for rate in rates:
            link = self._answering(open_link, rate, _SCAN_SECONDS)
            if link is not None:
                self._announce(
                    f"{self._spec.slot} answers at {rate} baud, not at {self._spec.baudrate}: set baudrate = {rate} in"
                    " bench.toml"
                )
                return link
        tried.append(f"baud rates {', '.join(map(str, rates))}")
        return None

    def _answering(self, open_link: OpenLink, rate: int, seconds: float) -> AtLink | None:
        link = self._reopen(open_link, rate, seconds)
        try:
            synchronise(link, timeout=seconds)
        except (BoardUnusable, PortLost):
            link.close()
            return None
        except BaseException:
            link.close()
            raise
        return link

    @staticmethod
    def _reopen(open_link: OpenLink, rate: int, seconds: float) -> AtLink:
        """Open the port of a board that restarts and may leave the bus for a while."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return open_link(rate)
            except PortNotFound:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _reset_by_command(self, open_link: OpenLink) -> None:
        link = open_link(self._spec.baudrate)
        try:
            with contextlib.suppress(PortLost):  # some boards leave the bus while they restart
                link.write_raw(link.dialect.data_mode_terminator + b'"' + link.dialect.terminator + _blind_resets())
                link.listen(lambda data: any(line in data for line in ready_lines()), timeout=5.0)
        finally:
            link.close()

    def _hook(self, name: str, command: tuple[str, ...] | None) -> Callable[[], None] | None:
        if command is None:
            return None
        hook = LabCommand(f"[recovery] {name}", command, self._recovery.hook_seconds)
        return lambda: self._run(hook)

    def _run(self, hook: LabCommand) -> None:
        try:
            hook.run(self._spec)
        except LabError as error:
            self._announce(str(error))


def _blind_resets() -> bytes:
    """Return each reset command with CR LF, which builds that want CR take too, and with LF for those that want LF."""
    return b"".join(
        dict.fromkeys(
            dialect.reset.encode() + terminator
            for dialect in DIALECTS
            for terminator in (b"\r\n", b"\n")
            if terminator in dialect.terminators or terminator == b"\r\n"
        )
    )
