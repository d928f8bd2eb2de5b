"""The breaker: boards that fail together are one incident, with its likely cause."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from bench.at import PortLost, PortNotFound
from bench.boards import BoardLeased, BoardSilent, BoardUnintelligible, BudgetSpent
from bench.errors import LabError, Suspect
from bench.evidence import Outcome, ResultStream
from bench.evidence.rows import BoardRow, FinishRow, RadioRow
from bench.modem import AttachBlocked, NotRegistered, SimLocked
from bench.peers import PeerError
from bench.run.circuit_breaker import CircuitBreaker
from bench.secret import NoSecret


def finish(slot: str, test: str, outcome: str, error: type[LabError] = PortLost) -> FinishRow:
    """The row of a test, which says of its lab error what the error's class says."""
    return FinishRow(
        slot=slot,
        test=test,
        outcome=Outcome(outcome),
        error=error.__name__,
        suspect=error.suspect,
        ends_by_itself=error.ends_by_itself,
        board_absent=error.board_absent,
    )


class Night:
    """A breaker, the clock that it goes by, and what it said."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        boards: int,
        hub: Callable[[], Sequence[str]] = list,
        **probes: Callable[[], str | None],
    ) -> None:
        self.now = 0.0
        self.tests = 0
        self.said: list[str] = []
        self.stopped = ""
        self.folder = folder
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        named = {Suspect.PEER: probes.get("peer", str)}
        if "network" in probes:
            named[Suspect.NETWORK] = probes["network"]
        stream = ResultStream(folder, "night")
        self.breaker = CircuitBreaker(folder, stream, boards, 600.0, hub, named, self.said.append, self._stop)

    def _stop(self, why: str) -> None:
        self.stopped = why

    def see(self, slot: str, *outcomes: str, error: type[LabError] = PortLost) -> None:
        for outcome in outcomes:
            self.tests += 1
            self.breaker.take(finish(slot, f"test_{self.tests}", outcome, error))
        self.breaker.act()

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1.0
            self.breaker.act()

    def paused(self) -> bool:
        return (self.folder / ".pause").exists()


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Night]:
    def make(boards: int, hub: Callable[[], Sequence[str]] = list, **probes: Callable[[], str | None]) -> Night:
        return Night(tmp_path, monkeypatch, boards, hub, **probes)

    return make


class TestBreaker:
    def test_half_of_the_boards_together(self, night: Callable[..., Night]) -> None:
        gone = [["dk-1", "dk-2"]]
        here = night(4, hub=lambda: gone[0])
        here.see("dk-1", "lab_error", "lab_error")
        assert not here.paused()
        here.see("dk-2", "lab_error", "lab_error")
        assert here.paused()
        assert here.said == [
            "begins: 2 of 4 boards fail together, likely cause: hub or power (dk-1, dk-2 are gone);"
            " looks again every 10 s, for 10 min at most; Ctrl-C ends the run"
        ]
        here.wait(30)
        assert here.paused()
        gone[0] = []
        here.wait(10)
        assert not here.paused()
        assert here.said[-1].startswith("is over: hub or power, after ")

    def test_one_board_among_many_is_its_own_affair(self, night: Callable[..., Night]) -> None:
        here = night(4)
        here.see("dk-1", *["lab_error"] * 50)
        assert not here.paused()

    def test_boards_that_work_in_between(self, night: Callable[..., Night]) -> None:
        here = night(2)
        for _ in range(10):
            here.see("dk-1", "lab_error", "passed")
            here.see("dk-2", "lab_error", "failed")
        assert not here.paused()

    def test_boards_that_never_were_there_stop_nobody(self, night: Callable[..., Night]) -> None:
        here = night(4, hub=lambda: ["dk-3", "dk-4"])
        here.see("dk-1", "passed")
        here.see("dk-3", *["lab_error"] * 5, error=PortNotFound)
        here.see("dk-4", *["lab_error"] * 5, error=BoardLeased)
        assert not here.said
        here.breaker.take(BoardRow(slot="dk-3"))
        here.see("dk-3", *["lab_error"] * 5, error=PortLost)
        here.see("dk-2", "lab_error", "lab_error")
        assert "2 of 4 boards fail together, likely cause: hub or power (dk-3 is gone)" in here.said[0]

    def test_errors_hours_apart(self, night: Callable[..., Night]) -> None:
        here = night(2)
        here.see("dk-1", "lab_error", "lab_error")
        here.wait(3600)
        here.see("dk-2", "lab_error", "lab_error")
        assert not here.paused()

    def test_a_board_alone_takes_five_in_a_row(self, night: Callable[..., Night]) -> None:
        here = night(1, peer=lambda: "the echo server is gone")
        here.see("dk-1", *["lab_error"] * 4, error=PeerError)
        assert not here.paused()
        here.see("dk-1", "skipped", "lab_error", error=PeerError)
        assert here.paused()
        assert "likely cause: peer (the echo server is gone)" in here.said[0]

    @pytest.mark.parametrize("error", [NotRegistered, SimLocked, BoardSilent, LabError])
    def test_a_board_alone_with_its_own_trouble_is_no_incident(
        self, night: Callable[..., Night], error: type[LabError]
    ) -> None:
        here = night(1)
        here.see("dk-1", *["lab_error"] * 50, error=error)
        assert not here.paused()
        assert not here.said

    @pytest.mark.parametrize(
        ("error", "cause"),
        [(NotRegistered, "network"), (SimLocked, "SIM"), (BoardSilent, "device"), (LabError, "lab")],
    )
    def test_what_cannot_be_probed_is_named_by_its_errors_and_waited_for(
        self, night: Callable[..., Night], error: type[LabError], cause: str
    ) -> None:
        here = night(2)
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error", error=error)
        assert f"likely cause: {cause} (" in here.said[0]
        here.wait(50)
        assert here.paused()
        here.wait(20)
        assert not here.paused()

    def test_what_lasts_is_one_incident_and_ends_the_run(self, night: Callable[..., Night]) -> None:
        """Each try waits twice as long as the one before; a board that works in between makes it another incident."""
        here = night(2)
        for pause in (60, 120, 240):
            for slot in ("dk-1", "dk-2"):
                here.see(slot, "lab_error", "lab_error", error=LabError)
            here.wait(pause - 15)
            assert here.paused(), here.said
            here.wait(30)
            assert not here.paused(), here.said
        told = [text.partition(":")[0] for text in here.said]
        assert told == ["begins", "tries again", *["goes on", "tries again"] * 2]
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error", error=LabError)
        here.wait(200)
        assert here.stopped.startswith("incident: lab, not over after 60")

    def test_a_board_that_works_ends_an_incident(self, night: Callable[..., Night]) -> None:
        here = night(2)
        for _ in range(20):
            for slot in ("dk-1", "dk-2"):
                here.see(slot, "lab_error", "lab_error", error=LabError)
            here.wait(70)
            here.see("dk-1", "passed")
        assert {text.partition(":")[0] for text in here.said} == {"begins", "tries again"}
        assert not here.stopped

    def test_a_control_board_tells_the_network_from_the_boards(self, night: Callable[..., Night]) -> None:
        here = night(2, network=lambda: "the control board dk-0 fails too: searching")
        here.see("dk-1", "lab_error", "lab_error", error=NotRegistered)
        here.see("dk-2", "lab_error", "lab_error", error=NotRegistered)
        assert "likely cause: network (the control board dk-0 fails too: searching)" in here.said[0]

    def test_a_control_board_that_cannot_tell_accuses_nobody(self, night: Callable[..., Night]) -> None:
        here = night(2, network=lambda: None)
        here.see("dk-1", "lab_error", "lab_error", error=NotRegistered)
        here.see("dk-2", "lab_error", "lab_error", error=NotRegistered)
        assert "likely cause: network (the cause cannot be seen from here)" in here.said[0]
        here.wait(50)
        assert here.paused()
        here.wait(30)
        assert not here.paused()

    def test_a_control_board_that_works_clears_the_network(self, night: Callable[..., Night]) -> None:
        here = night(2, network=str)
        here.see("dk-1", "lab_error", "lab_error", error=NotRegistered)
        here.see("dk-2", "lab_error", "lab_error", error=NotRegistered)
        assert "likely cause: device (the control board has the network, so it is the boards or" in here.said[0]

    @pytest.mark.parametrize(("others", "cause"), [("cell-2", "cell"), ("cell-1", "network")])
    def test_boards_of_one_cell(self, night: Callable[..., Night], others: str, cause: str) -> None:
        here = night(4)
        for slot, cell in (("dk-1", "cell-1"), ("dk-2", "cell-1"), ("dk-3", others), ("dk-4", others)):
            here.breaker.take(RadioRow(slot=slot, cell=cell))
        here.see("dk-1", "lab_error", "lab_error", error=NotRegistered)
        here.see("dk-2", "lab_error", "lab_error", error=NotRegistered)
        assert f"likely cause: {cause} (" in here.said[0]

    def test_one_test_that_is_tried_again_on_every_board(self, night: Callable[..., Night]) -> None:
        here = night(2)
        for slot in ("dk-1", "dk-2", "dk-1", "dk-2"):
            here.breaker.take(finish(slot, "test_dns", "lab_error", LabError))
            here.breaker.act()
        assert not here.paused()

    def test_what_most_errors_speak_of_comes_first(self, night: Callable[..., Night]) -> None:
        """A board that is unplugged besides does not make it the hub."""
        here = night(4, hub=lambda: ["dk-4"], peer=lambda: "nobody answers")
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error", error=PeerError)
        assert "likely cause: peer (nobody answers)" in here.said[0]

    @pytest.mark.parametrize("error", [BudgetSpent, SimLocked, NoSecret])
    def test_what_only_a_person_can_cure_is_no_incident(
        self, night: Callable[..., Night], error: type[LabError]
    ) -> None:
        here = night(1)
        here.see("dk-1", *["lab_error"] * 20, error=error)
        assert not here.paused()

    def test_what_does_not_come_back_ends_the_run(self, night: Callable[..., Night]) -> None:
        here = night(2, hub=lambda: ["dk-1", "dk-2"])
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error")
        here.wait(601)
        assert here.stopped.startswith("incident: hub or power, not over after ")
        assert not here.paused()
        rows = [json.loads(line) for line in (here.folder / "results.jsonl").read_text().splitlines()]
        assert [row["type"] for row in rows] == ["incident", "incident"]


class TestBorders:
    """How many, and within which time: exactly so many trip it, one less does not."""

    @pytest.mark.parametrize(("boards", "enough"), [(2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4)])
    def test_half_of_several_boards_and_two_at_least(
        self, night: Callable[..., Night], boards: int, enough: int
    ) -> None:
        here = night(boards)
        for number in range(1, enough + 1):
            assert not here.paused()
            here.see(f"dk-{number}", "lab_error")
            assert not here.paused(), "one lab error of a board is nothing yet"
            here.see(f"dk-{number}", "lab_error")
        assert here.paused()

    @pytest.mark.parametrize(("seconds", "together"), [(299, True), (300, True), (301, False)])
    def test_five_minutes(self, night: Callable[..., Night], seconds: int, together: bool) -> None:
        here = night(2)
        here.see("dk-1", "lab_error", "lab_error")
        here.now += seconds
        here.see("dk-2", "lab_error", "lab_error")
        assert here.paused() is together

    @pytest.mark.parametrize(("seconds", "together"), [(300, True), (301, False)])
    def test_five_minutes_of_a_board_alone(self, night: Callable[..., Night], seconds: int, together: bool) -> None:
        here = night(1)
        here.see("dk-1", "lab_error")
        here.now += seconds
        here.see("dk-1", *["lab_error"] * 4)
        assert here.paused() is together

    def test_five_in_a_row(self, night: Callable[..., Night]) -> None:
        here = night(1)
        here.see("dk-1", *["lab_error"] * 4, "failed", *["lab_error"] * 4)
        assert not here.paused()
        here.see("dk-1", "lab_error")
        assert here.paused()

    @pytest.mark.parametrize(("seconds", "ended"), [(599, False), (600, True)])
    def test_the_patience_of_a_run(self, night: Callable[..., Night], seconds: int, ended: bool) -> None:
        here = night(2, hub=lambda: ["dk-1", "dk-2"])
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error")
        here.wait(seconds)
        assert bool(here.stopped) is ended

    @pytest.mark.parametrize(("seconds", "goes_on"), [(59, False), (60, True)])
    def test_a_minute_for_what_cannot_be_probed(self, night: Callable[..., Night], seconds: int, goes_on: bool) -> None:
        here = night(2)
        for slot in ("dk-1", "dk-2"):
            here.see(slot, "lab_error", "lab_error", error=LabError)
        here.wait(seconds)
        assert here.paused() is not goes_on

    @pytest.mark.parametrize(
        ("error", "cause"),
        [
            (PortLost, "hub or power"),
            (PortNotFound, "hub or power"),
            (PeerError, "peer"),
            (NotRegistered, "network"),
            (AttachBlocked, "device"),
            (SimLocked, "SIM"),
            (BoardSilent, "device"),
            (BoardUnintelligible, "device"),
            (LabError, "lab"),
        ],
    )
    def test_what_each_error_speaks_of(self, night: Callable[..., Night], error: type[LabError], cause: str) -> None:
        """By its class, not by a name written down a second time."""
        here = night(2)
        for slot in ("dk-1", "dk-2"):
            here.breaker.take(BoardRow(slot=slot))
            here.see(slot, "lab_error", "lab_error", error=error)
        assert f"likely cause: {cause} (" in here.said[0]

    @pytest.mark.parametrize("error", [BudgetSpent, NoSecret])
    def test_what_is_no_incident(self, night: Callable[..., Night], error: type[LabError]) -> None:
        here = night(2)
        for slot in ("dk-1", "dk-2"):
            here.see(slot, *["lab_error"] * 9, error=error)
        assert not here.paused()

    def test_a_network_that_was_lost_in_a_test(self, night: Callable[..., Night]) -> None:
        here = night(2)
        lost = finish("dk-1", "t", "lab_error", LabError)
        for slot in ("dk-1", "dk-2"):
            for test in ("t1", "t2"):
                row = msgspec.structs.replace(lost, slot=slot, test=test, error="NetworkLost", suspect=Suspect.NETWORK)
                here.breaker.take(row)
        here.breaker.act()
        assert "likely cause: network (" in here.said[0]
