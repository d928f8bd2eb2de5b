"""The board under test in one process: opened when it is needed, found again when it was lost, at last given up."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.at import DeviceRestarted, Transcript
from bench.boards import (
    AuxPort,
    Board,
    BoardSpec,
    BoardUnusable,
    Cost,
    Escalation,
    Ledger,
    Profile,
    ResetBudget,
    collect_for_support,
    coverage_of,
    found_again,
)
from bench.clock import now_ns, span_text
from bench.config.lab import Config, MeasurementLimit, PeersConfig
from bench.config.network_profile import FOREIGN_ATTEMPTS, PROFILES, NetworkProfile
from bench.errors import BenchError, LabError, Suspect
from bench.evidence import ResultStream, rows
from bench.evidence.run_folder import ALLURE_RESULTS, PAUSE
from bench.flashing import refuse_half_image
from bench.modem import NotRegistered, SimFault
from bench.privacy import Concealer
from bench.report import Origin, attachment_of, folder_of, kept_file, stem_of
from bench.session.account import Account
from bench.session.earlier import Earlier
from bench.session.patience import NetworkPatience
from bench.session.radio_log import RadioLog
from bench.session.record import Loss, TestRecord
from bench.visible import visible

# Opening a board that does not answer takes its whole patience; after this many times the rest of the tests is told at
# once.
_GIVE_UP_AFTER = 2


class BoardSession:
    """A board, its lab and where its evidence goes. Opens nothing until it is asked.

    Attributes:
        spec: where the board is; changes when its port gets another name.
        config: the lab.
        folder: of the run.
        stream: of the run, for this board, attempt and round.
        peer_name: a name of the peers in the board's network; None where it has none.
        concealer: knows what must not be shown.
        account: what board and SIM have spent.
        record: of the test at hand.
        radio: where the board is.
        earlier: what the run knew of the board when this process began.
        board: open, or None.
        unfinished: a board that was closed during a test, whose transcript still belongs to it.
        facts: the row of the board that was opened last.
        aux_ports: log and trace of the board that is, or was last, open.
        registered_ns: how long the board took to register when it was opened last, until a test has recorded that.
        lab_errors_in_a_row: tests that ended in one.
        mtu: bytes of the largest datagram that the network was seen to carry; None where nobody has tried.
    """

    def __init__(
        self,
        spec: BoardSpec,
        config: Config,
        stream: ResultStream,
        *,
        peer_name: str | None = None,
        concealer: Concealer,
        sizes: Mapping[str, Any] | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.spec = spec
        self.config = config
        self.folder = stream.folder
        self.stream = stream
        self.peer_name = peer_name
        self.concealer = concealer
        self.sizes = dict(sizes or {})
        self.record = TestRecord()
        self.radio = RadioLog(stream, concealer)
        self.board: Board | None = None
        self.unfinished: Board | None = None
        self.facts: rows.BoardRow | None = None
        self.aux_ports: list[AuxPort] = []
        self.registered_ns: int | None = None
        self.lab_errors_in_a_row = 0
        self.mtu: int | None = None
        self.account: Account
        self._ledger: Ledger
        self._stack = ExitStack()
        self._listening = ExitStack()
        self.earlier = earlier or Earlier()
        # A second attempt at some tests is still the same run.
        self._resets = ResetBudget(config.limits.resets - self.earlier.resets)
        self._limits_used: set[str] = set()
        self._failures = 0
        self._last_failure: BenchError | None = None
        self._found: Profile | None = None
        self._carried: Transcript | None = None
        self._patience = NetworkPatience(config.limits.incident_seconds)

    def __enter__(self) -> "BoardSession":
        self._ledger = self._stack.enter_context(Ledger())
        self.account = Account(self.config, self._ledger, self.spec.key)
        left = self.account.resets_left
        if left is not None:
            self._resets.left = min(self._resets.left, left)
        return self

    def __exit__(self, *_: object) -> None:
        self.drop_board()
        self._stack.close()
        self.spool.unlink(missing_ok=True)
        self.stream.add(rows.EndedRow())  # the parent counts on it: without it nobody knows how this process ended

    # ---------------------------------------------------------------- what it is

    @property
    def profile(self) -> NetworkProfile:
        """How scenarios are sized: by the network, unless the command line says otherwise."""
        profile = self._own_profile
        return profile if self.mtu is None else replace(profile, datagram=min(profile.datagram, self.mtu))

    @cached_property
    def _own_profile(self) -> NetworkProfile:
        name = self.config.network.profile
        own: dict[str, Any] = {}
        if name == "auto":
            name = "lte-m" if self.spec.hardware else "simulated"
            if not self.spec.hardware and not self.spec.control:
                own["datagram_attempts"] = FOREIGN_ATTEMPTS
        timeout = self.config.network.registration_timeout
        if timeout is not None:
            own["registration"] = timeout
        return replace(PROFILES[name], **own, **self.sizes)

    @property
    def place(self) -> dict[str, object]:
        """What distinguishes results of one test: the board, and the round where there are several."""
        number = self.stream.round
        return {"board": self.spec.slot, **({"round": number} if number > 1 else {})}

    @property
    def allure_folder(self) -> Path:
        """Where Allure results go."""
        return self.folder / ALLURE_RESULTS

    @cached_property
    def peers_config(self) -> PeersConfig:
        """How this board's network reaches the peers."""
        return self.spec.peers_of(self.config)

    @property
    def spool(self) -> Path:
        """Where the running test's bytes are kept until it ends."""
        kept = self.kept_file
        kept.parent.mkdir(exist_ok=True)
        return kept.with_name(f".{self.spec.slot}.running.jsonl")

    @property
    def kept_file(self) -> Path:
        """Where the bytes of the board's tests are kept."""
        return kept_file(self.folder, self.spec.slot)

    def summary_text(self) -> str:
        """Return what was tested and where the evidence is, for whoever runs pytest itself."""
        kind = "a board" if self.spec.hardware else "SIMULATED: no hardware was tested"
        return (
            f"board {self.spec.slot} at {self.spec.port}, {kind}\n"
            f"evidence in {self.folder}; `nrf91-bench report` on it writes the verdict pages"
        )

    def attach(self, test: str, kind: str, text: str, extension: str = "txt") -> str:
        """Write a text beside a test's result in Allure; return its path in the run's folder."""
        stream = self.stream
        path = attachment_of(
            kind, test, self.spec.slot, round_number=stream.round, attempt=stream.attempt, extension=extension
        )
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(visible(text), encoding="utf-8")
        return path

    def evidence_folder(self, kind: str) -> Path:
        """Return where this board's files of a kind go; a further round or attempt has a folder of its own."""
        stream = self.stream
        return self.folder / folder_of(kind, self.spec.slot, round_number=stream.round, attempt=stream.attempt)

    def origin_of(self, test: str, t_ns: int) -> Origin:
        """Return what pages and tables of a test say of where they come from; ``t_ns`` is their date."""
        stream = self.stream
        return Origin(
            test,
            self.spec.slot,
            firmware=self.facts.firmware if self.facts is not None else "",
            run=stream.run,
            utc=stream.anchor.text(t_ns),
            simulated=not self.spec.hardware,
            attempt=stream.attempt,
            round=stream.round,
        )

    def use_limit(self, entry: MeasurementLimit) -> None:
        """Note, once, that a limit of bench.toml applies to a measurement of this run."""
        if entry.title not in self._limits_used:
            self._limits_used.add(entry.title)
            self.stream.add(rows.LimitRow(title=entry.title))

    def note_script_error(self, path: str, report: str) -> None:
        """Note a suite that cannot be read: an error of the script, not of the device."""
        lines = report.strip().splitlines() or ["nothing is known"]
        why = next((line[4:] for line in reversed(lines) if line.startswith("E   ")), lines[-1])
        if "import file mismatch" in report:  # pytest's hint does not say of what
            why = f"two test files are called {Path(path).name}: rename one, or put an __init__.py beside each"
        text = self.concealer.conceal_text(f"{why.strip()}\n{report}")
        self.stream.add(rows.ScriptErrorRow(path=path, message=text))

    # ---------------------------------------------------------------- the board

    def open_board(self) -> Board:
        """Return the board, open, registered and known; found again by its key when its port was lost.

        Raises:
            LabError: it cannot be opened; after two failures in a row without trying again.
        """
        if self.board is not None:
            return self.board
        if self.given_up:
            cause = self._last_failure
            why = cause.headline if cause is not None else "it did not answer"
            tries = "" if self.given_up_for_good else f" after {self._failures} attempts"
            raise LabError(f"{self.spec.slot} was given up{tries}: {why}") from cause
        board: Board | None = None
        try:
            if self.spec.unusable:
                raise LabError(self.spec.unusable, permanent=True)
            refuse_half_image(self._ledger, self.spec)
            board = self._new_board()
            self.stream.add(rows.ProgressRow(text="waits for the board to answer"))
            board.open()
            took = self._register(board)
        except BaseException as error:  # also an interruption: the board as it was, the port free for the next try
            self._note_failure(error)
            self.unfinished = board
            if board is not None:
                board.close()
            raise
        self._failures = 0
        self._patience = NetworkPatience(self._patience.left_s)
        self._found = board.found
        self.board = board
        self.account.note_opening(len(board.transcript.transactions))
        self._listen()
        self.facts = self._describe(board, took)
        self.stream.add(self.facts)
        return board

    def _register(self, board: Board) -> int:
        """Wait for the network; return how long it took in ns."""
        self.account.begin()
        self._give_coverage_back()
        if board.spec.access_point or board.modem.registration.functional_mode() != "1":
            self.account.allow(Cost(attaches=1))
        seconds = self.profile.registration
        self.stream.add(rows.ProgressRow(text=f"waits for the network, up to {span_text(seconds)}"))
        took = board.registered(seconds)
        self.registered_ns = took if board.modem.registration.searched else None
        self.account.count_for_sim(self.spec.slot, board.short_ids().get("iccid", ""))
        return took

    def _note_failure(self, error: BaseException) -> None:
        """Count a failure. A permanent one is not tried again: attach cycles cost, and a modem counts them."""
        if not isinstance(error, BenchError):
            return
        if isinstance(error, BoardUnusable) and self.facts is None:
            error.permanent = True  # it has never answered in this run: another port, another rate, no power
        lab = error if isinstance(error, LabError) else LabError()
        if lab.takes_patience:
            self._failures = _GIVE_UP_AFTER if lab.permanent else self._failures + 1
        self._last_failure = error
        if self.given_up and not self._awaits_network:
            text = f"{self.spec.slot} is given up: what is left of its tests ends at once, as lab errors"
            self.stream.add(rows.RecoveryRow(text=text))

    @property
    def given_up(self) -> bool:
        """Return whether the board is not opened any more."""
        return self._failures >= _GIVE_UP_AFTER

    @property
    def _awaits_network(self) -> bool:
        """Return whether the network may let the board in later, and there is time left to wait for that."""
        error = self._last_failure
        return isinstance(error, NotRegistered) and not error.permanent and self._patience.left_s > 0

    def wait_for_network(self) -> None:
        """Wait before the next try of a board that its network may admit later.

        Each wait is longer than the one before; all together take ``incident_seconds`` at most. A pause of the run ends
        it.
        """
        if not (self.given_up and self._awaits_network):
            return
        patience = self._patience
        left = f"at most {span_text(patience.left_s)} are left for that"
        self.stream.add(rows.ProgressRow(text=f"tries its network again in {span_text(patience.pause_s)}; {left}"))
        patience.wait((self.folder / PAUSE).exists)
        self._failures = _GIVE_UP_AFTER - 1

    @property
    def given_up_for_good(self) -> bool:
        """Return whether no pause of the run can bring the board back."""
        return self.given_up and isinstance(self._last_failure, LabError) and self._last_failure.permanent

    def _give_coverage_back(self) -> None:
        coverage = coverage_of(self.spec, self.config.coverage)
        if coverage is not None and coverage.given_back():
            self._note_recovery(f"{self.spec.slot}: an earlier run had left it without coverage; it is given back")

    def _new_board(self) -> Board:
        """Return the board where it is now: its port may have another name than when the run began."""
        before = self.spec.port
        found = found_again(self.spec, self.config, self.config.limits.replug_seconds)
        self.spec = found.attached_by(self.config)
        if self.spec.port != before:
            was = f"it was at {before}" if before else "it was not attached before"
            self.stream.add(rows.ProgressRow(text=f"{self.spec.slot} is at {self.spec.port} now, {was}"))
        profile = self.profile
        board = Board(
            self.spec,
            self.concealer,
            margin=profile.margin,
            connect_timeout=profile.connect_timeout,
            job=f"tests of run {self.folder.name}",
            escalation=Escalation(self.spec, self.config.recovery, self._resets, self._note_recovery),
            tell=self._note_recovery,
            found=self._found,
        )
        board.keep_transcript_in(f"nrf91-bench transcript {shlex.quote(str(self.folder))} --board {self.spec.slot}")
        if self._carried is not None:
            board.transcript, self._carried = self._carried, None
        else:
            board.transcript.spool_to(self.spool)
        return board

    def _note_recovery(self, text: str, *, reset: bool = False) -> None:
        self.stream.add(rows.RecoveryRow(text=text, reset=reset))
        if reset:
            self.account.spend(Cost(resets=1, attaches=1))

    def _describe(self, board: Board, registered_ns: int) -> rows.BoardRow:
        """Return what a report says about a board: its own answers, identities as short ids."""
        identity = board.identity
        return rows.BoardRow(
            port=self.spec.port,
            model=self.spec.model,
            simulated=board.simulated,
            profile=self.profile.name,
            manufacturer=identity.manufacturer,
            part=identity.part,
            hardware=identity.hardware,
            modem_firmware=identity.modem_firmware,
            application=identity.application,
            application_version=identity.application_version,
            ncs_version=identity.ncs_version,
            customer_version=identity.customer_version,
            firmware=f"{identity.modem_firmware}, {identity.application_text}",
            ids=board.short_ids(),
            network=self.radio.locate(board),
            registered_ns=registered_ns,
            control=self.spec.control_board,
        )

    def _listen(self) -> None:
        """Open the board's log and trace ports, where there are some."""
        self._listening.close()
        logs = self.config.logs
        wanted = self.spec.aux_ports.items() if logs.capture else ()
        self.aux_ports = [
            self._listening.enter_context(AuxPort(name, path, baudrate=logs.baudrate)) for name, path in wanted
        ]
        for port in self.aux_ports:
            if port.trouble:
                text = f"{self.spec.slot}: nothing of its {port.name} port: {port.trouble}"
                self.stream.add(rows.ProgressRow(text=text))

    def ready_board(self, test: str, try_out: Callable[[], object]) -> Board:
        """Return the board for a test: open, its network tried out, its place logged.

        Args:
            test: its id.
            try_out: tries the network out, where that has not been done; may lose the board.

        Raises:
            BenchError: it is lost, or restarts meanwhile; the next test opens it anew.
        """
        try:
            self.open_board()
            try_out()
            opened = self.open_board()
            self.radio.log(opened)
        except BenchError as error:
            self._leave_faulty(error, test)
            raise
        self.record.ready_ns = now_ns()
        return opened

    def leave_test(self, board: Board, test: str, *, detaches: bool) -> None:
        """Bring the board to a known state after a test; find out what of the lab was gone when that failed.

        Raises:
            BenchError: the board restarted, answers out of step, or is lost; the next test opens it anew.
        """
        record = self.record
        if record.failing and not detaches:
            record.loss = _lost_network(board) or record.loss
        try:
            board.known_state()
        except BenchError as error:
            self._leave_faulty(error, test)
            raise
        if record.restarted:
            self.collect_support(stem_of(test))
        if record.loss is not None:  # the next test begins by waiting for the network
            self.drop_board()

    def _leave_faulty(self, error: BenchError, test: str) -> None:
        if isinstance(error, DeviceRestarted):
            self.collect_support(stem_of(test))
        self.drop_board()

    @contextmanager
    def closed_meanwhile(self) -> Iterator[None]:
        """Close the board for a block in which something else has it; its transcript goes on when it is opened anew."""
        self.drop_board()
        yield
        if self.unfinished is not None:
            self._carried = self.unfinished.transcript

    def note_progress(self, text: str) -> None:
        """Note what the board's user waits for."""
        self.stream.add(rows.ProgressRow(text=text))

    def drop_board(self) -> None:
        """Give the ports back; the next test opens them anew."""
        board, self.board = self.board, None
        self._listening.close()
        if board is not None:
            self.unfinished = board
            board.close()

    def reset_failures(self) -> None:
        """Try again to open a board that was given up."""
        self._failures = self.lab_errors_in_a_row = 0

    def collect_support(self, stem: str) -> None:
        """Collect what support asks for after a fault of the modem or the application, while the board still has it."""
        if self.board is None:
            return
        folder = self.evidence_folder("support") / stem
        collect_for_support(folder, self.board, self.aux_ports, self.stream.anchor, self.concealer.conceal)
        self.record.support = str(folder.relative_to(self.folder))


def _lost_network(board: Board) -> Loss | None:
    """Return that the board is not registered at the end of a test that failed; None when it is, or does not say."""
    try:
        board.modem.registration.check()
    except NotRegistered as error:
        return Loss("NetworkLost", Suspect.NETWORK, f"the board had lost its network: {error.headline}")
    except SimFault as error:
        return Loss("SimLost", Suspect.SIM, f"the board had lost its SIM: {error.headline}")
    except BenchError:
        pass
    return None
