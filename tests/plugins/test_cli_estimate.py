"""``nrf91-bench run --estimate``: what a run would spend, told before anything is spent."""

from tests.support.inline import command_line
from tests.support.lab import TALK, Lab


def test_an_estimate_sends_nothing_and_learns(lab: Lab) -> None:
    (lab.folder / "bench.toml").write_text("[budget]\nattaches_per_day = 20\nbytes_per_day = 5_000_000\n")
    (lab.folder / "test_lab.py").write_text(TALK)
    arguments = ["--simulate", "1", "--suite", "test_lab.py", "--config", "bench.toml"]

    def asked(*more: str) -> str:
        done = command_line("run", "--estimate", *arguments, *more, folder=lab.folder, environment=lab.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = asked()
    assert "estimate  simulated-1   20 tests, up to 2.6 MB" in before
    assert "20 never ran" in before
    assert not (lab.folder / "reports").exists()
    assert lab.run(TALK, ("--simulate", "1")).code == 0
    assert "20 tests in each of 3 rounds, up to 3.7 MB" in asked("--repeat", "3")
    after = asked()
    assert "20 tests, up to 1.2 MB, 0 attaches" in after
    assert "never ran" not in after
    assert "attaches_per_day: 0 of 20 attaches spent, enough is left" in after
