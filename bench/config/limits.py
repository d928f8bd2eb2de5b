"""A file of limits alone: ``[[measurements]]`` as in bench.toml, for one run (``run --limits FILE``)."""

import json
from collections.abc import Iterable
from pathlib import Path

from bench.config.lab import Config, MeasurementLimit
from bench.config.toml_file import Section, read_toml

FILE = "limits.toml"
"""The name under which the limits of a run go to the hosts of its boards."""


class _File(Section):
    measurements: tuple[MeasurementLimit, ...] = ()


def with_limits(lab: Config, path: Path | None) -> Config:
    """Return the lab with the limits of a file behind its own: the later one counts.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    if path is None:
        return lab
    limits = (*lab.measurements, *read_toml(path, _File).measurements)
    return lab.model_copy(update={"measurements": limits})


def limits_text(limits: Iterable[MeasurementLimit]) -> str:
    """Return limits as the text of a file that :func:`with_limits` reads."""
    tables = []
    for limit in limits:
        values = limit.model_dump(exclude_none=True, exclude_defaults=True)
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        tables.append("\n".join(["[[measurements]]", *lines]))
    return "\n\n".join([*tables, ""])
