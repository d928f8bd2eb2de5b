"""Where the board is: a row of the stream when that has changed, or a minute has passed."""

from collections.abc import Callable

import msgspec

from bench.boards import Board
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError
from bench.evidence import ResultStream, rows
from bench.privacy import Concealer

_EVERY_NS = 60 * NS_PER_S
_FRESH_NS = NS_PER_S  # of tests that take less, two commands for each would be a third of all commands


class RadioLog:
    """Logs the serving cell of a board.

    Attributes:
        network: where the board was when it was asked last.
    """

    def __init__(self, stream: ResultStream, concealer: Concealer, now: Callable[[], int] = now_ns) -> None:
        self.network = rows.NOWHERE
        self._stream = stream
        self._concealer = concealer
        self._now = now
        self._logged_ns = self._asked_ns = -_EVERY_NS

    def log(self, board: Board) -> None:
        """Ask where the board is, once a second at most; add a row when that has changed, or a minute has passed."""
        if self._now() - self._asked_ns < _FRESH_NS:
            return
        network, self._asked_ns = self.locate(board), self._now()
        if network != self.network or self._is_due:
            self.network, self._logged_ns = network, self._now()
            self._stream.add(rows.RadioRow(**msgspec.structs.asdict(network)))

    def log_when_due(self, board: Board) -> None:
        """Add a row once a minute, for a test that takes long."""
        if self._is_due:
            self.log(board)

    @property
    def _is_due(self) -> bool:
        return self._now() - self._logged_ns > _EVERY_NS

    def locate(self, board: Board) -> rows.ServingNetwork:
        """Return where a board is registered, the cell as a short id; an empty place where its modem does not tell."""
        try:
            cell = board.modem.radio.cell()
        except DeviceError:
            return rows.NOWHERE
        if cell is None:
            return rows.NOWHERE
        return rows.ServingNetwork(
            access=cell.access,
            operator=cell.plmn,
            band=cell.band,
            cell=self._concealer.short_id("cell", cell.identity),
            rsrp_dbm=cell.rsrp_dbm,
            snr_db=cell.snr_db,
            rrc="connected" if board.modem.radio.connected() else "idle",
        )
