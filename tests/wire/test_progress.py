"""How far a run is, and how a terminal of any width shows it."""

import io
from collections.abc import Iterator, Mapping

import pyte
import pytest
from rich.console import Console, ConsoleDimensions
from rich.text import Text

from bench.cli.console import RunConsole
from bench.cli.live_lines import LiveLines
from bench.cli.progress import ProgressLines
from bench.evidence.rows import AnyRow
from tests.support.rows import row


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plan(tests: Mapping[str, int], slot: str = "dk-1", number: int = 1) -> Iterator[AnyRow]:
    for name, expected_ms in tests.items():
        suite, _, test = name.partition("__")
        yield row("plan", test=f"test_{suite}.py::test_{test}", slot=slot, round=number, expected_ms=expected_ms)


def begin(name: str, slot: str = "dk-1", number: int = 1) -> AnyRow:
    suite, _, test = name.partition("__")
    return row("start", test=f"test_{suite}.py::test_{test}", slot=slot, round=number)


def finish(name: str, outcome: str = "passed", slot: str = "dk-1", number: int = 1, ms: int = 1000) -> AnyRow:
    suite, _, test = name.partition("__")
    facts = {"outcome": outcome, "duration_ns": ms * 1_000_000}
    return row("finish", test=f"test_{suite}.py::test_{test}", slot=slot, round=number, **facts)


def played(clock: Clock, *parts: AnyRow | Iterator[AnyRow]) -> ProgressLines:
    progress = ProgressLines(clock)
    for part in parts:
        for one in part if isinstance(part, Iterator) else (part,):
            progress.take(one)
    return progress


class TestLines:
    def test_it_says_first_how_much_is_done_and_what_runs(self, clock: Clock) -> None:
        rows = (plan({"dns__a": 0, "dns__b": 0, "udp__c": 0}), finish("dns__a", "failed"), begin("dns__b"))
        first, suites = played(clock, *rows).lines(100)
        assert first == "running   1/3   1 failed   0:00   dns: test_b"
        assert suites == "          dns 1/2   udp 0/1"

    def test_no_line_is_wider_than_the_terminal(self, clock: Clock) -> None:
        rows = [plan({f"suite{n}__{'x' * 40}": 0 for n in range(40)}), begin(f"suite0__{'x' * 40}")]
        progress = played(clock, *rows)
        for width in (20, 40, 60, 100, 200):
            assert max(map(len, progress.lines(width))) <= width
            assert progress.lines(width)[0].startswith("running   0/40")
        assert progress.lines(60)[1].endswith("more suites")

    def test_before_the_plan_it_is_starting(self, clock: Clock) -> None:
        assert played(clock).lines(80) == ["running   starting   0:00"]

    def test_what_takes_long_has_its_time(self, clock: Clock) -> None:
        progress = played(clock, plan({"dns__a": 0}), begin("dns__a"))
        clock.now += 65
        assert progress.lines(80)[0] == "running   0/1   1:05   dns: test_a  65 s"

    def test_several_boards_have_a_line_each(self, clock: Clock) -> None:
        boards = [plan({"dns__a": 0, "dns__b": 0}, f"dk-{n}") for n in (1, 2)]
        rows = (*boards, finish("dns__a", "lab_error", "dk-2"), begin("dns__a", "dk-1"))
        first, one, two = played(clock, *rows).lines(100)
        assert first == "running   1/4   1 lab error   0:00   2 boards"
        assert one.split() == ["dk-1", "0/2", "dns:", "test_a"]
        assert two.split() == ["dk-2", "1/2", "1", "not", "passed"]

    def test_many_boards_fold_to_those_that_are_longest_at_one_thing(self, clock: Clock) -> None:
        progress = played(clock, *(plan({"dns__a": 0}, f"dk-{n:02}") for n in range(30)))
        for n in range(30):
            clock.now += 1
            progress.take(begin("dns__a", f"dk-{29 - n:02}"))
        lines = progress.lines(100)
        assert [line.split()[0] for line in lines[1:9]] == [f"dk-{n}" for n in range(22, 30)]
        assert lines[9].strip() == "and 22 more boards"

    def test_further_rounds_count_before_they_begin(self, clock: Clock) -> None:
        turns = row("run", turns=[(1, ["dk-1"]), (2, ["dk-1"]), (3, ["dk-1"])])
        assert played(clock, turns, plan({"dns__a": 0, "dns__b": 0})).planned == 6

    def test_a_second_attempt_is_not_a_further_test(self, clock: Clock) -> None:
        rows = (plan({"dns__a": 0, "dns__b": 0}), finish("dns__a", "lab_error"), finish("dns__a"))
        assert played(clock, *rows).lines(80)[0].startswith("running   1/2   0:00")


class TestTimeLeft:
    def test_it_follows_what_tests_took_before(self, clock: Clock) -> None:
        quick = {f"dns__q{n}": 1000 for n in range(6)}
        progress = played(clock, plan({**quick, "latency__slow": 60_000}))
        for name in quick:
            clock.now += 1
            progress.take(finish(name))
        assert progress.seconds_left() == pytest.approx(60)
        assert "0:06, about 1:00 left" in progress.lines(80)[0]

    def test_tests_that_never_ran_count_as_the_others_took(self, clock: Clock) -> None:
        progress = played(clock, plan({f"dns__t{n}": 0 for n in range(20)}))
        for n in range(10):
            clock.now += 2
            progress.take(finish(f"dns__t{n}", ms=2000))
        assert progress.seconds_left() == pytest.approx(20)

    def test_boards_of_one_turn_run_beside_each_other_and_turns_one_after_the_other(self, clock: Clock) -> None:
        tests = {f"dns__t{n}": 1000 for n in range(10)}
        turns = row("run", turns=[(1, ["dk-1", "dk-2"]), (2, ["dk-1", "dk-2"])])
        progress = played(clock, turns, plan(tests, "dk-1"), plan(tests, "dk-2"))
        for name in tests:
            clock.now += 1
            progress.take(finish(name, slot="dk-1"))
            progress.take(finish(name, slot="dk-2"))
        assert progress.seconds_left() == pytest.approx(10)

    def test_nobody_can_say_at_the_beginning_or_while_nothing_ends(self, clock: Clock) -> None:
        progress = played(clock, plan({f"dns__t{n}": 1000 for n in range(20)}))
        assert progress.seconds_left() is None
        for n in range(10):
            clock.now += 1
            progress.take(finish(f"dns__t{n}"))
        assert progress.seconds_left() is not None
        clock.now += 61
        assert progress.seconds_left() is None


class Terminal:
    """A terminal of a width that can change, with what it shows; it breaks lines that become too long anew."""

    def __init__(self, columns: int, rows: int = 12) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._output = io.StringIO()
        self.console = Console(file=self._output, force_terminal=True, width=columns, height=rows, soft_wrap=True)

    def shown(self) -> list[str]:
        self._stream.feed(self._output.getvalue().replace("\n", "\r\n"))
        self._output.seek(0)
        self._output.truncate()
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def narrow_to(self, columns: int) -> None:
        lines = self.shown()
        broken = [line[start : start + columns] for line in lines for start in range(0, len(line), columns)]
        self.screen = pyte.Screen(columns, self.screen.lines)
        self._stream = pyte.Stream(self.screen)
        self._stream.feed("\r\n".join(broken))
        self.console.size = ConsoleDimensions(columns, self.screen.lines)


class TestTerminal:
    def test_lines_are_drawn_in_place_of_those_before(self) -> None:
        terminal = Terminal(80)
        live = LiveLines(terminal.console)
        live.draw([Text("one"), Text("two"), Text("three")])
        live.draw([Text("four")])
        assert terminal.shown() == ["four"]

    def test_what_is_printed_meanwhile_stands_above(self) -> None:
        terminal = Terminal(80)
        live = LiveLines(terminal.console)
        live.draw([Text("progress"), Text("more of it")])
        live.erase()
        terminal.console.print("a failure")
        live.draw([Text("progress")])
        assert terminal.shown() == ["a failure", "progress"]

    @pytest.mark.parametrize("columns", [10, 21, 30])
    def test_a_terminal_that_becomes_narrower_keeps_no_copies(self, columns: int) -> None:
        terminal = Terminal(60)
        terminal.console.print("above")
        live = LiveLines(terminal.console)
        live.draw([Text("x" * 60), Text("y" * 33)])
        terminal.narrow_to(columns)
        live.draw([Text("z" * columns)])
        assert terminal.shown() == ["above", "z" * columns]

    def test_a_run_leaves_its_lines_and_no_progress(self) -> None:
        terminal = Terminal(80)
        with RunConsole(terminal.console) as console:
            for one in (*plan({"dns__a": 0}), begin("dns__a")):
                console.follow(one)
            console.tick()
            assert any(line.startswith("running   0/1") for line in terminal.shown())
            console.follow(finish("dns__a", "failed"))
            console.tick()
            assert terminal.shown()[0].split() == ["failed", "dk-1", "test_dns.py::test_a"]
        assert not any("running" in line for line in terminal.shown())
