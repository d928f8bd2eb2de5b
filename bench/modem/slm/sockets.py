"""The socket AT commands of SLM, one call each. Section numbers: Socket AT commands page.

A call returns a frozen value with its transaction's timing. ERROR raises CommandError with the transcript's tail; an
answer that neither the page nor the firmware knows raises MalformedAnswer.
"""

from bench.at import AtLink, MalformedAnswer, Response
from bench.clock import now_ns
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.commands import DATA_MODE_RESULT_OK, CommandTiming, DataModeError
from bench.modem.opening import open_command, read_opened, secure_open_command
from bench.modem.slm.active import SelectedSocket
from bench.modem.socket_values import (
    Family,
    Opened,
    PeerVerify,
    Received,
    ReceiveFlag,
    Role,
    Sent,
    SentInDataMode,
    SocketType,
)

STRING_LIMIT = 1024
"""Bytes that one #XSEND or #XSENDTO takes as a string."""

_NOT_IN_A_STRING = frozenset(b'"\x00\x08\x7f')
# SO_SNDTIMEO of a new socket.
_SEND_SECONDS = 30.0


def fits_string(data: bytes) -> bool:
    """Return True for bytes that may stand between quotes: no quote, NUL, backspace or DEL, 1024 at most."""
    return len(data) <= STRING_LIMIT and not _NOT_IN_A_STRING.intersection(data)


class SlmSocketCommands:
    """#XSOCKET, #XSSOCKET, #XCONNECT, #XSEND, #XSENDTO, #XRECV, #XRECVFROM."""

    def __init__(self, link: AtLink, selected: SelectedSocket, timing: CommandTiming) -> None:
        self._link = link
        self.selected = selected
        self._margin = timing.margin
        self._connect_timeout = timing.connect_timeout

    # ---------------------------------------------------------------- #XSOCKET, #XSSOCKET

    def open(
        self,
        type: SocketType,  # noqa: A002 - the page's word
        *,
        family: Family | None = None,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Opened:
        """AT#XSOCKET=<op>,<type>,<role>[,<cid>]. The new socket becomes the active one."""
        return self._open(open_command(type, family or Family.IPV4, role, cid), "#XSOCKET")

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
        return self._open(secure_open_command(type, sec_tag, family, role, peer_verify, cid), "#XSSOCKET")

    def close(self, handle: int) -> Response:
        """AT#XSOCKET=0, which closes secure sockets too."""
        self.selected.use(handle)
        return self.selected.close()

    def close_all(self) -> int:
        """Select and close every socket that is listed."""
        self.selected.forget()
        found = self.selected.list().sockets
        for row in found:
            self.close(row.handle)
        return len(found)

    def _open(self, command: str, prefix: str) -> Opened:
        self.selected.forget()  # a failed open changes the selection too
        opened = read_opened(self._link, self._link.command(command, timeout=self._margin), prefix)
        self.selected.handle = opened.handle
        return opened

    # ---------------------------------------------------------------- #XCONNECT, #XSEND, #XSENDTO

    def connect(self, handle: int, host: str, port: int, *, at_most: float | None = None) -> Response:
        """AT#XCONNECT=<url>,<port>; raises MalformedAnswer unless the status is 1, connected."""
        self.selected.use(handle)
        wait = self._connect_timeout if at_most is None else at_most
        response = self._link.command(f'AT#XCONNECT="{host}",{port}', timeout=wait + self._margin)
        answers = Answers(self._link, response)
        if answers.one("#XCONNECT")[0] != "1":
            answers.refuse("#XCONNECT: 1")
        return response

    def fits_string(self, data: bytes) -> bool:
        """See :func:`fits_string`."""
        return fits_string(data)

    def send(self, handle: int, data: bytes, flags: int | None = None) -> Sent:
        """AT#XSEND=<data>[,<flags>].

        Raises:
            UsageError: bytes that no string can carry; use :meth:`send_in_data_mode`.
        """
        command = b'AT#XSEND="%b"%b' % (_string(data), _flags(flags))
        return self._send(handle, command, "#XSEND")

    def send_to(self, handle: int, host: str, port: int, data: bytes, flags: int | None = None) -> Sent:
        """AT#XSENDTO=<url>,<port>,<data>[,<flags>]."""
        command = b'AT#XSENDTO="%b",%d,"%b"%b' % (host.encode(), port, _string(data), _flags(flags))
        return self._send(handle, command, "#XSENDTO")

    def enter_data_mode(self, handle: int, *, to: tuple[str, int] | None = None) -> Response:
        """AT#XSEND or AT#XSENDTO=<url>,<port> without data."""
        self.selected.use(handle)
        return self._link.enter_data_mode(_entry(to), timeout=self._margin)

    def send_in_data_mode(self, handle: int, data: bytes, *, to: tuple[str, int] | None = None) -> SentInDataMode:
        """Enter data mode, write the data, and leave it by its terminator.

        Raises:
            UsageError: the data hold the terminator, which would end data mode in their middle.
            DataModeError: the firmware dropped them (a datagram over 4096 bytes).
        """
        terminator = self._link.dialect.data_mode_terminator
        # The terminator behind them must not be completed early by a plus sign at their end.
        if terminator in data + terminator[:-1]:
            raise UsageError(
                "data that hold +++ or end in + cannot be sent in data mode: the firmware would end it there"
            )
        entered = self.enter_data_mode(handle, to=to)
        started = now_ns()
        self._link.write(data)
        written = now_ns()
        result = self._link.leave_data_mode(timeout=_SEND_SECONDS + self._margin)
        if result != DATA_MODE_RESULT_OK:
            raise DataModeError(
                f"{_entry(to)} in data mode ended with {result}, expected 0: {len(data)} bytes were dropped"
            )
        return SentInDataMode(len(data), entered, started, written, now_ns())

    def _send(self, handle: int, command: bytes, prefix: str) -> Sent:
        self.selected.use(handle)
        response = self._link.command(command, timeout=_SEND_SECONDS + self._margin)
        answers = Answers(self._link, response)
        return Sent(answers.number(answers.one(prefix)[0], "the size"), response)

    # ---------------------------------------------------------------- #XRECV, #XRECVFROM

    def receive(
        self, handle: int, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None
    ) -> Received:
        """AT#XRECV=<timeout>[,<flags>]; no data in time is ERROR.

        Args:
            handle: of the socket.
            timeout: in seconds; 0 waits for ever.
            flags: left out when None.
            at_most: seconds after which data are certain to have come; needed where the board waits for ever.
        """
        response = self._receive(handle, "AT#XRECV", timeout, flags, at_most)
        return Received(self._payload(response, "#XRECV", 1), None, response)

    def receive_from(
        self, handle: int, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None
    ) -> Received:
        """AT#XRECVFROM=<timeout>[,<flags>]; as :meth:`receive`."""
        response = self._receive(handle, "AT#XRECVFROM", timeout, flags, at_most)
        data = self._payload(response, "#XRECVFROM", 3)
        if not data:
            return Received(data, None, response)
        answers = Answers(self._link, response)
        fields = answers.one("#XRECVFROM", fields=3)
        return Received(data, (fields[1], answers.number(fields[2], "the port")), response)

    def _receive(
        self, handle: int, command: str, timeout: int, flags: ReceiveFlag | None, at_most: float | None
    ) -> Response:
        waits = not (flags or 0) & ReceiveFlag.DONT_WAIT
        if waits and timeout <= 0 and at_most is None:
            raise UsageError(f"{command}={timeout} blocks for ever: say with at_most when data are certain to come")
        self.selected.use(handle)
        wait = at_most if at_most is not None else timeout if waits else 0
        suffix = "" if flags is None else f",{int(flags)}"
        return self._link.command(f"{command}={timeout}{suffix}", timeout=wait + self._margin)

    def _payload(self, response: Response, prefix: str, fields: int) -> bytes:
        answers = Answers(self._link, response)
        if not answers.lines(prefix):
            return b""
        size = answers.number(answers.one(prefix, fields=fields)[0], "the size")
        data = response.payload or b""
        if len(data) != size:
            raise MalformedAnswer(f"{response.command} announced {size} bytes and gave {len(data)}")
        return data


def _entry(to: tuple[str, int] | None) -> str:
    """Return the command that enters data mode."""
    return "AT#XSEND" if to is None else f'AT#XSENDTO="{to[0]}",{to[1]}'


def _flags(flags: int | None) -> bytes:
    return b"" if flags is None else b",%d" % flags


def _string(data: bytes) -> bytes:
    if not fits_string(data):
        raise UsageError(
            f"{len(data)} bytes cannot be sent as a string (at most {STRING_LIMIT}, no quote, NUL, backspace or DEL);"
            " use data mode"
        )
    return data
