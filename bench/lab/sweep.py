"""Who waits, sweeps: boards that the lab counts as lent, and that nobody uses any more, are given back.

labgrid keeps a place for a client that was killed, for ever. The lock on the board's own host goes with its holder, so
it is the truth: a board that a run of the bench holds in the lab, and that its host calls free for long enough, is
given back. A host that cannot be asked frees nothing. What a person acquired is left alone, until the time that they
said.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bench.boards.board_state import BoardState
from bench.config.lab import LabConfig
from bench.errors import LabError
from bench.host.messages import HostBoard
from bench.lab.coordinator import Coordinator
from bench.lab.host_session import HostSessions
from bench.lab.places import LabPlace, Owner, Where, owner_text

_FEWEST_LOOKS = 4
"""Seconds alone do not count: on a loaded host one look may take as long as the lease of a board that is just taken."""
_LOOK_S = 2.0
_STILL_WAITS_S = 10.0


class Sweep:
    """Looks after boards that somebody waits for.

    Args:
        coordinator: of the lab.
        hosts: sessions with hosts.
        lab: says after how long a board is abandoned.
        tell: takes a word and a text for whoever watches.
    """

    def __init__(
        self, coordinator: Coordinator, hosts: HostSessions, lab: LabConfig, tell: Callable[[str, str], None]
    ) -> None:
        self._coordinator = coordinator
        self._hosts = hosts
        self._lab = lab
        self._tell = tell
        self._busy = threading.Lock()
        self._next = 0.0
        self._wanted: dict[frozenset[tuple[str, str]], float] = {}
        self._suspects: dict[tuple[str, str], tuple[float, int]] = {}

    def want(self, tags: Mapping[str, str]) -> None:
        """Take what somebody waits for just now, and look after such boards.

        A thread of its own looks, every two seconds at most: a host that is slow to answer delays no lease.
        """
        now = time.monotonic()
        self._wanted[frozenset(tags.items())] = now
        if now < self._next or not self._busy.acquire(blocking=False):
            return
        threading.Thread(target=self._look_now, name="sweep", daemon=True).start()

    def _look_now(self) -> None:
        try:
            self.look()
        finally:
            self._next = time.monotonic() + _LOOK_S
            self._busy.release()

    def look(self) -> list[str]:
        """Look once at the boards that somebody waits for; return the names of those that were given back."""
        recent = time.monotonic() - _STILL_WAITS_S
        wanted = [dict(tags) for tags, asked in list(self._wanted.items()) if asked >= recent]
        freed = []
        seen: dict[Where, list[HostBoard] | None] = {}
        self._cancel_dead()
        for place in self._coordinator.places():
            if not place.holder or place.holder == self._coordinator.name or not any(map(place.fits, wanted)):
                continue
            if place.is_over(datetime.now(UTC)):
                freed += self._free(place, "its reservation has ended")
            elif self._is_abandoned(place, seen):
                freed += self._free(place, "nobody uses it on its host any more")
        return freed

    def _cancel_dead(self) -> None:
        """Cancel reservations of dead processes of this host: they would still be given a board."""
        with contextlib.suppress(LabError):
            for token, name in self._coordinator.reservations():
                owner = Owner.parse(name)
                if owner is not None and owner.is_dead:
                    self._coordinator.call("CancelReservation", token=token)

    def _is_abandoned(self, place: LabPlace, seen: dict[Where, list[HostBoard] | None]) -> bool:
        key = (place.name, place.holder)
        if Owner.parse(place.holder) is None or self._is_used(place, seen):
            self._suspects.pop(key, None)
            return False
        since, looks = self._suspects.get(key, (time.monotonic(), 0))
        self._suspects[key] = (since, looks + 1)
        old = time.monotonic() - since >= self._lab.abandoned_after_seconds
        return old and looks + 1 >= _FEWEST_LOOKS

    def _is_used(self, place: LabPlace, seen: dict[Where, list[HostBoard] | None]) -> bool:
        """Return whether somebody uses the board on its host; True where nobody can tell."""
        where = place.at
        if where not in seen:
            seen[where] = see_boards(place, self._hosts)
        board = next((board for board in seen[where] or () if board.name == place.name), None)
        return board is None or board.state == BoardState.IN_USE

    def _free(self, place: LabPlace, why: str) -> list[str]:
        self._suspects.pop((place.name, place.holder), None)
        try:
            self._coordinator.release(place.name, place.holder)
        except LabError:
            return []
        self._tell("given back", f"{place.name}, which {owner_text(place.holder)} had: {why}")
        return [place.name]


def see_boards(place: LabPlace, hosts: HostSessions) -> list[HostBoard] | None:
    """Return the boards of a place's host as it sees them; None where it cannot be asked."""
    if not place.address:
        return None
    try:
        return hosts.at(place.at).look()
    except LabError:
        return None
