"""The simulator's registry of commands and its printing, without a board."""

import asyncio

import pytest

from bench.simulator.commands import READ, RUN, SET, TEST, CommandHandlers, Grammar, Handler, command
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError


class Family:
    """Commands that note how they were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @command("#XA", RUN, SET)
    async def set_a(self, parameters: Parameters) -> None:
        self.calls.append(f"set {len(parameters)}")

    @command("#XA", READ)
    async def read_a(self, _: Parameters) -> None:
        self.calls.append("read")

    @command("#XA", TEST)
    async def describe_a(self, _: Parameters) -> None:
        self.calls.append("test")

    @command("+CB", READ)
    async def read_b(self, _: Parameters) -> None:
        self.calls.append("read b")


def call_handler(handler: Handler, parameters: Parameters) -> None:
    async def call() -> None:
        await handler(parameters)

    asyncio.run(call())


GRAMMARS = (Grammar.of(r"\+[A-Z]+|\+[a-z]+", any_case=True), Grammar.of("#X[A-Z]+"))


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("#XA", "set 0"),
        ("#XA=1,2", "set 2"),
        ("#XA=", "set 1"),
        ("#XA?", "read"),
        ("#XA=?", "test"),
        ("+CB?", "read b"),
        ("+cb?", "read b"),
    ],
)
def test_each_form_has_its_handler(text: str, call: str) -> None:
    family = Family()
    handler, parameters = CommandHandlers(GRAMMARS, [family]).find(text)
    call_handler(handler, parameters)
    assert family.calls == [call]


@pytest.mark.parametrize("text", ["#XB", "#xa", "#XA?1", "#XA=01", "+CB", "+CB=?", "+CB=1", "XA", "", "E1"])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(AtError):
        CommandHandlers(GRAMMARS, [Family()]).find(text)


def test_a_later_family_replaces_a_handler() -> None:
    class Other:
        @command("+CB", READ)
        async def read_b(self, _: Parameters) -> None:
            raise AtError

    handler, parameters = CommandHandlers(GRAMMARS, [Family(), Other()]).find("+CB?")
    with pytest.raises(AtError):
        call_handler(handler, parameters)


class Line:
    """A UART that keeps what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


@pytest.mark.parametrize(
    ("blank_line", "answer"),
    [(True, b"\r\nA\r\n\r\nB\r\n\r\nOK\r\n"), (False, b"\r\nA\r\n\r\nB\r\nOK\r\n")],
)
def test_an_empty_line_before_the_result_is_a_habit_of_the_firmware(blank_line: bool, answer: bytes) -> None:
    line = Line()
    output = Output(line, blank_line=blank_line)
    output.say("A")
    output.say(b"B")
    output.finish_answer("OK")
    assert line.sent == answer


def test_urcs_wait_while_they_are_held() -> None:
    line = Line()
    output = Output(line)
    output.urc("one")
    output.hold_urcs()
    output.urc("two")
    output.say("A")
    output.finish_answer("OK")
    output.urc(b"three\r\nraw")
    assert line.sent == b"\r\none\r\n\r\nA\r\n\r\nOK\r\n"
    line.sent = b""
    output.release_urcs()
    output.urc("four")
    assert line.sent == b"\r\ntwo\r\n\r\nthree\r\nraw\r\n\r\nfour\r\n"
