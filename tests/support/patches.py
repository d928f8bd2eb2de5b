"""Patches of the simulated board: how a fault changes its behaviour. The product knows nothing of them."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.simulator import dialects, transfer
from bench.simulator.commands import RUN, SET, CommandHandlers, Handler
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.transfer import ReceiveRequest

Patch = Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """A wrong behaviour, and the scenarios (``file::test`` below tests_hil) of which every one must fail."""

    patch: Patch
    scenarios: tuple[str, ...]
    firmware: str = "slm-3.1"


def says(pattern: str, replacement: str) -> Patch:
    """Change information lines."""

    def patch() -> None:
        original = Output.say

        def say(self: Output, line: str | bytes) -> None:
            text = line if isinstance(line, str) else line.decode("latin-1")
            changed = re.sub(pattern, replacement, text)
            if changed:
                original(self, changed)

        Output.say = say  # type: ignore[method-assign]

    return patch


def command(name: str, change: Callable[[Handler], Handler], *forms: str) -> Patch:
    """Give some forms of a command, at first those that do something, another handler."""

    def patch() -> None:
        original = CommandHandlers.__init__

        def init(self: CommandHandlers, *arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
            original(self, *arguments)
            for form in forms or (RUN, SET):
                self._handlers[name, form] = change(self._handlers.get((name, form), error))

        CommandHandlers.__init__ = init  # type: ignore[assignment, method-assign]

    return patch


def attribute(owner: object, name: str, value: Any) -> Patch:  # noqa: ANN401 - whatever the owner holds
    """Replace an attribute of a module or class."""
    return lambda: setattr(owner, name, value)


def profile(**changes: object) -> Patch:
    """Change the rows of the firmware profiles."""

    def patch() -> None:
        for name, row in dialects.FIRMWARES.items():
            changed = replace(row.profile, **changes)  # type: ignore[arg-type]
            dialects.FIRMWARES[name] = replace(row, profile=changed)

    return patch


async def error(_: Parameters) -> None:
    """Answer ERROR."""
    raise AtError


def nothing(_: Handler) -> Handler:
    """Answer OK, and do nothing."""

    async def do_nothing(_: Parameters) -> None:
        pass

    return do_nothing


def swallowing(handler: Handler) -> Handler:
    """Answer OK instead of ERROR."""

    async def run_it(parameters: Parameters) -> None:
        with contextlib.suppress(Refused):
            await handler(parameters)

    return run_it


def wrapped(owner: object, name: str, change: Callable[[Any], Any]) -> Patch:
    """Replace an attribute of a module or class by what ``change`` makes of it."""
    return lambda: setattr(owner, name, change(getattr(owner, name)))


def receive_with(change: Callable[[ReceiveRequest], ReceiveRequest]) -> Patch:
    """Receive as another request would."""

    def patch() -> None:
        original = transfer._receive_some

        async def receive(channel: Any, request: ReceiveRequest) -> Any:  # noqa: ANN401
            return await original(channel, change(request))

        transfer._receive_some = receive

    return patch
