"""The statement of a bundle: what was tested with what result, as in-toto's test result has it.

in-toto attestation framework, Statement v1, and predicate test-result v0.1. Fields beside those of the predicate stand
under ``nrf91_bench``.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench import __version__
from bench.evidence import Outcome, RunVerdict, Summary

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
_RESULTS = {RunVerdict.PASSED: "PASSED", RunVerdict.QUALIFIED: "PASSED"}
_TOOLS = ("pytest", "pyserial", "pyudev", "cryptography", "pynng", "allure-pytest")


def statement_of(summary: Summary, digests: Mapping[str, str], plan_digest: str) -> dict[str, Any]:
    """Return the statement of a run.

    Args:
        summary: of the run.
        digests: SHA-256 by name of what is attested: the list of the evidence, and the images that were tested.
        plan_digest: SHA-256 of the plan; empty without one.
    """
    passed = [result for result in summary.results if result.proved]
    failed = [result for result in summary.results if result.outcome is Outcome.FAILED]
    others = [result for result in summary.results if result not in passed and result not in failed]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(digests.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": _RESULTS.get(summary.verdict, "FAILED"),
            "configuration": [{"name": "plan.toml", "digest": {"sha256": plan_digest}}] if plan_digest else [],
            "passedTests": _names(passed),
            "warnedTests": _names(others),
            "failedTests": _names(failed),
            "nrf91_bench": _facts(summary),
        },
    }


def _names(results: list[Any]) -> list[str]:
    return sorted({f"{result.test} on {result.slot}" for result in results})


def _facts(summary: Summary) -> dict[str, Any]:
    judged = summary.qualification
    return {
        "verdict": summary.verdict.value,
        "reason": summary.reason,
        "simulated": summary.simulated,
        "run": summary.run,
        "started": summary.started,
        "ended": summary.ended,
        "plan": judged.plan.name if judged else "",
        "signatures": judged.plan.wanted_signatures if judged else 0,
        "roles": list(judged.plan.roles) if judged else [],
        "boards": [
            {"slot": board.slot, "model": board.model, "firmware": board.firmware, "simulated": board.simulated}
            for board in summary.under_test
        ],
        "bench_of_the_run": summary.bench,
        "tools": {"nrf91-bench": __version__, "python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
