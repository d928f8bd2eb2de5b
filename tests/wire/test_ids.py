"""The id of a test does not depend on what else runs, and tells suites apart."""

from pathlib import Path

import pytest

from bench.evidence.ids import TestIds


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with the bench's suites, a lab, two teams in one project each, and one without."""
    for path in (
        "bench/tests_hil/test_dns.py",
        "lab/test_dns.py",
        "lab/suites/test_smoke.py",
        "src/team-a/tests/test_smoke.py",
        "src/team-b/tests/test_smoke.py",
        "loose/one/test_smoke.py",
        "loose/two/test_smoke.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for project in ("src/team-a/.git", "src/team-b/pyproject.toml"):
        (tmp_path / project).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("bench/tests_hil/test_dns.py", "test_dns.py"),
        ("lab/test_dns.py", "./test_dns.py"),
        ("lab/suites/test_smoke.py", "suites/test_smoke.py"),
        ("src/team-a/tests/test_smoke.py", "team-a/tests/test_smoke.py"),
        ("src/team-b/tests/test_smoke.py", "team-b/tests/test_smoke.py"),
    ],
)
def test_ids_and_the_way_back(host: Path, file: str, path: str) -> None:
    ids = TestIds(host / "bench/tests_hil", host / "lab")
    test = ids.of(host / file, "TestA::test_a[x::y/z]")
    assert test == f"{path}::TestA::test_a[x::y/z]"
    for chosen in (host / file, (host / file).parent):
        assert ids.locate(test, [chosen]) == f"{host / file}::TestA::test_a[x::y/z]"


def test_a_suite_that_is_nowhere_at_home_has_its_whole_path(host: Path) -> None:
    ids = TestIds(host / "bench/tests_hil", host / "lab")
    one, two = (ids.of(host / f"loose/{name}/test_smoke.py", "test_a") for name in ("one", "two"))
    assert one == f"{str(host)[1:]}/loose/one/test_smoke.py::test_a"
    assert one != two
    assert ids.locate(two, [host / "loose/two"]) == f"{host}/loose/two/test_smoke.py::test_a"


def test_the_bench_may_lie_in_the_working_folder(host: Path) -> None:
    ids = TestIds(host / "bench/tests_hil", host / "bench")
    assert ids.of(host / "bench/tests_hil/test_dns.py", "test_a") == "test_dns.py::test_a"
