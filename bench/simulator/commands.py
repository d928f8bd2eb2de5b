"""The registry of commands: a decorator names what a method handles, a table finds the method for a command.

A command has up to four forms, each with its own handler: ``AT+X``, ``AT+X=...``, ``AT+X?`` and ``AT+X=?``. Handlers
are methods of command families, objects that hold what their commands need; each takes the parameters and returns
nothing, because it prints its lines itself.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError

RUN, SET, READ, TEST = "", "=", "?", "=?"
"""The forms of a command, by what stands behind its name."""

Handler = Callable[[Parameters], Awaitable[None]]
Method = TypeVar("Method", bound=Callable[..., Awaitable[None]])

_MARK = "_commands_handled"


def command(name: str, *forms: str) -> Callable[[Method], Method]:
    """Register a method as the handler of some forms of a command."""

    def mark(method: Method) -> Method:
        handled: list[tuple[str, str]] = getattr(method, _MARK, [])
        setattr(method, _MARK, [*handled, *((name, form) for form in forms)])
        return method

    return mark


@dataclass(frozen=True)
class Grammar:
    """The shape of the commands of one family.

    Attributes:
        pattern: matches a whole command without its ``AT``. Group 1 is the name, group 2 is ``?``, ``=?``, nothing, or
            an equals sign and the parameters.
        any_case: whether the name may be written in small letters too.
    """

    pattern: re.Pattern[str]
    any_case: bool = False

    @classmethod
    def of(cls, name: str, *, any_case: bool = False) -> "Grammar":
        """Return the usual grammar for names that match a regular expression."""
        return cls(re.compile(rf"({name})(=\?|\?|=.*|)$", re.DOTALL), any_case)


class CommandHandlers:
    """The handlers of a firmware by the name and form of their commands."""

    def __init__(self, grammars: Iterable[Grammar], families: Iterable[object]) -> None:
        self._grammars = tuple(grammars)
        self._handlers: dict[tuple[str, str], Handler] = {}
        for family in families:
            self._add(family)

    def _add(self, family: object) -> None:
        for attribute in dir(type(family)):
            for key in getattr(getattr(type(family), attribute), _MARK, ()):
                self._handlers[key] = getattr(family, attribute)

    def remove(self, names: Iterable[str]) -> None:
        """Forget all forms of some commands: a build that does not have them."""
        gone = set(names)
        self._handlers = {key: handler for key, handler in self._handlers.items() if key[0] not in gone}

    @property
    def names(self) -> list[str]:
        """The names of all commands, in the order of the alphabet."""
        return sorted({name for name, _ in self._handlers})

    def find(self, text: str) -> tuple[Handler, Parameters]:
        """Return the handler and the parameters of a command without its ``AT``.

        Raises:
            AtError: there is no such command or form, or the parameters cannot be read.
        """
        for grammar in self._grammars:
            match = grammar.pattern.match(text)
            if match is not None:
                name = match[1].upper() if grammar.any_case else match[1]
                return self._handler(name, match[2])
        raise AtError

    def _handler(self, name: str, rest: str) -> tuple[Handler, Parameters]:
        sets = rest.startswith(SET) and rest != TEST
        handler = self._handlers.get((name, SET if sets else rest))
        if handler is None:
            raise AtError
        return handler, Parameters.parse(rest[1:].encode("latin-1")) if sets else Parameters(())
