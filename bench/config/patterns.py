"""How configuration files mean tests and versions: patterns of test ids, ranges of versions."""

from fnmatch import fnmatchcase
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator


def _is_a_range(value: str) -> str:
    try:
        SpecifierSet(value)
    except InvalidSpecifier:
        raise ValueError(f"{value!r} is not a version range; write one such as >=3.1,<3.2") from None
    return value


VersionRange = Annotated[str, AfterValidator(_is_a_range)]
"""Such as ``>=3.1,<3.2``; empty is any version."""


def in_range(version: str, wanted: str) -> bool:
    """Return whether a version is within a range; a text that is not a version is within the empty range only."""
    try:
        return SpecifierSet(wanted).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return not wanted


def matches_test(pattern: str, test: str) -> bool:
    """Return whether a pattern matches a test id; square brackets enclose parameters, not a set of characters."""
    return fnmatchcase(test.replace("[", "("), pattern.replace("[", "("))
