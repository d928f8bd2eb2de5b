"""The evidence of a test: transcript, journals of peers, timeline and timings, as files and as attachments."""

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from bench.at import Entry, Response, printable
from bench.at.transcript import concealed, to_jsonl, to_text
from bench.clock import NS_PER_MS, NS_PER_S, Anchor
from bench.evidence.run_folder import ALLURE_RESULTS
from bench.peers import JournalEntry
from bench.privacy import Concealer
from bench.visible import cell

_ARROWS = {"tx": "bench > board", "rx": "bench < board", "note": "bench"}
_SHOWN = 200
_EXCERPT_LINES, _EXCERPT_LETTERS = 14, 120


class Event(NamedTuple):
    """Something that happened at a port or at a peer.

    Attributes:
        t_ns: its stamp.
        who: the direction at the board's port, or the peer's name.
        text: what it was, in one line.
    """

    t_ns: int
    who: str
    text: str

    @property
    def line(self) -> str:
        """The event without its stamp."""
        return f"{self.who:14} {self.text}"


@dataclass(frozen=True)
class PeerJournal:
    """The journal of one peer, with its name."""

    name: str
    entries: Sequence[JournalEntry]


@dataclass(frozen=True)
class Evidence:
    """All evidence of one test."""

    entries: Sequence[Entry]
    transactions: Sequence[Response]
    journals: Sequence[PeerJournal]
    anchor: Anchor

    @classmethod
    def gather(
        cls,
        entries: Sequence[Entry],
        transactions: Sequence[Response],
        journals: Sequence[PeerJournal],
        anchor: Anchor,
        concealer: Concealer,
    ) -> "Evidence":
        """Return the evidence with identities concealed."""
        return cls(concealed(entries, concealer.conceal), transactions, journals, anchor)

    def transcript(self) -> str:
        """Return the traffic of the board's port as readable text."""
        return to_text(self.entries, self.anchor)

    def to_jsonl(self) -> str:
        """Return the traffic of the board's port as it can be replayed, and made a recording of."""
        return to_jsonl(self.entries)

    @cached_property
    def events(self) -> list[Event]:
        """What board and peers did, in order of time."""
        return sorted([*self._board_events(), *self._peer_events()], key=lambda event: event.t_ns)

    def timeline(self, most: int | None = None) -> str:
        """Return the events of board and peers in order of time; of very many the first and last, ``most`` in all."""
        events = self.events
        if not events:
            return "nothing happened\n"
        start = events[0].t_ns
        lines = [f"{(event.t_ns - start) / NS_PER_S:12.6f} {event.line}\n" for event in events]
        if most is not None and len(lines) > most:
            left_out = len(lines) - most
            told = (
                f"... {left_out} events are left out here; nrf91-bench transcript RUN TEST --as timeline prints all\n"
            )
            lines[most // 2 : most // 2 + left_out] = [told]
        return f"# {self.anchor.text(start)}   seconds since then\n" + "".join(lines)

    def excerpt(self, since_ns: int, until_ns: int) -> list[str]:
        """Return the last events of board and peers between two moments, as the timeline has them.

        Outside of them are the bench's own commands: it makes the board ready for a test, and puts it back. A moment
        that is 0 is no limit.
        """
        events = self.events
        within = [event for event in events if since_ns <= event.t_ns <= (until_ns or event.t_ns)]
        return [
            f"{(event.t_ns - events[0].t_ns) / NS_PER_S:11.6f} {_within(event.line)}"
            for event in within[-_EXCERPT_LINES:]
        ]

    def _board_events(self) -> list[Event]:
        return [Event(one.t_ns, _ARROWS[one.direction], _shorten(printable(one.data))) for one in self.entries]

    def _peer_events(self) -> list[Event]:
        return [
            Event(entry.t_ns, journal.name, _peer_event(entry))
            for journal in self.journals
            for entry in journal.entries
        ]

    def timings(self) -> str:
        """Return CSV with a row for each AT command: ms since the first one, us to first byte and final result code."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("command", "sent_ms", "first_byte_us", "final_us", "final"))
        start = self.transactions[0].sent_ns if self.transactions else 0
        for transaction in self.transactions:
            writer.writerow(
                (
                    cell(_shorten(printable(transaction.command.encode("latin-1")))),
                    f"{(transaction.sent_ns - start) / NS_PER_MS:.3f}",
                    (transaction.first_byte_ns - transaction.sent_ns) // 1000,
                    transaction.duration_ns // 1000,
                    cell(transaction.final),
                )
            )
        return table.getvalue()


def _peer_event(entry: JournalEntry) -> str:
    connection = f" #{entry.connection}" if entry.connection else ""
    content = f"  {_shorten(printable(entry.data))}" if entry.data else ""
    size = f" {entry.size} bytes" if entry.size else ""
    facts = "".join(f"  {name} {value}" for name, value in (entry.details or {}).items() if value not in ("", None))
    return f"{entry.event}{connection} {entry.address}{size}{content}{facts}"


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 60]} ... {text[-50:]}"


def _within(text: str) -> str:
    """Return an event for an excerpt: without the line ends, and its beginning and its end when it is long."""
    text = text.replace("\\r\\n", " ").rstrip()
    return text if len(text) <= _EXCERPT_LETTERS else f"{text[: _EXCERPT_LETTERS - 35]} ... {text[-30:]}"


def attachment_of(
    kind: str, test: str, slot: str, *, round_number: int = 1, attempt: int = 1, extension: str = "txt"
) -> str:
    """Return the path, in the run's folder, of a text that is attached to the result of a test.

    It is written only there, where every Allure looks for it; the run's own pages lead there, too.
    """
    place = ".".join([stem_of(test, 100), slot, *_turn(round_number, attempt)])
    return f"{ALLURE_RESULTS}/{place}.{kind.replace(' ', '-')}-attachment.{extension}"


def folder_of(kind: str, slot: str, *, round_number: int = 1, attempt: int = 1) -> str:
    """Return where a board's files of a kind are, within the run's folder: apart for each round and attempt.

    Args:
        kind: timelines, logs or support.
        slot: the board's.
        round_number: of the run, from 1.
        attempt: at the tests, from 1.
    """
    return "/".join([kind, slot, *_turn(round_number, attempt)])


def _turn(round_number: int, attempt: int) -> list[str]:
    """Return a name for a further round or attempt; none for the first."""
    parts = [f"round-{round_number}"] * (round_number > 1) + [f"attempt-{attempt}"] * (attempt > 1)
    return ["-".join(parts)] if parts else []


def stem_of(test: str, most: int = 150) -> str:
    """Return a unique file name for a test id: ``test_tcp_client-TestConnect-test_by_name-1f3c9a``.

    ``most`` is the number of letters before the digest.
    """
    module, _, rest = test.partition("::")
    plain = re.sub(r"[^A-Za-z0-9_.\[\]=,-]+", "_", f"{Path(module).stem}-{rest.replace('::', '-')}")
    # The digest covers the parts that the name cannot hold: folder, other characters, its end.
    digest = hashlib.sha256(test.encode(errors="surrogatepass")).hexdigest()
    return f"{plain[:most]}-{digest[:6]}"
