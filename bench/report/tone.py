"""How a verdict looks, on every page: good, bad, unsure."""

from collections.abc import Mapping

from bench.evidence import RunVerdict

TONES: Mapping[str, str] = {
    RunVerdict.PASSED: "good",
    RunVerdict.QUALIFIED: "good",
    RunVerdict.FAILED: "bad",
    RunVerdict.NOT_QUALIFIED: "bad",
    RunVerdict.INCOMPLETE: "unsure",
}
"""Verdict -> CSS class."""


def tone_of(verdict: str) -> str:
    """Return how a verdict looks that may be of a newer bench: one that is not known is unsure."""
    return TONES.get(verdict, "unsure")
