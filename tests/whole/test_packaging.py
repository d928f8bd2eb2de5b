"""The package: an sdist of this tree, and a wheel of that sdist, hold every module and every file that is read."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools", minversion="77")

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "bench": "bench",
    "fixtures": "nrf91_bench_fixtures",
    "reports": "nrf91_bench_reports",
    "tests_hil": "nrf91_bench_suites",
}
KINDS = (".py", ".typed", ".toml", ".json", ".html", ".md", ".css", ".js", ".mjs", ".txt")
LEFT_OVER = {"__pycache__", "runs", "history-page"}


def wanted() -> set[str]:
    """Every file of the tree that a wheel must hold, by its place in the wheel."""
    return {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS and LEFT_OVER.isdisjoint(path.relative_to(ROOT).parts)
    }


def build(kind: str, tree: Path, out: Path) -> Path:
    """Without a front end, which would ask a registry for what is here."""
    call = f"from setuptools import build_meta as b; print(b.build_{kind}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", call], cwd=tree, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return out / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy, for a build leaves files behind."""
    tree = tmp_path_factory.mktemp("tree") / "copy"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "*.egg-info"))
    return build("sdist", tree, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Of the sdist alone."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # not before Python 3.11.4
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)
    (tree,) = folder.iterdir()
    return zipfile.ZipFile(build("wheel", tree, tmp_path_factory.mktemp("wheel")))


def test_a_wheel_holds_every_module_and_data_file(wheel: zipfile.ZipFile) -> None:
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packaged == wanted()


def test_packages_are_those_of_the_tree() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {name.rpartition("/")[0].replace("/", ".") for name in wanted() if name.endswith(".py")}
    assert sorted(folders) == sorted(listed)


def test_a_wheel_names_its_program_and_its_licence(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "nrf91-bench = bench.cli:main" in wheel.read(entry_points).decode()
    licences = {name.partition("licenses/")[2] for name in wheel.namelist() if "licenses/" in name}
    assert licences == {"LICENSE", "bench/report/assets/uplot/LICENSE.txt"}
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    assert "License-Expression: Apache-2.0 AND MIT" in wheel.read(metadata).decode()


def test_an_sdist_holds_the_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert tests | {"conftest.py", "tox.ini", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names


def test_every_suite_of_a_wheel_can_be_imported(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """As it is installed, where no folder is called tests_hil."""
    wheel.extractall(tmp_path)
    script = """
import importlib, sys
from pathlib import Path

import bench, nrf91_bench_suites as suites

folder = Path(sys.argv[1])
assert Path(bench.__file__).is_relative_to(folder), bench.__file__
for path in sorted(Path(suites.__path__[0]).glob("*.py")):
    module = importlib.import_module(f"nrf91_bench_suites.{path.stem}".removesuffix(".__init__"))
    assert Path(module.__file__).is_relative_to(folder), module.__file__
    assert "tests_hil" not in sys.modules, path
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
