"""The results in a folder of Allure's, as they were written: read again to count them, and for the history of a lab."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec


class Named(msgspec.Struct, frozen=True):
    """A label or a parameter of a result; an empty value is not written. An excluded one distinguishes no results."""

    name: str = ""
    value: Any = ""
    excluded: bool | None = None


class Details(msgspec.Struct, frozen=True):
    """What a result says of how it ended."""

    message: str | None = None


class WrittenResult(msgspec.Struct, frozen=True, rename="camel"):
    """A result as it lies in the folder, as far as the bench looks at it again; see Allure's model of a TestResult."""

    uuid: str = ""
    test_case_id: str = ""
    name: str | None = ""
    full_name: str | None = ""
    status: str | None = "unknown"
    start: int = 0
    stop: int = 0
    status_details: Details | None = None
    parameters: tuple[Named, ...] = ()
    labels: tuple[Named, ...] = ()

    @property
    def counting(self) -> list[tuple[str, str]]:
        """The parameters that distinguish results of one test case, in order."""
        return sorted((one.name, str(one.value)) for one in self.parameters if not one.excluded)


_RESULT = msgspec.json.Decoder(WrittenResult)


def written_results(folder: Path) -> Iterator[WrittenResult]:
    """Yield the results in a folder, by the names of their files. One that is cut off no report would show, either."""
    for path in sorted(folder.glob("*-result.json")):
        with contextlib.suppress(OSError, ValueError):
            yield _RESULT.decode(path.read_bytes())


def count_results(folder: Path) -> int:
    """Return how many results a report would show: equal ones count once, as a renderer takes them for retries."""
    return len({(one.test_case_id or one.full_name, *one.counting) for one in written_results(folder)})
