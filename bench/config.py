"""``bench.toml``: boards, peers, network. Validated whole; an error names key, line and cure."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError, field_validator, model_validator

from bench.errors import UsageError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


class ConfigError(UsageError):
    """A configuration file says something that cannot be."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoardEntry(_Section):
    """One board of the lab: how to find it, and what discovery cannot know.

    ``serial`` is its USB serial number; ``port`` a path or ``tcp://HOST:PORT``. ``hardware`` may be set for a TCP port
    behind which real hardware stands; a pseudo-terminal never counts as hardware.
    """

    name: Name
    serial: str | None = None
    port: str | None = None
    model: str | None = None
    baudrate: Annotated[int, Field(ge=1200, le=3_000_000)] = 115200
    flow_control: bool = False
    hardware: bool = True

    @model_validator(mode="after")
    def _can_be_found(self) -> "BoardEntry":
        if (self.serial is None) == (self.port is None):
            raise ValueError("give either serial (of an attached board) or port, one of the two")
        return self


class Peers(_Section):
    """Where the peers run and how a board's network reaches them."""

    ssh: str | None = None
    """A host as ssh knows it; without it the peers run here."""
    python: str = "python3"
    """The interpreter at that host that has nrf91-bench installed."""
    bind: IPvAnyAddress = Field(default="127.0.0.1", validate_default=True)
    bind6: IPvAnyAddress | None = Field(default="::1", validate_default=True)
    address: IPvAnyAddress | None = None
    """The IPv4 address by which a board reaches the peers; default ``bind``."""
    address6: IPvAnyAddress | None = None
    name: str | None = None
    """A name that resolves to the address in the board's network."""
    ports: tuple[PortNumber, PortNumber] | None = None
    """Lowest and highest port that may be used; default any free one."""

    @property
    def reachable_at(self) -> tuple[str, ...]:
        """The addresses by which a board reaches the peers, IPv4 first."""
        addresses = (self.address or self.bind, self.address6 or self.bind6)
        return tuple(str(address) for address in addresses if address is not None)

    @field_validator("ssh")
    @classmethod
    def _no_option(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("-") or not value.strip()):
            raise ValueError("a host name cannot begin with a dash or be empty")
        return value

    @field_validator("ports")
    @classmethod
    def _ordered(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"the first port, {value[0]}, is above the last, {value[1]}")
        return value


class Network(_Section):
    """What the lab's network is, and what it cannot do."""

    profile: Literal["auto", "simulated", "lte-m", "nb-iot"] = "auto"
    """How scenarios are sized; auto is simulated for a simulated board, lte-m otherwise."""
    ipv6: bool = True
    inbound: bool = True
    """Whether a peer can open a connection to a board."""
    registration_timeout: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """Seconds that a board may take to register."""


SecTag = Annotated[int, Field(ge=0, le=2147483647)]
TagRange = tuple[SecTag, SecTag]


class Credentials(_Section):
    """Where the test credentials may lie in a board's store."""

    sec_tags: TagRange | None = None
    """First and last security tag that belong to the bench: nobody else's credentials may be there. None: a real board
    is given no credentials, and what needs them is skipped."""

    @field_validator("sec_tags")
    @classmethod
    def _tags_ordered(cls, value: TagRange | None) -> TagRange | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"the first tag, {value[0]}, is above the last, {value[1]}")
        return value


class Config(_Section):
    """A lab."""

    boards: tuple[BoardEntry, ...] = ()
    peers: Peers = Peers()
    network: Network = Network()
    credentials: Credentials = Credentials()

    @field_validator("boards")
    @classmethod
    def _distinct(cls, value: tuple[BoardEntry, ...]) -> tuple[BoardEntry, ...]:
        names = [board.name for board in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two boards are called {', '.join(twice)}; every name must be its own")
        return value


def load(path: Path | None) -> Config:
    """The lab of a file; the default lab (no configured board, peers here on loopback) without one.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
        return Config.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path} cannot be used:\n{problems_of(text, error)}") from None


def problems_of(text: str, error: ValidationError) -> str:
    """What is wrong with a file, a line a problem."""
    return "\n".join(f"    {_problem(text, dict(problem))}" for problem in error.errors(include_url=False))


def _problem(text: str, problem: dict[str, Any]) -> str:
    location: tuple[str | int, ...] = problem["loc"]
    key = ".".join(str(part) for part in location if part != "function-after")
    line = line_of(text, location)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "no such key; check its spelling, or remove it"
    elif problem["type"] == "missing":
        message = "is missing"
    else:
        message += f" (it is {problem['input']!r})" if not isinstance(problem["input"], dict | tuple | list) else ""
    return f"{f'line {line}, ' if line else ''}{key or 'file'}: {message}"


def line_of(text: str, location: tuple[str | int, ...]) -> int | None:
    """The line on which a key stands, or its table when it is missing; None when neither is found."""
    table: list[str] = []
    counts: dict[str, int] = {}
    wanted = [str(part) for part in location]
    best: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        header = re.match(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]", line)
        if header:
            table = header[2].split(".")
            if header[1] == "[[":
                index = counts[header[2]] = counts.get(header[2], -1) + 1
                table = [*table, str(index)]
            if wanted[: len(table)] == table:
                best = number
            continue
        assignment = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if assignment:
            path = [*table, assignment[1]]
            if wanted[: len(path)] == path:
                return number
    return best
