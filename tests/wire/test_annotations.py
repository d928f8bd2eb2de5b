"""What a run says to GitHub: commands that are whole lines, whatever a device has said, and files of the repository."""

from pathlib import Path

import pytest

from bench.cli.github import commands_stopped, tell_github
from bench.cli.terminal import say
from bench.evidence import Outcome, Summary, TestResult
from bench.packages import SUITES, package_folder
from bench.report.annotations import annotations, append_summary


def summary(*results: TestResult, folder: Path | None = None) -> Summary:
    return Summary("r", list(results), folder=folder)


def failed(test: str = "test_dns.py::test_a[1]", message: str = "no", place: str = "", **more: str) -> TestResult:
    return TestResult(test, more.get("slot", "dk-1"), Outcome.FAILED, message=message, place=place)


def test_a_cause_is_one_line_with_its_place() -> None:
    suites = package_folder(SUITES)
    found = failed(message="100 % wrong:\r\nexpected, got", place="test_dns.py:31: modem.network.resolve(name)")
    (line,) = annotations(
        summary(found, failed("test_dns.py::test_a[2]", found.message, found.place)), (), suites.parent
    )
    assert line == (
        f"::error file={suites.name}/test_dns.py,line=31,title=failed%3A test_dns.py%3A%3Atest_a[1] on dk-1 (2)"
        "::100 %25 wrong:\\r%0Aexpected, got%0Aalso test_dns.py::test_a[2]"
    )


def test_a_file_outside_the_repository_is_not_named(tmp_path: Path) -> None:
    (line,) = annotations(summary(failed(place="test_dns.py:31: x()")), (), tmp_path)
    assert line.startswith("::error title=failed%3A test_dns.py")


def test_a_line_of_another_file_is_not_the_tests(tmp_path: Path) -> None:
    (line,) = annotations(summary(failed(place="helpers.py:31: x()")), (), package_folder(SUITES).parent)
    assert "line=" not in line
    assert "file=" in line


def test_failures_come_first_and_ten_are_enough() -> None:
    lab = TestResult("t::lab", "dk-1", Outcome.LAB_ERROR, message="the port is gone")
    bad = [failed(f"test_x.py::test_{letter}", f"broken {letter}") for letter in "abcdefghijkl"]
    lines = annotations(summary(lab, *bad))
    assert len(lines) == 10
    assert all(line.startswith("::error ") for line in lines)
    assert annotations(summary(lab))[0].startswith("::warning title=lab error%3A t%3A%3Alab on dk-1::the port is gone")


@pytest.mark.parametrize("text", ["a\n::warning::b", "a\r::stop-commands::x", "::set-env name=a::b", "%0A::debug::x"])
def test_a_device_gives_no_command(text: str) -> None:
    lines = annotations(summary(failed(message=text, slot=text)))
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert "\r" not in lines[0]
    assert lines[0].startswith("::error ")


def test_the_summary_of_the_job_goes_on(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    (tmp_path / "verdict.md").write_text("# FAILED\n")
    append_summary(tmp_path, {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text() == "before\n# FAILED\n\n"
    append_summary(tmp_path, {})


def test_outside_of_github_nothing_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    with commands_stopped():
        tell_github(summary(failed()), ())
    assert capsys.readouterr().out == ""


def test_what_a_run_prints_is_no_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    (tmp_path / "verdict.md").write_text("# FAILED\n")
    with commands_stopped():
        say("::warning::of a board")
    tell_github(summary(failed(), folder=tmp_path), ())
    stop, said, again, error, why = capsys.readouterr().out.splitlines()
    token = stop.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert (said, again) == ("::warning::of a board", f"::{token}::")
    assert error.startswith("::error ")
    assert why == "github    the verdict is not in the job's summary: No such file or directory"
