"""The bench's packages on disk: suites, plugins and report configuration are files as much as code."""

from importlib.util import find_spec
from pathlib import Path

from bench.errors import UsageError

SUITES = "nrf91_bench_suites"
"""The package of the bench's own suites, which a checkout has as tests_hil."""


def package_folder(package: str) -> Path:
    """Return the folder of a package of the bench: the checkout's in a checkout, the installed one otherwise."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the package {package} is missing: install nrf91-bench again")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def bundled_suites() -> dict[str, Path]:
    """Return the bench's own suites: name -> file."""
    return {path.stem.removeprefix("test_"): path for path in sorted(package_folder(SUITES).glob("test_*.py"))}
