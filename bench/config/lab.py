"""``bench.toml``: boards, peers, network. Validated whole; an error names key, line and cure."""

import re
from collections.abc import Callable
from datetime import time
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from bench.config.command_words import known_words
from bench.config.flash import FlashConfig, ProgrammerName
from bench.config.toml_file import Section, matching, read_toml

Name = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "letters, digits, ., _ and -, such as dk-1")]
SecretSource = Annotated[str, matching(r"((file|env):.+)?", "file:PATH or env:NAME, where the secret is kept")]
"""Where a secret is kept: ``file:PATH`` or ``env:NAME``; never the secret itself."""
UsbId = Annotated[str, matching(r"[0-9A-Fa-f]{4}", "four hexadecimal digits, such as 1366")]
PortNumber = Annotated[int, Field(strict=True, ge=1, le=65535)]


SecTag = Annotated[int, Field(strict=True, ge=0, le=2147483647)]
TagRange = tuple[SecTag, SecTag]
"""First and last security tag that belong to the bench."""


BaudRate = Annotated[int, Field(strict=True, ge=1200, le=3_000_000)]
Flag = Annotated[bool, Field(strict=True)]
"""true or false, not a text that looks like it."""


def _flag_or(word: str) -> Callable[[object], object]:
    """Return a validator with one error message, where pydantic would give one for each kind of value."""

    def check(value: object) -> object:
        if isinstance(value, bool) or value == word:
            return value
        raise ValueError(f'give true, false or "{word}"')

    return check


FlagOrMeasured = Annotated[bool | Literal["measured"], BeforeValidator(_flag_or("measured"))]
FlagOrAuto = Annotated[bool | Literal["auto"], BeforeValidator(_flag_or("auto"))]


class ReachedPeers(Section):
    """How one board's network reaches the peers, where it differs from the lab's ``[peers]``."""

    address: IPv4Address | None = None
    """The IPv4 address by which this board reaches the peers."""
    address6: IPv6Address | None = None
    """The same for IPv6."""
    name: str | None = None
    """A name that resolves to these addresses in this board's network."""


class AccessPointConfig(Section):
    """The access point of a SIM's contract; without it the board's own settings count."""

    apn: Annotated[str, matching(r"[A-Za-z0-9.-]{1,63}", "a name of letters, digits, . and -, such as iot.example")]
    """Its name."""
    type: Literal["IP", "IPV6", "IPV4V6"] = "IPV4V6"
    """IPv4, IPv6 or both."""
    user: Annotated[str, matching(r'[^"\r\n]{0,64}', "64 characters or fewer in one line, without quotes")] = ""
    """The user, if the access point wants one; then it also needs a password."""
    password: SecretSource = ""
    """Where the password is kept: ``file:PATH`` or ``env:NAME``; never the password itself."""
    method: Literal["pap", "chap"] = "chap"
    """How user and password are sent."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together")
        return self


class BoardEntry(Section):
    """A board of the lab: how to find it, and what discovery cannot know.

    Give one of ``serial``, ``place`` and ``port``.
    """

    name: Name
    """Its name in this lab; every board needs its own."""
    serial: str | None = None
    """Its USB serial number, as ``nrf91-bench boards`` shows it."""
    place: str | None = None
    """The USB path at which it is plugged in, such as ``pci-0000:00:14.0-usb-0:3``."""
    port: str | None = None
    """Its AT port: a path, or ``tcp://HOST:PORT``."""
    labels: tuple[Name, ...] = ()
    """Words to select it by, as ``--board label=roof``."""
    sec_tags: TagRange | None = None
    """The first and last security tag that only the bench uses on this board, if they differ from ``[credentials]``."""
    peers: ReachedPeers = ReachedPeers()
    model: str | None = None
    """Its model, if USB does not tell it: a name of the catalog or of ``[[models]]``."""
    baudrate: BaudRate = 115200
    """The baud rate of its AT port."""
    flow_control: Flag = False
    """Whether RTS and CTS of its AT port are wired."""
    dtr: Flag = True
    """The state of the line DTR while the port is open; some boards sleep, or reset, by it."""
    hardware: Flag = True
    """Whether real hardware is behind a TCP port. A pseudo-terminal never counts as hardware."""
    pin: SecretSource = ""
    """Where its SIM's PIN is kept: ``file:PATH`` or ``env:NAME``; never the PIN itself."""
    control_board: Flag = False
    """Its firmware is known to work: it is not tested, but shows in every run whether the network is good."""
    access_point: AccessPointConfig | None = None
    """The access point of its SIM, if it differs from that of the lab."""
    image: Path | None = None
    """The application that it is programmed with before its first test."""
    modem_image: Path | None = None
    """Likewise, the modem firmware."""
    programmer: ProgrammerName | None = None
    """What programs it; by default as ``[flash]`` says."""
    programmer_id: str = ""
    """Its name for the programmer, such as the serial number of a debug probe, where that is not its own."""
    meter: str = ""
    """The port of the Power Profiler Kit II that measures its current."""

    @model_validator(mode="after")
    def _can_be_found(self) -> "BoardEntry":
        if sum(value is not None for value in (self.serial, self.place, self.port)) != 1:
            raise ValueError("give serial or place (of an attached board) or port, one of the three")
        return self


class PeersConfig(Section):
    """The peers (echo servers): where they run, and how a board's network reaches them."""

    ssh: str | None = None
    """A host as ssh knows it; without it the peers run here."""
    python: str = "python3"
    """The interpreter at that host that has nrf91-bench installed."""
    bind: IPv4Address = Field(default="127.0.0.1", validate_default=True)
    """The IPv4 address on which they listen; ``0.0.0.0`` is all of the host."""
    bind6: IPv6Address | None = Field(default="::1", validate_default=True)
    """The same for IPv6."""
    address: IPv4Address | None = None
    """The IPv4 address by which a board reaches the peers; default ``bind``."""
    address6: IPv6Address | None = None
    """The same for IPv6; default ``bind6``."""
    name: str | None = None
    """A name that resolves to these addresses in the board's network."""
    ports: tuple[PortNumber, PortNumber] | None = None
    """Lowest and highest port that may be used; default any free one."""
    public: Flag = False
    """Whether strangers can reach them; then they serve only this run's boards, which send a token first."""

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


class Network(Section):
    """The lab's network, and what it cannot do."""

    profile: Literal["auto", "simulated", "lte-m", "nb-iot"] = "auto"
    """The size of timeouts and volumes; ``auto`` is ``simulated`` for a simulated board, otherwise ``lte-m``."""
    ipv6: FlagOrMeasured = "measured"
    """Whether the network has IPv6. ``measured``: tests of IPv6 are skipped if a survey finds that the network gives
    the board no address. An address that does not work may be the device's fault: then they are not skipped."""
    inbound: FlagOrMeasured = "measured"
    """Whether a peer can open a connection to a board. ``measured``: such tests are skipped if a survey finds that the
    board's address is translated, or that nothing answers; not if the board itself refuses."""
    survey: FlagOrAuto = "auto"
    """Whether the network is tried out before a board's first test; ``auto`` does so on real boards."""
    survey_ports: tuple[PortNumber, ...] = ()
    """Ports of the peers that are tried, such as 5683 or 8883."""
    survey_nat_seconds: Annotated[float, Field(strict=True, ge=0, le=3600)] = 0.0
    """The longest silence after which it is tried whether a NAT has forgotten a socket; 0 tries none."""
    access: tuple[Literal["lte-m", "nb-iot"], ...] | None = None
    """The access technologies that SIM and network offer. Without it the bench does not change between them."""
    access_point: AccessPointConfig | None = None
    rai: Literal["unknown", "granted"] = "unknown"
    """``granted``: the cell is known to support RAI, so a connection that is not released early is the modem's
    failure."""
    psm: Literal["unknown", "granted"] = "unknown"
    """``granted``: the network is known to grant power saving mode, so a board that does not get it has failed."""
    edrx: Literal["unknown", "granted"] = "unknown"
    """The same for eDRX."""
    registration_timeout: Annotated[float, Field(strict=True, gt=0, le=3600)] | None = None
    """Seconds that a board may take to register; default those of the profile. A first scan of NB-IoT takes long."""


class Credentials(Section):
    """The place of the test credentials in a board's store."""

    sec_tags: TagRange | None = None
    """First and last security tag that only the bench uses. Without it a real board is given no credentials, and tests
    that need them are skipped."""

    @field_validator("sec_tags")
    @classmethod
    def _tags_ordered(cls, value: TagRange | None) -> TagRange | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"the first tag, {value[0]}, is above the last, {value[1]}")
        return value


class ModelEntry(Section):
    """A kind of board that the bench does not know."""

    name: Name
    """The name of the model."""
    title: str = ""
    """Its name for people."""
    vendor: UsbId
    """Its USB vendor id."""
    products: tuple[UsbId, ...]
    """Its USB product ids."""
    serial: str = ".*"
    """A regular expression that matches the whole USB serial number."""
    ports: tuple[Name, ...] = ("at",)
    """Names of its CDC ports in the order of their interfaces; one is ``at``."""
    baudrate: BaudRate = 115200
    """The baud rate of the AT port."""
    flow_control: Flag = False
    """Whether RTS and CTS of the AT port are wired."""
    dtr: Flag = True
    """The state of the line DTR while the port is open."""

    @field_validator("serial")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @field_validator("ports")
    @classmethod
    def _speaks_at(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "at" not in value:
            raise ValueError("one of the ports must be called at: the one that speaks AT")
        return value


class Recovery(Section):
    """Commands of the lab that bring back a board that does not answer, run without a shell.

    ``{serial}``, ``{port}``, ``{place}`` and ``{name}`` stand for those of the board.
    """

    reset: tuple[str, ...] | None = None
    """Resets the board through its debug probe."""
    power_cycle: tuple[str, ...] | None = None
    """Switches its power off and on."""
    hook_seconds: Annotated[float, Field(strict=True, gt=0, le=600)] = 60.0
    """How long one of these commands may take."""
    baudrates: tuple[BaudRate, ...] = (115200, 1_000_000, 460800, 921600, 9600)
    """Baud rates that are tried when nothing answers at the configured one."""

    @field_validator("reset", "power_cycle")
    @classmethod
    def _known_words(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return known_words(value)


class CoverageConfig(Section):
    """Commands of the lab that take the network away from a board and give it back, in the form of ``[recovery]``."""

    lose: tuple[str, ...] | None = None
    """Takes the network away, such as an attenuator does."""
    restore: tuple[str, ...] | None = None
    """Gives it back."""
    seconds: Annotated[float, Field(strict=True, gt=0, le=600)] = 60.0
    """How long one of them may take."""

    @field_validator("lose", "restore")
    @classmethod
    def _known_words(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return known_words(value)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.lose is None) != (self.restore is None):
            raise ValueError("give both lose and restore: a board must get its network back")
        return self


class Limits(Section):
    """Limits of a run."""

    resets: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    """Resets of one board in one run: a modem that is reset too often refuses to attach."""
    lab_error_retries: Annotated[int, Field(strict=True, ge=0, le=1000)] = 10
    """How many tests of one board that ended in a lab error are tried again, once each."""
    incident_seconds: Annotated[float, Field(strict=True, ge=0, le=86400)] = 1800.0
    """How long a run pauses, when boards fail together, before it ends."""
    stagger_seconds: Annotated[float, Field(strict=True, ge=0, le=600)] = 2.0
    """Seconds between the starts of two real boards: many that attach at once disturb each other, and the cell."""
    replug_seconds: Annotated[float, Field(strict=True, ge=0, le=3600)] = 15.0
    """How long a test waits for a board that has vanished."""


Amount = Annotated[int, Field(strict=True, ge=0)]


class BudgetConfig(Section):
    """What a SIM and a board may spend, by UTC days and calendar months; an amount that is not set has no limit."""

    bytes_per_day: Amount | None = None
    """Of a SIM: IP packets that the peers sent and received, both ways, headers counted."""
    bytes_per_month: Amount | None = None
    """The same in a calendar month."""
    attaches_per_day: Amount | None = None
    """Of a board: how often its modem is made to attach."""
    credential_writes_per_day: Amount | None = None
    """Of a board: how often credentials are written to its flash."""
    flashes_per_day: Amount | None = None
    """Of a board: how often it is programmed, which wears its flash."""
    resets_per_day: Amount | None = None
    """Of a board: how often it is reset."""


class Logs(Section):
    """The use of the boards' further ports, log and trace."""

    capture: Flag = True
    """Whether they are read, and kept with each test that failed."""
    baudrate: BaudRate = 1_000_000
    """Their baud rate."""
    in_allure: Flag = False
    """Whether they are attached to Allure results. A log may contain identities that the bench cannot mask."""


class Notify(Section):
    """Who is notified when verdict or failures differ from those of the last run of the same suites and boards."""

    command: tuple[str, ...] | None = None
    """A command, without a shell, that gets the text on its standard input, such as a mailer; ``{subject}`` in a word
    stands for its subject."""
    webhook: str = ""
    """An address to which ``{"text": ...}`` is sent."""
    link: str = ""
    """The address under which others read the folder of runs, such as ``https://lab.example/runs``."""

    @field_validator("webhook", "link")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must be an address that begins with https:// or http://")
        return value

    @field_validator("command")
    @classmethod
    def _names_a_program(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError("is empty; name a program, or leave the key out")
        return value


class Compare(Section):
    """When a measurement counts as slower, and when the evidence is not enough."""

    confidence: Annotated[float, Field(strict=True, ge=0.5, lt=1)] = 0.997
    """The probability that a comparison of equal firmwares names no regression, over all its measurements together."""
    least_effect: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.03
    """The smallest relative change that can be a regression."""
    blind: Annotated[float, Field(strict=True, gt=0, le=10)] = 0.25
    """A comparison that could have missed a relative change of this size is not enough evidence."""
    nights: Annotated[int, Field(strict=True, ge=3, le=365)] = 5
    """The fewest nights of the baseline, if the candidate ran in other nights."""
    statistic: Literal["typical", "p50", "p90", "p95", "p99", "mean"] = "typical"
    """The number of a series that is compared; ``typical`` is the mean of its middle 80 %."""


class MeasurementLimit(Section):
    """A limit of a measurement in this lab; it replaces the suite's own limit."""

    name: str
    """The measurement's name; ``*`` stands for any text in it."""
    statistic: Literal["value", "min", "p50", "p90", "p95", "p99", "max", "mean", "jitter"] = "value"
    """The number of a series that is limited; ``value`` is that of a single value."""
    at_most: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """The largest value that is allowed."""
    at_least: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """The smallest value that is allowed."""
    unit: str
    """s, ms, us (or µs) or ns for a time, else the measurement's own: B/s, fraction, datagrams ..."""
    marginal: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the limit within which a value is shown as marginal: 0.1 is the last tenth."""

    @property
    def title(self) -> str:
        """The name of the limit, for a person."""
        return f"{self.name!r} ({self.statistic}, {self.unit})"

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.at_most is None and self.at_least is None:
            raise ValueError("give at_most, at_least or both")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least:g}) is above at_most ({self.at_most:g})")
        return self


HostName = Annotated[
    str, matching(r"[A-Za-z0-9_\[][^\s/]{0,254}", "a host as ssh knows it, such as rack1 or bench@rack1")
]


class LabConfig(Section):
    """A lab of several hosts: who lends the boards, and how their hosts are reached."""

    coordinator: Annotated[
        str,
        matching(r"(|[A-Za-z0-9_.:\[\]-]+:[0-9]{1,5})", "HOST:PORT of labgrid's coordinator, such as lab-server:20408"),
    ] = ""
    """Address of labgrid's coordinator, which lends the boards; empty for a lab of one host."""
    tunnel: HostName | None = None
    """A host through which ssh forwards the coordinator's port; ``coordinator`` is then its address as seen there."""
    ssh: tuple[str, ...] = ("ssh",)
    """The command that reaches a board's host, with options of the lab's own, such as ``["ssh", "-J", "gate"]``."""
    python: str = "python3"
    """The interpreter on the boards' hosts that has nrf91-bench installed."""
    runs: str = ""
    """The folder on the boards' hosts in which runs are kept until they are collected; empty is the host's default."""
    keep_days: Annotated[float, Field(strict=True, ge=0, le=3650)] = 7.0
    """How long a host keeps a run that was collected."""
    lost_after_seconds: Annotated[float, Field(strict=True, ge=8, le=3600)] = 120.0
    """A line to a host that is silent for so long is lost."""
    fetch_seconds: Annotated[float, Field(strict=True, ge=0, le=86400)] = 600.0
    """For so long a lost host is tried again, to fetch what it kept."""
    abandoned_after_seconds: Annotated[float, Field(strict=True, ge=5, le=86400)] = 60.0
    """A board that a run holds in the lab, and that nobody uses on its host for so long, is given to who waits."""
    free_megabytes: Annotated[int, Field(strict=True, ge=0)] = 200
    """A host with less free space is not given a run."""

    @field_validator("ssh")
    @classmethod
    def _names_a_program(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not value[0] or value[0].startswith("-"):
            raise ValueError('must begin with a program, such as ["ssh"]')
        return value


def _time_of_day(value: object) -> object:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    raise ValueError('must be a time of the day, such as "12:00"')


def _is_a_path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no path has a NUL in it")
    return path


class Config(Section):
    """A lab."""

    boards: tuple[BoardEntry, ...] = ()
    peers: PeersConfig = PeersConfig()
    network: Network = Network()
    credentials: Credentials = Credentials()
    models: tuple[ModelEntry, ...] = ()
    recovery: Recovery = Recovery()
    coverage: CoverageConfig = CoverageConfig()
    flash: FlashConfig = FlashConfig()
    limits: Limits = Limits()
    budget: BudgetConfig = BudgetConfig()
    logs: Logs = Logs()
    measurements: tuple[MeasurementLimit, ...] = ()
    history: Annotated[Path, AfterValidator(_is_a_path)] = Path("reports/history.sqlite")
    """The file of the history, which keeps the results of all runs."""
    night_ends: Annotated[time, BeforeValidator(_time_of_day)] = time(12)
    """The time of the day at which a night ends, in the time zone of the host. A run that starts before it belongs to
    the night of the day before."""
    compare: Compare = Compare()
    notify: Notify = Notify()
    lab: LabConfig = LabConfig()

    @field_validator("boards")
    @classmethod
    def _distinct(cls, value: tuple[BoardEntry, ...]) -> tuple[BoardEntry, ...]:
        names = [board.name for board in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two boards are called {', '.join(twice)}; every name must be its own")
        return value


def load(path: Path | None) -> Config:
    """Return the lab of a file; without one the default lab: no configured board, peers here on loopback.

    Raises:
        ConfigError: names file, line and key, and says what to do.
    """
    return Config() if path is None else read_toml(path, Config)
