"""A session from what a command line says: which board, which lab, where its evidence goes."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards, named_port
from bench.config.lab import Config, load
from bench.config.limits import with_limits
from bench.config.plan import load_plan
from bench.evidence import ResultStream
from bench.evidence.run_folder import new_run_folder
from bench.evidence.stream import FILE as STREAM
from bench.privacy import Concealer, lab_key
from bench.session.board_session import BoardSession
from bench.session.earlier import Earlier


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """What a session is asked for. One of slot and port names the board; without them it is a simulated one.

    Attributes:
        slot: the board as JSON, as a run hands it over.
        port: of the board.
        config: the lab's file.
        plan: a plan whose limits count.
        limits: a file of further limits, which come before the plan's.
        folder: of the run; None makes one.
        peer_name: a name of the peers in the board's network.
        attempt, round: of the run.
        earlier: a file in which the run hands over what it knows of the board.
        sizes: numbers that replace those of the network profile.
    """

    slot: str | None = None
    port: str | None = None
    config: Path | None = None
    plan: Path | None = None
    limits: Path | None = None
    folder: Path | None = None
    peer_name: str | None = None
    attempt: int = 1
    round: int = 1
    earlier: Path | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


@contextmanager
def open_session(request: SessionRequest) -> Iterator[BoardSession]:
    """Yield the session; at the end the board is left as it was found.

    Raises:
        UsageError: the request cannot be fulfilled.
        LabError: a simulated board does not start, or the ledger cannot be opened.
    """
    lab = _lab(request)
    name = request.peer_name or lab.peers.name
    if request.slot or request.port:
        spec = BoardSpec.from_json(request.slot) if request.slot else named_port(request.port or "", 1, lab)
        with _session(request, lab, spec, name) as session:
            yield session
        return
    name = name or PEER_NAME
    with SimulatedBoards(1, hosts={name: lab.peers.reachable_at}) as boards, ExitStack() as stack:
        yield stack.enter_context(_session(request, lab, boards.specs[0], name))


def _session(request: SessionRequest, lab: Config, spec: BoardSpec, peer_name: str | None) -> BoardSession:
    folder = request.folder or new_run_folder()
    begins = not (folder / STREAM).exists()  # a run has begun it for its boards' processes
    stream = ResultStream(folder, folder.name, spec.slot, request.attempt, request.round, begins=begins)
    concealer = Concealer(lab_key())
    earlier = Earlier() if request.earlier is None else Earlier.take_over(request.earlier)
    return BoardSession(
        spec, lab, stream, peer_name=peer_name, concealer=concealer, sizes=request.sizes, earlier=earlier
    )


def _lab(request: SessionRequest) -> Config:
    lab = with_limits(load(request.config), request.limits)
    if request.plan is None:
        return lab
    limits = (*lab.measurements, *load_plan(request.plan).measurements)  # the later one counts
    return lab.model_copy(update={"measurements": limits})
