"""The peers of a session: one program for all tests, started anew when it has died; each test gets peers of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.boards import Board, show_tokens
from bench.clock import NS_PER_S, now_ns
from bench.errors import BenchError
from bench.evidence import rows
from bench.peers import PeerError, Peers
from bench.report import PeerJournal
from bench.session.board_session import BoardSession
from bench.session.keeper import Keeper
from bench.session.record import Loss

_DATAGRAM_ECHOES = ("udp-echo", "dtls-echo")
_ADMITTED_NS = 60 * NS_PER_S


class SessionPeers:
    """The peers' program, started with the first test that needs it."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self._keeper = Keeper(self._make, Peers.check, self._tell)
        self._admitted: tuple[tuple[Peers, Board, int] | None, int] = (None, 0)

    @property
    def public(self) -> bool:
        """Whether strangers can reach the peers, so that the board must show first that it is of this run."""
        return self._session.peers_config.public

    def _make(self) -> Peers:
        return Peers(self._session.peers_config)

    def _tell(self, error: BenchError) -> None:
        text = f"{self._session.spec.slot}: {error.headline}; they are started anew"
        self._session.stream.add(rows.ProgressRow(text=text))

    def _program(self) -> Peers:
        known = self._keeper.running
        program = self._keeper.get()
        if program is not known:
            facts = rows.PeersRow(where=program.where, version=program.version, security=program.security)
            self._session.stream.add(facts)
        return program

    @contextmanager
    def used(self, journals: list[PeerJournal]) -> Iterator[Peers]:
        """Yield the program for a test; at its end keep each peer's journal and end the peer.

        Raises:
            PeerError: the program cannot be started, or has died.
        """
        program = self._program()
        program.sync_clock()
        before = program.octets
        if program.config.public:
            self._admit(program)
        yield program
        try:
            program.sync_clock()
            for peer in program.running():
                journals.append(PeerJournal(f"{peer.kind} {peer.port}", peer.stop()))
            self._session.account.add(program.octets - before)
        except PeerError as error:
            self._session.record.loss = Loss(type(error).__name__, error.suspect, error.headline)
            self._session.account.add(None)  # nobody knows how many bytes
            self.close()
            raise

    def datagrams_since(self, moment_ns: int) -> int | None:
        """Return how many datagrams echo peers have received since a moment; None where they do not run."""
        program = self._keeper.running
        if program is None:
            return None
        try:
            echoes = [peer.journal() for peer in program.running() if peer.kind in _DATAGRAM_ECHOES]
        except PeerError:
            return None
        return sum(entry.event == "received" and entry.t_ns >= moment_ns for entries in echoes for entry in entries)

    def _admit(self, peers: Peers) -> None:
        """Let the board show peers in public that it is of this run, unless it has done so a moment ago.

        Raises:
            PeerError: they did not see it.
        """
        session = self._session
        board, profile = session.open_board(), session.profile
        registered = board.modem.registration.times
        shown, stamp = self._admitted
        if shown == (peers, board, registered) and now_ns() - stamp < _ADMITTED_NS:
            return
        show_tokens(board, peers, attempts=profile.datagram_attempts, seconds=profile.receive_timeout)
        self._admitted = (peers, board, registered), now_ns()
        board.modem.registration.whenever_registered = lambda: self._admit(peers)

    def close(self) -> None:
        """End the program."""
        self._keeper.close()
