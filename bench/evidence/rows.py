"""The rows of ``results.jsonl`` as frozen types: what is written, and what a reader dispatches on.

Schema 2. Schema 1 (bench 0.1) is still read: its boards name the application's version ``slm_version``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from bench.clock import NS_PER_S, span_text
from bench.config.firmware import application_text
from bench.errors import Suspect, headline
from bench.evidence.outcomes import Outcome

SCHEMA = 2

Json = dict[str, Any]
"""An object of a foreign or open shape."""


def _kind(name: str) -> str:
    return name.removesuffix("Row").lower()


class Row(Struct, frozen=True, kw_only=True, tag_field="type", tag=_kind):
    """A row of the stream. The stream fills in the fields below when it writes.

    Attributes:
        schema: version of the row's form.
        run: name of the run.
        slot: the board's place in the run; empty for rows of the parent.
        attempt: which attempt at the test; 1 is the first.
        round: which round of the run.
        t_ns: when, on the monotonic clock of the host.
        utc: the same moment, ISO 8601.
        lent: the lent board whose run on its own host wrote the row; empty for rows of this host. The stamps of such a
            row are of that host's clocks.
    """

    schema: int = SCHEMA
    run: str = ""
    slot: str = ""
    attempt: int = 1
    round: int = 1
    t_ns: int = 0
    utc: str = ""
    lent: str = ""


HEADER = frozenset(Row.__struct_fields__)
"""Fields that the stream fills in."""


# -------------------------------------------------------------------- the parent


class RunRow(Row, frozen=True, kw_only=True):
    """The run begins.

    Attributes:
        simulated: whether a board is not hardware.
        slots: the boards.
        groups: slots of the groups that alternate, by the group's selector.
        turns: round and slots of each turn, in order; None in a run without a parent.
        controls: slots of control boards, which run the tests that measure beside the others.
        bench: version of the bench.
        command: options of the command line that plays the tests again.
        wanted: how many boards of a lab of several hosts are to run; 0 for a run on this host's boards.
        rounds: of the tests, which each lent board is to play.
        files: own files of the run that were sent to the boards' hosts -> their digests.
    """

    simulated: bool = False
    slots: list[str] = []
    groups: dict[str, list[str]] | None = None
    turns: list[tuple[int, list[str]]] | None = None
    controls: list[str] = []
    bench: str = ""
    command: list[str] = []
    wanted: int = 0
    rounds: int = 1
    files: dict[str, str] = {}


class LentRow(Row, frozen=True, kw_only=True):
    """A board of another host was lent to the run, and its tests begin there.

    Attributes:
        host: name of the host in the lab.
        address, port: where ssh reaches it, USER@ADDRESS.
        workspace: name of the run on that host, by which its folder is found again.
        config: digest of the host's own bench.toml.
    """

    host: str = ""
    address: str = ""
    port: int = 22
    workspace: str = ""
    config: str = ""


class AwayRow(Row, frozen=True, kw_only=True):
    """The host of a lent board was lost; what it wrote since then is still there."""

    why: str = ""


class GatheredRow(Row, frozen=True, kw_only=True):
    """The folder of a lent board's run has arrived whole from its host.

    Attributes:
        exit_code: of the run on that host.
        why: what that run printed of its end, where its rows do not explain it.
    """

    exit_code: int = 0
    why: str = ""


class IncidentRow(Row, frozen=True, kw_only=True):
    """Several boards fail together: the circuit breaker says what it does, and why."""

    what: str = ""
    text: str = ""


class ControlRow(Row, frozen=True, kw_only=True):
    """A probe of the control board: ``ok`` is None where it cannot tell how the network is."""

    ok: bool | None = None
    text: str = ""
    echo_ns: int | None = None


class EarlierRow(Row, frozen=True, kw_only=True):
    """What the history says of tests that failed now, by test id."""

    tests: dict[str, str] = {}


class MeasurementComparison(Struct, frozen=True, kw_only=True):
    """One measurement compared with a baseline; numbers that are not known are None."""

    test: str = ""
    measurement: str = ""
    unit: str = ""
    model: str = ""
    access: str = ""
    operator: str = ""
    verdict: str = ""
    why: str = ""
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    systematic: float | None = None
    units: str = ""
    effective_n: float = 0
    evidence: str = ""


class ComparisonRow(Row, frozen=True, kw_only=True):
    """The run compared with its plan's baseline.

    Attributes:
        evidence: interleaved, controlled or nights alone: the weakest of what was judged; empty for none.
        statistic: which one of a series was compared, in words.
        notes: what the comparison rests on, and what was left out.
        sides: baseline, candidate and control boards: firmware, nights, boards, in a line each.
        advice: what the reader should do.
        settle: the command of nights that would settle it; empty where it is settled.
    """

    baseline: str = ""
    candidate: str = ""
    evidence: str = ""
    statistic: str = ""
    notes: list[str] = []
    sides: list[str] = []
    advice: str = ""
    settle: str = ""
    verdict: str = ""
    reason: str = ""
    exit_code: int = 0
    false_alarms: str = ""
    measurements: list[MeasurementComparison] = []


class TroubleRow(Row, frozen=True, kw_only=True):
    """Why the run is not whole."""

    why: str = ""


class InternalErrorRow(Row, frozen=True, kw_only=True, tag="internal_error"):
    """The bench itself made a mistake; ``why`` in one line."""

    why: str = ""


class ClosedRow(Row, frozen=True, kw_only=True):
    """The parent has come to its end."""


# -------------------------------------------------------------------- a board's process


class ServingNetwork(Struct, frozen=True, kw_only=True):
    """Where a board is registered; the cell as a short id. All empty where its modem does not tell."""

    access: str | None = None
    operator: str | None = None
    band: int | None = None
    cell: str | None = None
    rsrp_dbm: float | None = None
    snr_db: float | None = None
    rrc: str | None = None

    @property
    def known(self) -> bool:
        """Whether the modem told anything."""
        return self != NOWHERE

    @property
    def text(self) -> str:
        """The place in a few words; empty when it is not known."""
        if not self.known:
            return ""
        power = f", RSRP {self.rsrp_dbm:g} dBm" if self.rsrp_dbm is not None else ""
        noise = f", SNR {self.snr_db:g} dB" if self.snr_db is not None else ""
        state = f", {self.rrc}" if self.rrc else ""
        return f"{self.access} {self.operator}, band {self.band}{power}{noise}{state}"


NOWHERE = ServingNetwork()
"""Not known."""


class BoardRow(Row, frozen=True, kw_only=True):
    """What a board says about itself; identities as short ids.

    Attributes:
        profile: name of the network profile, by which scenarios are sized.
        application: name of the application's firmware, such as ``slm`` or ``serial-modem``.
        application_version: of that.
        customer_version: of the application's build, where it has one.
        firmware: modem and application in one line.
        ids: short ids of IMEI, IMSI, ICCID.
        registered_ns: how long it took to register.
        control: it is there as a control board, on firmware that stays the same.
        slm_version: the application's version in schema 1.
    """

    port: str = ""
    model: str = ""
    simulated: bool = False
    profile: str = ""
    manufacturer: str = ""
    part: str = ""
    hardware: str = ""
    modem_firmware: str = ""
    application: str = ""
    application_version: str = ""
    ncs_version: str = ""
    customer_version: str = ""
    firmware: str = ""
    ids: dict[str, str] = {}
    network: ServingNetwork = NOWHERE
    registered_ns: int | None = None
    control: bool = False
    slm_version: str = ""

    def __post_init__(self) -> None:
        if self.slm_version and not self.application:
            for name, value in (("application", "slm"), ("application_version", self.slm_version)):
                msgspec.structs.force_setattr(self, name, value)

    @property
    def application_text(self) -> str:
        """The application and its version, for a person: ``SLM 3.1.0``."""
        return application_text(self.application, self.application_version)

    @property
    def identity(self) -> str:
        """What tells this board from all others, whatever its slot."""
        return self.ids.get("imei") or self.slot


class PeersRow(Row, frozen=True, kw_only=True):
    """The other end of the network."""

    where: str = ""
    version: str = ""
    security: str = ""


class SurveyRow(Row, frozen=True, kw_only=True):
    """What a board's network can do, as it was tried out; ``text`` for a person, the rest as bench.measure.Survey."""

    text: list[str] = []
    ipv6: str | None = None
    inbound: str | None = None
    missing: list[str] = []
    mtu: int | None = None
    nat: bool = False
    nat_kept_s: float | None = None
    nat_lost_s: float | None = None
    blocked: list[str] = []
    dns: str | None = None


class RecoveryRow(Row, frozen=True, kw_only=True):
    """What was done to bring a board back; ``reset``: its budget of resets was spent by one."""

    text: str = ""
    reset: bool = False


class FlashRow(Row, frozen=True, kw_only=True):
    """A board got an image, or did not.

    Attributes:
        image: the name of its file.
        sha256: of its file.
        kind: application or modem.
        programmer: by name; empty when the board held it already.
        took_ns: from the first call of the programmer until the board answered.
        outcome: programmed, kept, restored or failed.
        text: what the board says since, or what went wrong.
    """

    image: str = ""
    sha256: str = ""
    kind: str = ""
    programmer: str = ""
    took_ns: int = 0
    outcome: str = ""
    text: str = ""

    @property
    def line(self) -> str:
        """The row for a person."""
        if self.outcome == "failed":
            return headline(self.text)
        by = f" by {self.programmer}" if self.programmer else ""
        took = f" in {span_text(round(self.took_ns / NS_PER_S, 1))}" if self.took_ns else ""
        return f"{self.slot}   {self.image} (sha256 {self.sha256[:12]}) {self.outcome}{by}{took}; {self.text}"


class ProgressRow(Row, frozen=True, kw_only=True):
    """What a board is doing; ``done`` is the part of it that is done, from 0 to 1."""

    text: str = ""
    done: float | None = None


class RadioRow(Row, frozen=True, kw_only=True):
    """Where a board is now."""

    access: str | None = None
    operator: str | None = None
    band: int | None = None
    cell: str | None = None
    rsrp_dbm: float | None = None
    snr_db: float | None = None
    rrc: str | None = None


class LimitRow(Row, frozen=True, kw_only=True):
    """A limit of bench.toml or of the plan applies to a measurement of this run."""

    title: str = ""


class ProvisionedRow(Row, frozen=True, kw_only=True):
    """A board holds the test credentials."""

    writes: int = 0
    tags: list[int] = []


class LostRow(Row, frozen=True, kw_only=True):
    """Evidence was lost."""

    why: str = "evidence was lost"


class EndedRow(Row, frozen=True, kw_only=True):
    """A board's process has come to its end; without this row nobody knows how it ended."""


# -------------------------------------------------------------------- a test


class PlanRow(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A test is planned.

    Attributes:
        spec: the statements of the specification that it checks.
        expected_ms: the longest that it has taken on such a network; 0 when it never ran.
    """

    test: str
    spec: list[str] = []
    expected_ms: int = 0


class StartRow(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A test begins."""

    test: str


class SamplesRow(Row, frozen=True, kw_only=True):
    """Samples of a series, as they come."""

    test: str
    name: str
    unit: str
    stamps: list[int] = []
    values: list[float] = []


class MeasurementRow(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A measurement, judged; see :class:`bench.measure.Measurement`.

    Attributes:
        noise: p50 and p99 of a round trip without a board on the host in that minute, in ns.
    """

    test: str
    name: str
    unit: str
    value: float | None = None
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    n: int = 1
    limit: str = ""
    verdict: str = ""
    ok: bool = True
    doc: str = ""
    beside: list[str] = []
    part_of: str = ""
    noise: dict[str, float] = {}


class FindingRow(Row, frozen=True, kw_only=True):
    """What RAI rounds show of an option."""

    name: str = ""
    verdict: str = ""
    text: str = ""


class Spent(Struct, frozen=True, kw_only=True):
    """What a test has spent."""

    octets: int = msgspec.field(default=0, name="bytes")
    attaches: int = 0
    credential_writes: int = 0
    resets: int = 0


class FinishRow(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A test has ended.

    Attributes:
        outcome: how.
        message: why; the first line is enough for a table.
        place: the line of the scenario where something went wrong: ``test_dns.py:31: modem.network.resolve(name)``.
        excerpt: what board and peers did last, a line each, on one clock.
        transcript, log, timeline: paths in the run's folder; the last is a page of both sides' events.
        allure: uuid of its result in Allure.
        support: folder of what was collected after a fault.
        error: name of the class of a lab error.
        suspect: what that speaks of.
        worth_retry, ends_by_itself, board_absent: as :class:`bench.errors.LabError` says.
        lab_lost: the test failed, and something of the lab was gone: nobody knows who is to blame.
        observation: a real modem behaved otherwise than a host's network stack.
        left_out: the firmware does not have what the test is about; its outcome is skipped.
        radio: where the board was, where something went wrong.
    """

    test: str
    outcome: Outcome
    duration_ns: int = 0
    message: str = ""
    place: str = ""
    excerpt: list[str] = []
    transcript: str = ""
    timeline: str = ""
    allure: str = ""
    log: str = ""
    support: str = ""
    spent: Spent | None = None
    error: str = ""
    suspect: Suspect | None = None
    worth_retry: bool = True
    ends_by_itself: bool = True
    board_absent: bool = False
    known_issue: bool = False
    unexpected_pass: bool = False
    lab_lost: bool = msgspec.field(default=False, name="failed")
    observation: bool = False
    left_out: bool = False
    radio: ServingNetwork = NOWHERE


class ScriptErrorRow(Row, frozen=True, kw_only=True, tag="script_error"):
    """A suite cannot be read: its tests are not planned, and nobody knows which they are."""

    path: str
    message: str = ""


AnyRow = (
    RunRow
    | LentRow
    | AwayRow
    | GatheredRow
    | IncidentRow
    | ControlRow
    | EarlierRow
    | ComparisonRow
    | TroubleRow
    | InternalErrorRow
    | ClosedRow
    | BoardRow
    | PeersRow
    | SurveyRow
    | RecoveryRow
    | FlashRow
    | ProgressRow
    | RadioRow
    | LimitRow
    | ProvisionedRow
    | LostRow
    | EndedRow
    | PlanRow
    | StartRow
    | SamplesRow
    | MeasurementRow
    | FindingRow
    | FinishRow
    | ScriptErrorRow
)
KINDS: Mapping[str, type[Row]] = {row.__struct_config__.tag: row for row in AnyRow.__args__}
"""Kind of row, as the stream names it -> its type."""
