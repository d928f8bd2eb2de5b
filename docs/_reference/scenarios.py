"""What scenarios use: fixtures, markers, suites, features of firmwares, network profiles."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import nrf91_bench_fixtures
from _reference.markdown import code, table, text_of
from bench.config.network_profile import PROFILES, NetworkProfile
from bench.modem.dialects import DIALECTS
from nrf91_bench_fixtures.collection import _MARKERS

_SUITES = Path(__file__).parents[2] / "tests_hil"


def fixtures() -> str:
    """Return the page of fixtures."""
    rows = [
        (code(name), text_of(inspect.getdoc(function)), code(_annotation(function)), scope)
        for module in map(importlib.import_module, nrf91_bench_fixtures.pytest_plugins)
        for name, scope, function in _fixtures_of(module)
    ]
    rows.sort(key=lambda row: row[3] == "session")
    lead = "Name a fixture as a parameter of a test to get it. [How to write a scenario](../scenarios.md)."
    return f"# Fixtures\n\n{lead}\n\n{table(('fixture', 'what it gives', 'type', 'lasts for one'), rows)}"


def _fixtures_of(module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    for name, found in vars(module).items():
        marker = getattr(found, "_fixture_function_marker", None)
        if marker is not None and not name.startswith("_"):
            scope = "session" if marker.scope == "session" else "test"
            yield marker.name or name, scope, inspect.unwrap(found._get_wrapped_function())


def _annotation(function: Any) -> str:  # noqa: ANN401 - any fixture
    annotation = inspect.get_annotations(function).get("return")
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    words = text.removeprefix("collections.abc.").removeprefix("Iterator[")
    words = words.removesuffix("]") if words != text.removeprefix("collections.abc.") else words
    return ".".join(part for part in words.split(".") if not part.islower()) or words


def markers() -> str:
    """Return the page of markers."""
    rows = [(code(f"@pytest.mark.{name}"), text_of(meaning)) for name, meaning in _MARKERS.items()]
    return f"# Markers\n\nMarkers of the bench; pytest's own can be used too.\n\n{table(('marker', 'meaning'), rows)}"


def suites() -> str:
    """Return the page of suites, with the first line of each."""
    rows = []
    for file in sorted(_SUITES.glob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        first = (ast.get_docstring(tree) or "").split("\n\n")[0]
        rows.append((code(file.stem.removeprefix("test_")), text_of(first), ", ".join(sorted(_needs(tree)))))
    lead = (
        "`nrf91-bench run --suite NAME` takes these names, or the beginning of several. The last column lists features "
        "that a firmware may lack; a test that needs one is then left out ([which firmware has what](features.md))."
    )
    return f"# Suites\n\n{lead}\n\n{table(('suite', 'what it tests', 'needs, for some tests'), rows)}"


def _needs(tree: ast.Module) -> set[str]:
    """Return the features that the tests of a suite name."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    marked = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "needs"]
    return {code(str(one.value)) for call in marked for one in call.args if isinstance(one, ast.Constant)}


def features() -> str:
    """Return the page of the features in which firmwares differ."""
    names = sorted({name for dialect in DIALECTS for name in dialect.features}, key=str.lower)
    head = ("feature", *(dialect.title for dialect in DIALECTS))
    rows = [(code(name), *(_versions(dialect.features.get(name)) for dialect in DIALECTS)) for name in names]
    lead = (
        'A test with `@pytest.mark.needs("#XPOLL")` is left out on a firmware that does not have that feature: it is '
        "reported as skipped, with the reason, and counted apart."
    )
    return f"# Features of firmwares\n\n{lead}\n\n{table(head, rows)}"


def _versions(versions: str | None) -> str:
    return "no" if versions is None else code(versions) if versions else "all versions"


def profiles() -> str:
    """Return the page of network profiles."""
    meanings = _attributes(inspect.getdoc(NetworkProfile) or "")
    names = [field.name for field in fields(NetworkProfile) if field.name != "name"]
    rows = [(code(name), *(f"{getattr(one, name):,}" for one in PROFILES.values()), meanings[name]) for name in names]
    lead = (
        "The network profile decides how large and how patient scenarios are: `[network] profile` of "
        "[bench.toml](bench-toml.md). A scenario reads it from the fixture `network`."
    )
    return f"# Network profiles\n\n{lead}\n\n{table(('size', *PROFILES, 'meaning'), rows)}"


def _attributes(docstring: str) -> dict[str, str]:
    rows = docstring.partition("Attributes:")[2].strip().split("\n")
    pairs = (row.strip().partition(": ") for row in rows)
    return {name: meaning for name, _, meaning in pairs}
