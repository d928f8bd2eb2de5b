"""The DTLS echo peer: many associations on one UDP socket, found by Connection ID first, by address otherwise."""

import asyncio
import secrets
import socket
from dataclasses import replace

from bench.clock import now_ns
from bench.peers.datagram import DatagramPeer
from bench.peers.journal import Source
from bench.peers.security import KeyLog, agreement, failure
from bench.security import SecurityError, TlsConnection, TlsContext, client_hello, connection_id, is_hostile

# Above this number the oldest association is dropped, first one without a complete handshake: so strangers can neither
# fill our memory nor push a client out.
_MOST_HALF_OPEN, _MOST = 256, 4096
# Number of ClientHellos that are remembered for an address: each may begin only one association.
_HELLOS = 64
# A fatal alert in the clear: handshake_failure (RFC 6347 section 4.1).
_REFUSAL = bytes((21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40))


class Association:
    """One client, whose address may change when it has a Connection ID."""

    def __init__(self, number: int, source: Source, connection: TlsConnection, cid: bytes) -> None:
        self.number = number
        self.source = source
        self.connection = connection
        self.cid = cid
        # The randoms of the latest ClientHello, and of those that an association of its address began with.
        self.latest_hello: bytes | None = None
        self.spent: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None

    def begin(self, hello: bytes | None, older: "Association | None") -> None:
        """Remember the ClientHello that it begins with; earlier ones of its address cannot begin another."""
        self.spent = [*(older.spent if older else []), *([hello] if hello else [])][-_HELLOS:]

    def stop_timer(self) -> None:
        """Stop the timer of retransmissions."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class DtlsEcho(DatagramPeer[Association]):
    """A DTLS echo peer on one address, for any number of clients."""

    kind = "dtls-echo"

    def __init__(self, bound: socket.socket, context: TlsContext, key_log: KeyLog) -> None:
        super().__init__(bound)
        self.context = context
        self._key_log = key_log
        self._cid_length = context.settings.cid_length or 0
        self._associations: dict[int, Association] = {}
        self._by_source: dict[Source, Association] = {}
        self._by_cid: dict[bytes, Association] = {}
        self._count = 0

    def close(self) -> None:
        """Stop the peer and drop every association without an alert."""
        for association in list(self._associations.values()):
            self._forget(association)
        self.context.free()
        super().close()

    def association(self, number: int | None) -> Association:
        """Return an association by its number, or the newest; raise LookupError when there is none."""
        if number is None and self._associations:
            number = max(self._associations)
        if number not in self._associations:
            raise LookupError("no such association: check that the board has connected")
        return self._associations[number]

    def alert(self, description: int, number: int | None = None) -> None:
        """Send a fatal alert and drop the association."""
        association = self.association(number)
        association.connection.alert(description)
        self.journal.add("alert", connection=association.number, details={"description": description})
        self._drain(association)
        self._forget(association)

    def close_association(self, number: int | None = None) -> None:
        """Close an association, with close_notify if the behaviour wants it."""
        association = self.association(number)
        if self.behaviour.close_notify:
            association.connection.close_notify()
            self._drain(association)
        self.journal.add("closed", connection=association.number, source=association.source)
        self._forget(association)

    # ---------------------------------------------------------------- receiving

    def _datagram(self, data: bytes, source: Source, stamp: int) -> None:
        cid = connection_id(data, self._cid_length)
        association = self._by_source.get(source) if cid is None else self._by_cid.get(cid)
        hello = client_hello(data)
        if association is not None:
            self._handle_known(association, data, hello, source, stamp)
        elif hello is None:
            self.journal.add("ignored", source=source, data=data, t_ns=stamp)
        elif self.behaviour.handshake == "serve":
            self._greet(data, source, stamp)
        else:
            self.journal.add("hello", source=source, data=data, t_ns=stamp)
            if self.behaviour.handshake == "refuse":
                self._transmit(_REFUSAL, source)
                self.journal.add("handshake failed", source=source, details={"reason": "sent handshake_failure"})

    def _handle_known(
        self, association: Association, data: bytes, hello: bytes | None, source: Source, stamp: int
    ) -> None:
        """Handle a datagram for an association. A forged or repeated one must not end an established association."""
        spent = hello in association.spent
        if association.connection.established:
            if spent or is_hostile(data, self._cid_length):
                self.journal.add("ignored", source=source, data=data, t_ns=stamp)
                return
        elif hello is not None and not spent:
            self._greet(data, source, stamp)  # a client that lost its state in mid-handshake
            return
        association.latest_hello = hello or association.latest_hello
        association.connection.feed(data)
        self._step(association, source, stamp)

    def _greet(self, data: bytes, source: Source, stamp: int) -> None:
        """Handle a stranger's ClientHello: the stranger is remembered only when it shows a cookie."""
        offers = self.context.settings.cid_length is not None
        own = secrets.token_bytes(self._cid_length) if offers else None
        connection = TlsConnection(self.context, peer=repr(source).encode(), cid=own)
        connection.feed(data)
        try:
            connection.handshake()
        except SecurityError as error:
            if connection.wants_cookie:
                self.journal.add("hello", source=source, data=data, t_ns=stamp)
                for piece in self._flight(connection.take()):
                    self._transmit(piece, source)
            else:
                self._report_failure(0, source, connection, error)
                for piece in connection.take():
                    self._transmit(piece, source)
            connection.free()
            return
        if connection.deadline is None and not connection.established:
            self.journal.add("ignored", source=source, data=data, t_ns=stamp)  # cut off: nothing began
            connection.free()
            return
        older = self._by_source.get(source)
        if older is not None:
            self._forget(older)  # the cookie proves that this is its address
        self._make_room()
        self._count += 1
        association = Association(self._count, source, connection, own or b"")
        association.begin(client_hello(data), older)
        self._associations[self._count] = self._by_source[source] = association
        if own:
            self._by_cid[own] = association
        self.journal.add("accepted", connection=self._count, source=source, t_ns=stamp)
        self._drain(association, handshake=True)
        self._watch(association)

    def _step(self, association: Association, source: Source, stamp: int) -> None:
        connection = association.connection
        try:
            if not connection.established:
                self._shake_hands(association, stamp)
            while connection.established:
                plain = connection.read()
                if plain is None:
                    break
                if source != association.source:  # only now is it proved that the records are the client's own
                    self._move(association, source, stamp)
                if not plain:
                    self.journal.add("ended", connection=association.number, source=source, t_ns=stamp)
                    self._forget(association)
                    return
                self.journal.add("received", connection=association.number, source=source, data=plain, t_ns=stamp)
                self._handle_data(plain, association)
                if association.number not in self._associations:
                    return  # its answer could not be sent
        except SecurityError as error:
            if error.reconnect:
                self._start_over(association, stamp)
            else:
                self._fail(association, error)
            return
        self._drain(association, handshake=not connection.established)
        self._watch(association)

    def _shake_hands(self, association: Association, stamp: int) -> None:
        connection = association.connection
        if connection.handshake():
            self.journal.add(
                "handshake",
                connection=association.number,
                source=association.source,
                t_ns=stamp,
                details=agreement(connection),
            )
            self._last = association
            self._drain(association, handshake=True)
            self._key_log.add(connection)

    def _start_over(self, association: Association, stamp: int) -> None:
        """Start a new handshake with a client that has rebooted and uses the same port (RFC 6347 section 4.2.8)."""
        self.journal.add("reconnected", connection=association.number, source=association.source, t_ns=stamp)
        association.begin(association.latest_hello, association)
        association.connection.start_over()
        try:
            self._shake_hands(association, stamp)
        except SecurityError as error:
            self._fail(association, error)
            return
        self._drain(association, handshake=True)
        self._watch(association)

    def _move(self, association: Association, source: Source, stamp: int) -> None:
        if self._by_source.get(association.source) is association:
            del self._by_source[association.source]
        association.source = source
        self._by_source[source] = association
        self.journal.add("moved", connection=association.number, source=source, t_ns=stamp)

    # ---------------------------------------------------------------- sending

    def _send(self, data: bytes, to: Association) -> None:
        if to.number not in self._associations or not data:
            return  # ended while the answer was delayed; an empty record is not sent
        stamp = now_ns()
        size = self.behaviour.split or len(data) or 1
        try:
            for start in range(0, len(data), size):
                to.connection.write(data[start : start + size])
        except SecurityError as error:
            self._fail(to, error)
            return
        self._drain(to)
        self.journal.add("sent", connection=to.number, source=to.source, data=data, t_ns=stamp)

    def _drain(self, association: Association, *, handshake: bool = False) -> None:
        pieces = association.connection.take()
        for piece in self._flight(pieces) if handshake else pieces:
            self._transmit(piece, association.source)

    def _flight(self, pieces: list[bytes]) -> list[bytes]:
        """Return the datagrams of one flight, or none when the behaviour drops it."""
        if pieces and self.behaviour.drop_flights:
            self.behaviour = replace(self.behaviour, drop_flights=self.behaviour.drop_flights - 1)
            self.journal.add("dropped", data=b"".join(pieces))
            return []
        return pieces

    # ---------------------------------------------------------------- an association's life

    def _watch(self, association: Association) -> None:
        association.stop_timer()
        deadline = association.connection.deadline
        if deadline is not None and association.number in self._associations:
            association.timer = self._loop.call_at(deadline, self._retransmit, association)

    def _retransmit(self, association: Association) -> None:
        self._step(association, association.source, now_ns())

    def _fail(self, association: Association, error: SecurityError) -> None:
        self._report_failure(association.number, association.source, association.connection, error)
        self._drain(association)
        self._forget(association)

    def _report_failure(self, number: int, source: Source, connection: TlsConnection, error: SecurityError) -> None:
        event = "failed" if connection.established else "handshake failed"
        self.journal.add(event, connection=number, source=source, details=failure(connection, error))

    def _make_room(self) -> None:
        """Drop the oldest association when there are too many."""
        half_open = [each for each in self._associations.values() if not each.connection.established]
        if len(half_open) >= _MOST_HALF_OPEN:
            self._evict(half_open[0])
        elif len(self._associations) >= _MOST:
            self._evict((half_open or list(self._associations.values()))[0])

    def _evict(self, association: Association) -> None:
        self.journal.add("evicted", connection=association.number, source=association.source)
        self._forget(association)

    def _forget(self, association: Association) -> None:
        association.stop_timer()
        self._associations.pop(association.number, None)
        self._by_cid.pop(association.cid, None)
        if self._by_source.get(association.source) is association:
            del self._by_source[association.source]
        if self._last is association:
            self._last = None
        self._held = [(data, end) for data, end in self._held if end is not association]
        association.connection.free()

    def _note(self, event: str, to: Association, data: bytes) -> None:
        self.journal.add(event, connection=to.number, source=to.source, data=data)
