"""The client's own files of a run on boards of other hosts: each test keeps its id there."""

import io
import tarfile
from pathlib import Path

import pytest

from bench.config.lab import Config, MeasurementLimit
from bench.errors import UsageError
from bench.evidence.ids import TestIds
from bench.host.archive import unpack
from bench.lab.own_files import OwnFiles, own_files
from bench.packages import SUITES, package_folder
from bench.run import RunRequest, suites


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def packed(tmp_path: Path, *names: str, lab: Config | None = None, plan: Path | None = None) -> OwnFiles:
    (tmp_path / "scratch").mkdir(exist_ok=True)
    request = RunRequest(suites=names, lab=True)
    return own_files(request, lab or Config(), plan, suites.select(names), tmp_path / "scratch")


def contents(files: OwnFiles) -> set[str]:
    if not files.archive:
        return set()
    with tarfile.open(fileobj=io.BytesIO(files.archive)) as archive:
        return set(archive.getnames())


def test_the_benchs_own_suites_are_there_already(tmp_path: Path, here: Path) -> None:
    files = packed(tmp_path, "dns", "tcp_client")
    assert (files.archive, files.digests) == (b"", {})
    assert files.arguments == ("--suite", "dns", "--suite", "tcp_client")
    assert packed(tmp_path).arguments == ()
    assert here.is_dir()


def test_a_suite_goes_with_what_is_beside_and_above_it(tmp_path: Path, here: Path) -> None:
    team = here / "team" / "radio"
    team.mkdir(parents=True)
    for name in ("test_a.py", "test_b.py", "tools.py", "known_issues.toml", "data.bin"):
        (team / name).write_text(name)
    (here / "team" / "conftest.py").write_text("")
    (here / "known_issues.toml").write_text("")
    (here / "pytest.ini").write_text("[pytest]\n")
    (here / "bench.toml").write_text("")
    files = packed(tmp_path, "team/radio/test_a.py", "dns")
    assert contents(files) == {
        *("team/radio/test_a.py", "team/radio/tools.py", "team/radio/known_issues.toml", "team/conftest.py"),
        *("known_issues.toml", "pytest.ini"),
    }
    assert files.arguments == ("--suite", "./team/radio/test_a.py", "--suite", "dns")
    assert set(files.digests) == contents(files)


@pytest.mark.parametrize("mark", [True, False])
def test_a_test_has_the_same_id_on_a_host(tmp_path: Path, here: Path, *, mark: bool) -> None:
    project = tmp_path / "elsewhere" / "team"
    (project / "suites").mkdir(parents=True)
    suite = project / "suites" / "test_a.py"
    suite.write_text("")
    (project / "suites" / "sub").mkdir()
    (project / "suites" / "sub" / "test_b.py").write_text("")
    (project / "suites" / "__pycache__").mkdir()
    (project / "suites" / "__pycache__" / "x.pyc").write_text("")
    if mark:
        (project / "pytest.ini").write_text("[pytest]\n")
    files = packed(tmp_path, str(project / "suites"))
    there = tmp_path / "there"
    there.mkdir()
    unpack(io.BytesIO(files.archive), there)
    bundled = package_folder(SUITES)
    for path in (suite, project / "suites" / "sub" / "test_b.py"):
        own = TestIds(bundled, here).of(path, "test")
        assert TestIds(bundled, there).of(there / own.partition("::")[0], "test") == own
    assert not list(there.rglob("*.pyc"))


def test_limits_and_plan_have_names_of_their_own(tmp_path: Path, here: Path) -> None:
    lab = Config(measurements=(MeasurementLimit(name="x", unit="s", at_most=1.0),))
    plan = tmp_path / "release.toml"
    plan.write_text("")
    files = packed(tmp_path, lab=lab, plan=plan)
    assert contents(files) == {"plan.toml", "limits.toml"}
    assert files.arguments == ("--plan", "plan.toml", "--limits", "limits.toml")
    assert here.is_dir()


def test_a_folder_that_is_too_large_is_told(tmp_path: Path, here: Path) -> None:
    (here / "suites").mkdir()
    with (here / "suites" / "huge.bin").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(UsageError, match="60 MB, more than the 50 MB"):
        packed(tmp_path, "suites")
