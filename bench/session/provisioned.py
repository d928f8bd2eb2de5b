"""The test credentials in the board's store: written where they differ, at most once a board that is open."""

from bench.boards import TAGS, Board, Cost, KnownDigests, provision
from bench.evidence import rows
from bench.security.credentials import CredentialSet, lab_credentials, make_credentials
from bench.session.board_session import BoardSession
from bench.state import state_folder

# A simulated board's store belongs to nobody else.
_SIMULATED_TAGS = (35100, 35100 + len(TAGS) - 1)
NO_TAGS = (
    "no security tags are set aside for the bench: set credentials.sec_tags in bench.toml, such as"
    f" [35100, {35100 + len(TAGS) - 1}]"
)
"""Why a real board is given no credentials."""


class ProvisionedBoard:
    """A board that holds the test credentials.

    Attributes:
        credentials: the lab's own for a real board, whose store wears; fresh ones for a simulated board.
    """

    def __init__(self, session: BoardSession) -> None:
        hardware = session.spec.hardware
        self.credentials: CredentialSet = lab_credentials() if hardware else make_credentials()
        self._session = session
        self._digests = KnownDigests(state_folder() / "digests.json" if hardware else None)
        self._digests.load()
        self._board: Board | None = None
        self._tags: dict[str, int] = {}

    @property
    def allowed(self) -> bool:
        """Whether the board may be given credentials."""
        return self._configured is not None or not self._session.spec.hardware

    @property
    def _configured(self) -> tuple[int, int] | None:
        return self._session.spec.sec_tags or self._session.config.credentials.sec_tags

    def tags(self, board: Board) -> dict[str, int]:
        """Return the security tags of the credentials that a board holds, by their names.

        Raises:
            BudgetSpent: they would have to be written, and the board's budget does not allow that.
        """
        session = self._session
        if self._board is not board:
            done = provision(
                board.modem,
                self.credentials,
                self._configured or _SIMULATED_TAGS,
                self._digests,
                board=board.short_ids().get("imei", board.slot),
                registration_timeout=session.profile.registration,
                allow=lambda writes: session.account.allow(Cost(credential_writes=writes, attaches=1)),
            )
            self._board, self._tags = board, done.tags
            session.stream.add(rows.ProvisionedRow(writes=done.writes, tags=list(done.tags.values())))
        return self._tags
