"""What the board's network can do, tried out once a run."""

from typing import Literal

from bench.boards import Cost, show_tokens
from bench.errors import BenchError
from bench.evidence import rows
from bench.measure import Survey, Surveyor
from bench.peers import Peers
from bench.session.board_session import BoardSession


class NetworkSurvey:
    """The survey of a session's network, made when it is first asked for."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self._found: Survey | None = None

    def find(self) -> Survey | None:
        """Return what the network can do; None where it is not tried out.

        Raises:
            BenchError: the board cannot be opened, or the peers cannot be started.
        """
        session = self._session
        wanted = session.config.network.survey
        if not (session.spec.hardware if wanted == "auto" else wanted):
            return None
        if self._found is None:
            row = session.earlier.survey
            self._found = self._try_out() if row is None else survey_of(row)
            session.mtu = self._found.mtu
        return self._found

    def lacks(self, ability: Literal["ipv6", "inbound"]) -> str:
        """Return the end of a sentence that says why the network lacks an ability; empty where it may have it.

        bench.toml says so, or lets the network be measured, and the survey has found so.
        """
        wanted = getattr(self._session.config.network, ability)
        if wanted is False:
            return f" (network.{ability} in bench.toml)"
        found = self.find()
        if found is None or wanted != "measured" or ability not in found.missing:
            return ""
        return f", as was measured: {getattr(found, ability)} (network.{ability} in bench.toml)"

    def _try_out(self) -> Survey:
        session = self._session
        board, network, profile = session.open_board(), session.config.network, session.profile
        session.stream.add(rows.ProgressRow(text=f"{session.spec.slot}: trying out what its network can do"))
        with Peers(session.peers_config) as peers:
            if peers.config.public:
                show_tokens(board, peers, attempts=profile.datagram_attempts, seconds=profile.receive_timeout)
            surveyor = Surveyor(
                board,
                peers,
                seconds=profile.receive_timeout,
                attempts=profile.datagram_attempts,
                name=session.peer_name,
                ports=network.survey_ports,
                nat_seconds=network.survey_nat_seconds,
            )
            try:
                found = surveyor.survey()
                text = list(found.lines())
                board.known_state()
            except BenchError as error:  # the tests find out whose fault it is, each for itself
                found, text = Survey(), [f"could not be tried out: {error.headline}"]
                session.drop_board()
            session.account.spend(Cost(octets=peers.octets))  # at once: it is not what the present test costs
        session.stream.add(rows.SurveyRow(text=text, **found.to_row()))
        return found


def survey_of(row: rows.SurveyRow) -> Survey:
    """Return what an earlier process of the same run found; addresses are not known."""
    return Survey(
        ipv6=row.ipv6,
        inbound=row.inbound,
        missing=tuple(row.missing),
        mtu=row.mtu,
        nat_kept_s=row.nat_kept_s,
        nat_lost_s=row.nat_lost_s,
        blocked=tuple(row.blocked),
        dns=row.dns,
    )
