"""Rounds of RAI: played between a board and a peer, with the option and without it, and drawn."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from bench.at import CommandError, Response
from bench.config.network_profile import NetworkProfile
from bench.errors import LabError
from bench.evidence import rows
from bench.measure import FEWEST, Meter, RaiFinding, Round, judge
from bench.modem import Modem, Rai, RaiSupport, ReceiveFlag, SignallingWatch, Socket, SocketOption
from bench.peers import Peer
from bench.privacy import Concealer
from bench.report.timeline import TimeLine
from bench.session.board_session import BoardSession
from bench.session.measuring import Measure

MANY = 10
"""Rounds of each kind where the verdict is wanted most."""
_REPLACEMENTS = 4

Connect = Callable[[], Socket]
"""Returns a socket that is connected to the peer of the rounds."""


@dataclass
class Exchanges:
    """Plays rounds between one peer and two sockets: what one announces must not linger in rounds without."""

    modem: Modem
    watch: SignallingWatch
    concealer: Concealer
    network: NetworkProfile
    meter: Meter | None
    clients: dict[bool, Socket]
    peer: Peer
    lines: list[TimeLine] = field(default_factory=list)
    times: dict[bool, list[tuple[int, float]]] = field(default_factory=lambda: {False: [], True: []})
    charges: dict[bool, list[tuple[int, float]]] = field(default_factory=lambda: {False: [], True: []})

    def play(self, option: Rai, *, with_rai: bool, answers: bool) -> Round:
        """Play one round: to idle, the packet, perhaps its response, to idle again.

        Raises:
            LabError: the network does not release the connection in time.
        """
        to_idle(self.watch, self.network)
        cell = self._cell()
        for client in self.clients.values():
            self._fetch(client)  # what came late belongs to no later round
        arrived = sum(entry.size for entry in self.peer.journal() if entry.event == "received")
        data = b"%07d " % len(self.lines) + b"." * 24
        client = self.clients[with_rai]
        began = self._send(client, option if with_rai else None, data)
        idle = self.watch.wait_idle(self.network.idle, since_ns=began.final_ns)
        size, patience = arrived + len(data), self.network.receive_timeout
        delivered = self.peer.wait_for("received", size=size, timeout=patience)
        answered = data in self._fetch(client) if answers else None
        line = self._line(option if with_rai else None, began, idle)
        self.lines.append(line)
        if self.meter is not None and idle is not None:
            self._add_charge(line, self.meter, with_rai, began.sent_ns, idle)
        took = None if idle is None else idle - began.final_ns
        if took is not None:
            self.times[with_rai].append((began.final_ns, took))
        return Round(with_rai, took, (cell, self._cell()), delivered, answered)

    def _send(self, client: Socket, option: Rai | None, data: bytes) -> Response:
        if option is not None and option is not Rai.NO_DATA:
            client.set_option(SocketOption.RAI, option)
        sent = client.send_string(data).response
        if option is Rai.NO_DATA:
            # What it announces counts from now on: the packet must be out, the connection stand.
            self.watch.wait_connected(self.network.idle, since_ns=sent.sent_ns)
            client.set_option(SocketOption.RAI, option)
        return sent

    def _fetch(self, client: Socket) -> bytes:
        """Return all that has arrived, without waiting: a response arrives before the connection is released."""
        came = b""
        while True:
            try:
                received = client.receive(0, ReceiveFlag.DONT_WAIT)
            except CommandError:
                return came
            if received.ended:
                return came
            came += received.data

    def _cell(self) -> str:
        cell = self.modem.radio.cell()
        return self.concealer.short_id("cell", cell.identity) if cell else "none"

    def _line(self, option: Rai | None, sent: Response, idle: int | None) -> TimeLine:
        title = f"round {len(self.lines) + 1}, {option.name if option else 'without'}"
        line = TimeLine(title, ("AT", "uplink", "downlink", "RRC"))
        line.marks += [("AT", sent.sent_ns, "send"), ("AT", sent.final_ns, "OK")]
        lanes = {"received": "uplink", "sent": "downlink"}
        for entry in self.peer.journal():
            if entry.event in lanes and entry.t_ns > sent.sent_ns:
                line.marks.append((lanes[entry.event], entry.t_ns, f"{entry.size} bytes"))
        if idle is not None:
            stood = self.watch.wait_connected(0, since_ns=sent.sent_ns) or sent.sent_ns
            line.bands.append(("RRC", stood, idle, "connected"))
            line.marks.append(("RRC", idle, "idle"))
        return line

    def _add_charge(self, line: TimeLine, meter: Meter, with_rai: bool, begin: int, end: int) -> None:
        """Add the charge of a round, from the command that sends to idle mode."""
        current = meter.current(begin, end)
        charge = current.charge_uc(begin, end) / 1000
        self.charges[with_rai].append((begin, charge))
        steps = list(current.between(begin, end))
        most = max(milliamperes for _, _, milliamperes in steps)
        line.lanes = (*line.lanes, "current")
        line.curves.append(("current", steps, f"{most:.0f} mA, {charge:.3g} mC"))
        line.title += f" (current: {meter.title})"

    def pictures(self) -> list[str]:
        """Return a time line for each round, all of one scale: one look shows which was shorter."""
        longest = max(line.extent_ns for line in self.lines)
        return [replace(line, span_ns=longest).svg() for line in self.lines]


def to_idle(watch: SignallingWatch, network: NetworkProfile) -> None:
    """Wait until the board is in idle mode.

    Raises:
        LabError: the network keeps it connected, which is not the board's fault.
    """
    if not watch.settle(network.idle):
        raise LabError(f"without traffic the network keeps the board connected for more than {network.idle:g} s")


def _to_be_replaced(played: Sequence[Round]) -> Iterator[bool]:
    """Yield the kinds of rounds that replace those that a live network has lost."""
    for _ in range(_REPLACEMENTS):
        whole = {kind: sum(one.whole for one in played if one.with_rai is kind) for kind in (False, True)}
        if min(whole.values()) >= FEWEST:
            return
        yield whole[True] < whole[False]


@dataclass(frozen=True)
class RaiRounds:
    """Plays rounds of RAI, measures the times to idle, and judges them.

    Attributes:
        session: of the board.
        modem: the board's.
        support: what the cell says about RAI; None where it says nothing.
        measure: takes the times and charges.
        picture: takes a time line a round, as SVG.
        meter: measures the current; None where the lab has none.
        rounds: of each kind, where the command line says how many.
    """

    session: BoardSession
    modem: Modem
    support: RaiSupport | None
    measure: Measure
    picture: Callable[[str], None]
    meter: Meter | None
    rounds: int | None = None

    def __call__(
        self, name: str, option: Rai, connect: Connect, peer: Peer, count: int, *, answers: bool = False
    ) -> RaiFinding:
        """Play ``count`` rounds of each kind, unless the command line says otherwise, and judge them.

        Raises:
            LabError: the network does not release the connection in time, without the option either.
        """
        count = self.rounds or count
        network = self.session.profile
        with ExitStack() as stack:
            clients = {with_rai: stack.enter_context(connect()) for with_rai in (False, True)}
            watch = stack.enter_context(self.modem.radio.signalling())
            exchanges = Exchanges(self.modem, watch, self.session.concealer, network, self.meter, clients, peer)
            played = list(_play(exchanges, option, count, answers=answers))
        self._keep(name, exchanges)
        knows = None if self.support is None else self.support.any
        finding = judge(played, cell_knows=knows, known_good=self.session.config.network.rai == "granted")
        self.session.stream.add(rows.FindingRow(name=name, verdict=finding.verdict, text=finding.sentence))
        return finding

    def _keep(self, name: str, exchanges: Exchanges) -> None:
        for drawn in exchanges.pictures():
            self.picture(drawn)
        for with_rai, title in ((False, "without"), (True, "with")):
            if exchanges.times[with_rai]:
                self.measure.samples(f"time to idle, {name}, {title}", exchanges.times[with_rai])
            if self.meter is not None and exchanges.charges[with_rai]:
                mark = ", SIMULATED" if self.meter.simulated else ""
                doc = f"Send to idle. {self.meter.title}."
                charge = f"charge, {name}, {title}{mark}"
                self.measure.samples(charge, exchanges.charges[with_rai], unit="mC", doc=doc)


def _play(exchanges: Exchanges, option: Rai, count: int, *, answers: bool) -> Iterator[Round]:
    """Yield the rounds of a plan, then those that replace what a live network has lost."""
    played: list[Round] = []
    for number in range(2 * count):
        with_rai = number % 4 in (1, 2)  # without, with, with, without
        played.append(exchanges.play(option, with_rai=with_rai, answers=answers))
        if number == 0 and played[0].idle_ns is None:
            idle = exchanges.network.idle
            raise LabError(f"without the option too the board is not idle within {idle:g} s")
    for with_rai in _to_be_replaced(played):
        played.append(exchanges.play(option, with_rai=with_rai, answers=answers))
    yield from played
