"""A run over realistic boards, each with a trouble that was recorded: each is named rightly, and costs little."""

import contextlib
from pathlib import Path
from statistics import median

import pytest

from tests.support.lab import Lab
from tests.support.programs import simulator
from tests.support.responder import device

REALISTIC = ("--realistic", "--register-after", "1.5")
FATES: dict[str, tuple[tuple[str, ...], str, str]] = {
    # name: the fate of the board, the kind of its error, a part of what is said of it
    "sound": ((), "", ""),
    "roams": (("--network", "24201:11", "--network", "24202"), "", ""),
    "locked": (("--pin", "1234"), "SimLocked", 'the SIM wants its PIN: say where it is kept, by pin = "file:PATH"'),
    "no-sim": (("--sim", "missing"), "SimFault", "has no working SIM: +CEREG says 90"),
    "inactive": (("--sim", "inactive"), "SimFault", "is it activated?"),
    "refused": (("--deny", "3"), "NotRegistered", "EMM cause 3 (illegal UE), permanent"),
    "foreign": (("--deny", "11"), "NotRegistered", "EMM cause 11 (PLMN not allowed), of this network"),
    "wrong-apn": (("--apn", "lab.example"), "NotRegistered", "ESM cause 27 (missing or unknown APN: see"),
    "weak": (("--brown-out", "1", "--noise"), "", "a supply that is too weak"),
    "dead": (("--dead-core",), "ModemRefuses", "the modem refuses every command"),
    "looping": (("--reset-loop",), "AttachBlocked", "was reset too often"),
}
SUITE = (
    "import pytest\n@pytest.mark.parametrize('number', range(40))\ndef test_answers(modem, number):\n    assert modem\n"
)
TESTS = 40


@pytest.mark.long
def test_each_board_is_told_by_its_own_trouble(lab: Lab) -> None:
    with contextlib.ExitStack() as stack:
        boards = {
            name: stack.enter_context(simulator(*REALISTIC, *fate))[0]["port"] for name, (fate, *_) in FATES.items()
        }
        text = "[network]\nregistration_timeout = 25.0\n[recovery]\nbaudrates = [115200]\n"
        text += "[limits]\nresets = 0\nincident_seconds = 1\n"
        text += "".join(f'[[boards]]\nname = "{name}"\nport = "{port}"\n' for name, port in boards.items())
        (lab.folder / "bench.toml").write_text(text)
        chosen = [argument for name in FATES for argument in ("--board", name)]
        run = lab.run(SUITE, ("--config", str(lab.folder / "bench.toml"), *chosen))
    finished = [row for row in run.rows if row["type"] == "finish" and row["attempt"] == 1]
    messages = {name: "\n".join(row.get("message", "") for row in finished if row["slot"] == name) for name in FATES}
    errors = {name: {row.get("error", "") for row in finished if row["slot"] == name} - {""} for name in FATES}
    for name, (_, kind, words) in FATES.items():
        assert words in messages[name], (name, messages[name][:2000])
        assert errors[name] == ({kind} if kind else errors[name]), (name, errors[name])
        assert len([row for row in finished if row["slot"] == name]) == TESTS
    for name in ("sound", "roams"):
        assert {row["outcome"] for row in finished if row["slot"] == name} == {"passed"}, messages[name]
    # A trouble that no time cures is found out once: what is left of the tests takes next to none.
    for name in ("locked", "no-sim", "inactive", "refused", "wrong-apn", "dead", "looping"):
        rows = [row for row in finished if row["slot"] == name]
        first, *others = [row["duration_ns"] for row in rows]
        assert median(others) < first / 2, (name, first, others)
        assert "was given up: " in rows[-1]["message"]
    told_at_once(run.output)
    assert run.summary["incidents"] == []


def told_at_once(output: str) -> None:
    """Before the end of the run: the summary begins with its first measured line, or the first group of results."""
    for name, (_, _, words) in FATES.items():
        if words:
            first = next(line for line in output.splitlines() if words in line)
            assert output.index(first) < output.rindex("verdict "), name
    assert "is given up: what is left of its tests ends at once" in output


def test_one_board_with_one_mistake_costs_a_minute_not_thirty(lab: Lab) -> None:
    """The time that it costs is the board's patience and one attempt, whatever the number of tests."""
    with simulator("--deny", "8") as boards:
        run = lab.run(SUITE, ("--port", boards[0]["port"]))
    finished = [row for row in run.rows if row["type"] == "finish"]
    assert run.code == 3
    assert len(finished) == TESTS
    assert sum(row["duration_ns"] for row in finished) < 60e9
    assert "incident" not in run.output
    assert "again     " not in run.output
    first = run.output.index("EMM cause 8 (EPS and non-EPS services not allowed), permanent")
    assert first < run.output.index("verdict ")
    assert f"0 of {TESTS} passed" in run.output
    assert f"{TESTS} lab errors" in run.output


def test_a_wrong_port_ends_the_board_at_once(lab: Lab, tmp_path: Path) -> None:
    (lab.folder / "bench.toml").write_text("[recovery]\nbaudrates = [115200]\n")
    with device({b"+++AT": b"", b'"': b"", b"AT": b"", b"AT#XRESET": b""}) as silent:
        run = lab.run(SUITE, ("--port", silent.path, "--config", str(lab.folder / "bench.toml")))
    assert run.code == 3
    assert "gave no answer to AT for 15 s: is it the board's AT port" in run.output
    finished = [row for row in run.rows if row["type"] == "finish"]
    assert sum(row["duration_ns"] > 1e9 for row in finished) == 1
    assert "incident" not in run.output
