"""The socket AT commands, one call each, on whatever socket is active. Section numbers: Socket AT commands page.

A call returns a frozen value with its transaction's timing. ERROR raises CommandError with the transcript's tail; an
answer that is not what the page or the firmware prints raises MalformedAnswer.
"""

from bench.at import AtLink, MalformedAnswer, Response
from bench.clock import now_ns
from bench.errors import DeviceError, UsageError
from bench.modem.answers import Answers
from bench.modem.socket_values import (
    ActiveSecureSocket,
    ActiveSocket,
    Family,
    ListedSocket,
    Opened,
    PeerVerify,
    Received,
    ReceiveFlag,
    Role,
    Sent,
    SentInDataMode,
    SocketList,
    SocketType,
)

STRING_LIMIT = 1024
"""Bytes that one #XSEND or #XSENDTO takes as a string."""
RECEIVE_LIMIT = 2048
"""Bytes that one #XRECV or #XRECVFROM gives at most."""
DATA_MODE_BUFFER = 4096
"""Bytes that data mode collects: the largest datagram it can send."""
DATA_MODE_RESULT_OK = 0

_NOT_IN_A_STRING = frozenset(b'"\x00\x08\x7f')


class DataModeError(DeviceError):
    """Data mode ended with an error: the data were dropped."""


def fits_string(data: bytes) -> bool:
    """Whether the firmware takes these bytes between quotes: no quote, no NUL, no backspace or DEL, 1024 at most."""
    return len(data) <= STRING_LIMIT and not _NOT_IN_A_STRING.intersection(data)


class SocketCommands:
    """The commands themselves.

    Args:
        link: the board's link.
        margin: seconds that an answer may take beyond what a command asks for.
        connect_timeout: seconds that a connection may take.
    """

    def __init__(self, link: AtLink, *, margin: float = 5.0, connect_timeout: float = 60.0) -> None:
        self.link = link
        self.margin = margin
        self.connect_timeout = connect_timeout

    # ---------------------------------------------------------------- #XSOCKET, #XSOCKETSELECT

    def open(
        self,
        type: SocketType,  # noqa: A002 - the page's word
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Opened:
        """AT#XSOCKET=<op>,<type>,<role>[,<cid>]."""
        command = f"AT#XSOCKET={family},{type},{role}{'' if cid is None else f',{cid}'}"
        return self._opened(self.link.command(command, timeout=self.margin), "#XSOCKET")

    def close(self) -> Response:
        """AT#XSOCKET=0: closes the active socket; harmless when there is none."""
        return self._closed(self.link.command("AT#XSOCKET=0", timeout=self.margin))

    def read(self) -> ActiveSocket | None:
        """AT#XSOCKET?: the active socket, or None."""
        response = self.link.command("AT#XSOCKET?", timeout=self.margin)
        answers = Answers(self.link, response)
        if not answers.lines("#XSOCKET"):
            return None
        handle, family, role, kind, cid = (answers.number(f, "a field") for f in answers.one("#XSOCKET", fields=5)[:5])
        socket_type = answers.member(kind, SocketType)
        return ActiveSocket(handle, answers.member(family, Family), role, socket_type, cid, response)

    def test(self) -> Response:
        """AT#XSOCKET=?."""
        return self.link.command("AT#XSOCKET=?", timeout=self.margin)

    def select(self, handle: int) -> Response:
        """AT#XSOCKETSELECT=<handle>. The page's second example answers with more fields; the first is the handle."""
        response = self.link.command(f"AT#XSOCKETSELECT={handle}", timeout=self.margin)
        answers = Answers(self.link, response)
        if answers.number(answers.one("#XSOCKETSELECT")[0], "the handle") != handle:
            answers.refuse(f"the handle {handle}")
        return response

    def list(self) -> SocketList:
        """AT#XSOCKETSELECT?."""
        response = self.link.command("AT#XSOCKETSELECT?", timeout=self.margin)
        answers = Answers(self.link, response)
        rows = []
        active: int | None = None
        for line in answers.lines("#XSOCKETSELECT"):
            numbers = [answers.number(field, "a field") for field in line]
            if len(numbers) == 1:
                active = numbers[0]
            elif len(numbers) == 7:
                handle, family, role, kind, sec_tag, ranking, cid = numbers
                socket_type = answers.member(kind, SocketType)
                row = ListedSocket(handle, answers.member(family, Family), role, socket_type, sec_tag, ranking, cid)
                rows.append(row)
            else:
                answers.refuse("lines of 7 fields and one of 1")
        return SocketList(tuple(rows), active, response)

    def _opened(self, response: Response, prefix: str) -> Opened:
        answers = Answers(self.link, response)
        handle, kind, protocol = (answers.number(f, "a field") for f in answers.one(prefix, fields=3)[:3])
        if handle < 0:
            answers.refuse("a handle of 0 or more")
        return Opened(handle, answers.member(kind, SocketType), protocol, response)

    def _closed(self, response: Response) -> Response:
        answers = Answers(self.link, response)
        for line in answers.lines("#XSOCKET"):
            if line != ("0", "closed"):
                answers.refuse('#XSOCKET: 0,"closed"')
        return response

    # ---------------------------------------------------------------- #XSSOCKET

    def open_secure(
        self,
        type: SocketType,  # noqa: A002 - the page's word
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        peer_verify: PeerVerify | None = None,
        cid: int | None = None,
    ) -> Opened:
        """AT#XSSOCKET=<op>,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]].

        Raises:
            UsageError: a cid without a level of verification before it.
        """
        if cid is not None and peer_verify is None:
            raise UsageError("<cid> stands behind <peer_verify>: give both")
        optional = "".join(f",{int(value)}" for value in (peer_verify, cid) if value is not None)
        command = f"AT#XSSOCKET={family},{type},{role},{sec_tag}{optional}"
        return self._opened(self.link.command(command, timeout=self.margin), "#XSSOCKET")

    def close_secure(self) -> Response:
        """AT#XSSOCKET=0: closes the active socket, also a plain one."""
        return self._closed(self.link.command("AT#XSSOCKET=0", timeout=self.margin))

    def read_secure(self) -> ActiveSecureSocket | None:
        """AT#XSSOCKET?: the active socket, also a plain one, or None."""
        response = self.link.command("AT#XSSOCKET?", timeout=self.margin)
        answers = Answers(self.link, response)
        if not answers.lines("#XSSOCKET"):
            return None
        numbers = [answers.number(field, "a field") for field in answers.one("#XSSOCKET", fields=6)[:6]]
        handle, family, role, kind, sec_tag, cid = numbers
        socket_type = answers.member(kind, SocketType)
        return ActiveSecureSocket(handle, answers.member(family, Family), role, socket_type, sec_tag, cid, response)

    def test_secure(self) -> Response:
        """AT#XSSOCKET=?."""
        return self.link.command("AT#XSSOCKET=?", timeout=self.margin)

    # ---------------------------------------------------------------- #XCONNECT, #XSEND, #XSENDTO

    def connect(self, host: str, port: int, *, at_most: float | None = None) -> Response:
        """AT#XCONNECT=<url>,<port>; raises MalformedAnswer unless the status is 1, connected.

        ``at_most`` is how many seconds the connection may take, where that is not the network's usual.
        """
        wait = self.connect_timeout if at_most is None else at_most
        response = self.link.command(f'AT#XCONNECT="{host}",{port}', timeout=wait + self.margin)
        answers = Answers(self.link, response)
        if answers.one("#XCONNECT")[0] != "1":
            answers.refuse("#XCONNECT: 1")
        return response

    def send(self, data: bytes, flags: int | None = None) -> Sent:
        """AT#XSEND=<data>[,<flags>].

        Raises:
            UsageError: bytes that no string can carry; use :meth:`send_in_data_mode`.
        """
        suffix = b"" if flags is None else b",%d" % flags
        response = self.link.command(b'AT#XSEND="%b"%b' % (_string(data), suffix), timeout=self._send_timeout)
        return self._sent(response, "#XSEND")

    def send_to(self, host: str, port: int, data: bytes, flags: int | None = None) -> Sent:
        """AT#XSENDTO=<url>,<port>,<data>[,<flags>]."""
        suffix = b"" if flags is None else b",%d" % flags
        command = b'AT#XSENDTO="%b",%d,"%b"%b' % (host.encode(), port, _string(data), suffix)
        return self._sent(self.link.command(command, timeout=self._send_timeout), "#XSENDTO")

    def send_in_data_mode(self, data: bytes, *, to: tuple[str, int] | None = None) -> SentInDataMode:
        """AT#XSEND or AT#XSENDTO=<url>,<port> without data, the data, and the terminator.

        Raises:
            UsageError: the data hold the terminator, which would end data mode in their middle.
            DataModeError: the firmware dropped them (a datagram over 4096 bytes).
        """
        terminator = self.link.dialect.data_mode_terminator
        # The terminator behind them must not be completed early by a plus sign at their end.
        if terminator in data + terminator[:-1]:
            raise UsageError(
                "data that hold +++ or end in + cannot be sent in data mode: the firmware would end it there"
            )
        command = "AT#XSEND" if to is None else f'AT#XSENDTO="{to[0]}",{to[1]}'
        entered = self.link.enter_data_mode(command, timeout=self.margin)
        started = now_ns()
        self.link.write(data)
        written = now_ns()
        result = self.link.leave_data_mode(timeout=self._send_timeout)
        if result != DATA_MODE_RESULT_OK:
            raise DataModeError(
                f"{command} in data mode ended with {result}, expected 0: {len(data)} bytes were dropped"
            )
        return SentInDataMode(len(data), entered, started, written, now_ns())

    @property
    def _send_timeout(self) -> float:
        # SO_SNDTIMEO of a new socket is 30 s.
        return 30.0 + self.margin

    def _sent(self, response: Response, prefix: str) -> Sent:
        answers = Answers(self.link, response)
        return Sent(answers.number(answers.one(prefix)[0], "the size"), response)

    # ---------------------------------------------------------------- #XRECV, #XRECVFROM

    def receive(self, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None) -> Received:
        """AT#XRECV=<timeout>[,<flags>]: seconds; nothing in time is ERROR.

        Args:
            timeout: 0 waits for ever.
            flags: left out when None.
            at_most: seconds after which something is certain to have come; needed where the board waits for ever.
        """
        response = self._receive("AT#XRECV", timeout, flags, at_most)
        return Received(self._payload(response, "#XRECV", 1), None, response)

    def receive_from(self, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None) -> Received:
        """AT#XRECVFROM=<timeout>[,<flags>]; as :meth:`receive`."""
        response = self._receive("AT#XRECVFROM", timeout, flags, at_most)
        data = self._payload(response, "#XRECVFROM", 3)
        if not data:
            return Received(data, None, response)
        answers = Answers(self.link, response)
        fields = answers.one("#XRECVFROM", fields=3)
        return Received(data, (fields[1], answers.number(fields[2], "the port")), response)

    def _receive(self, command: str, timeout: int, flags: ReceiveFlag | None, at_most: float | None) -> Response:
        waits = not (flags or 0) & ReceiveFlag.DONT_WAIT
        if waits and timeout <= 0 and at_most is None:
            raise UsageError(f"{command}={timeout} blocks for ever: say with at_most when data are certain to come")
        wait = at_most if at_most is not None else timeout if waits else 0
        suffix = "" if flags is None else f",{int(flags)}"
        return self.link.command(f"{command}={timeout}{suffix}", timeout=wait + self.margin)

    def _payload(self, response: Response, prefix: str, fields: int) -> bytes:
        answers = Answers(self.link, response)
        if not answers.lines(prefix):
            return b""
        size = answers.number(answers.one(prefix, fields=fields)[0], "the size")
        data = response.payload or b""
        if len(data) != size:
            raise MalformedAnswer(f"{response.command} announced {size} bytes and gave {len(data)}")
        return data


def _string(data: bytes) -> bytes:
    if not fits_string(data):
        raise UsageError(
            f"{len(data)} bytes cannot be sent as a string (at most {STRING_LIMIT}, no quote, NUL, backspace or DEL);"
            " use data mode"
        )
    return data
