"""A file of limits alone, and how it goes to the hosts of lent boards."""

from pathlib import Path

import pytest

from bench.config.lab import Config
from bench.config.limits import limits_text, with_limits
from bench.config.toml_file import ConfigError

TEXT = """
[[measurements]]
name = "TCP echo, *"
statistic = "p99"
at_most = 12.5
unit = "ms"
marginal = 0.1

[[measurements]]
name = 'a "quoted" name'
unit = "s"
at_least = 1.0
"""


def test_limits_come_behind_those_of_the_lab(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(TEXT)
    lab = with_limits(Config(), tmp_path / "limits.toml")
    assert [limit.name for limit in lab.measurements] == ["TCP echo, *", 'a "quoted" name']
    assert with_limits(lab, tmp_path / "limits.toml").measurements == lab.measurements * 2
    assert with_limits(lab, None) is lab


def test_limits_arrive_at_a_host_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(TEXT)
    lab = with_limits(Config(), tmp_path / "limits.toml")
    (tmp_path / "sent.toml").write_text(limits_text(lab.measurements))
    assert with_limits(Config(), tmp_path / "sent.toml").measurements == lab.measurements


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[measurements]]\nname = "x"\nunit = "s"\n', "give at_most, at_least or both"),
        ('[[boards]]\nname = "x"\n', "no such key"),
        ("[[measurements", "limits.toml"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        with_limits(Config(), tmp_path / "limits.toml")
