"""The socket AT commands of Serial Modem, one call each. "Serial Modem, at_socket".

Every command names its handle, and its answer begins with it. A call returns a frozen value with its transaction's
timing. ERROR raises CommandError with the transcript's tail; an answer that neither the documentation nor the firmware
knows raises MalformedAnswer.
"""

from bench.at import AtLink, Response, Urc
from bench.clock import now_ns
from bench.errors import UsageError
from bench.modem.answers import Answers
from bench.modem.commands import DATA_MODE_RESULT_OK, CommandTiming, DataModeError
from bench.modem.opening import open_command, read_opened, secure_open_command
from bench.modem.serial_modem.events import SocketEvents
from bench.modem.serial_modem.payloads import HEX, RAW, received
from bench.modem.serial_modem.rows import numbered_rows, numbers_of, of_handle
from bench.modem.serial_modem.sending import Destination, entry_command, fits_string, hex_command, text_command
from bench.modem.serial_modem.values import AllClosed, Closed, OpenSocket, SendNotice
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

_PLAIN = -1
_NOTIFIED = 1
# SO_SNDTIMEO of a new socket.
_SEND_SECONDS = 30.0


class SerialModemSocketCommands:
    """#XSOCKET, #XSSOCKET, #XCLOSE, #XCONNECT, #XSEND, #XSENDTO, #XRECV, #XRECVFROM."""

    def __init__(self, link: AtLink, events: SocketEvents, timing: CommandTiming) -> None:
        self._link = link
        self._events = events
        self._margin = timing.margin
        self._connect_timeout = timing.connect_timeout

    # ---------------------------------------------------------------- #XSOCKET, #XSSOCKET, #XCLOSE

    def open(
        self,
        type: SocketType,  # noqa: A002 - the documentation's word
        *,
        family: Family | None = None,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Opened:
        """AT#XSOCKET=<family>,<type>,<role>[,<cid>]. Without a family: IPv4, for a raw socket the packet family."""
        usual = Family.PACKET if type is SocketType.RAW else Family.IPV4
        return self._open(open_command(type, family or usual, role, cid), "#XSOCKET")

    def open_secure(
        self,
        type: SocketType,  # noqa: A002 - the documentation's word
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        peer_verify: PeerVerify | None = None,
        cid: int | None = None,
    ) -> Opened:
        """AT#XSSOCKET=<family>,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]].

        Raises:
            UsageError: a cid without a level of verification before it.
        """
        return self._open(secure_open_command(type, sec_tag, family, role, peer_verify, cid), "#XSSOCKET")

    def list(self) -> tuple[OpenSocket, ...]:
        """AT#XSOCKET?: the plain sockets, accepted connections among them, in the board's order."""
        rows = numbered_rows(self._answers("AT#XSOCKET?"), "#XSOCKET", 5)
        return tuple(OpenSocket(handle, family, role, kind, _PLAIN, cid) for handle, family, role, kind, cid in rows)

    def list_secure(self) -> tuple[OpenSocket, ...]:
        """AT#XSSOCKET?: the TLS and DTLS sockets, in the board's order."""
        return tuple(OpenSocket(*row) for row in numbered_rows(self._answers("AT#XSSOCKET?"), "#XSSOCKET", 6))

    def test(self) -> Response:
        """AT#XSOCKET=?."""
        return self._link.command("AT#XSOCKET=?", timeout=self._margin)

    def test_secure(self) -> Response:
        """AT#XSSOCKET=?."""
        return self._link.command("AT#XSSOCKET=?", timeout=self._margin)

    def close(self, handle: int) -> Response:
        """AT#XCLOSE=<handle>, of plain and secure sockets."""
        self._events.forget(handle)
        response = self._link.command(f"AT#XCLOSE={handle}", timeout=self._margin)
        answers = Answers(self._link, response)
        if answers.number(of_handle(answers, "#XCLOSE", handle, 1)[0], "the result") != 0:
            answers.refuse(f"#XCLOSE: {handle},0")
        return response

    def close_every(self) -> AllClosed:
        """AT#XCLOSE: close all sockets; harmless when none is open."""
        self._events.forget()
        response = self._link.command("AT#XCLOSE", timeout=_SEND_SECONDS + self._margin)
        rows = numbered_rows(Answers(self._link, response), "#XCLOSE", 2)
        return AllClosed(tuple(Closed(handle, result) for handle, result in rows), response)

    def close_all(self) -> int:
        """Close every open socket by one command; return their number."""
        return len(self.close_every().sockets)

    def _open(self, command: str, prefix: str) -> Opened:
        opened = read_opened(self._link, self._link.command(command, timeout=self._margin), prefix)
        self._events.forget(opened.handle)
        return opened

    # ---------------------------------------------------------------- #XCONNECT, #XSEND, #XSENDTO

    def connect(self, handle: int, host: str, port: int, *, at_most: float | None = None) -> Response:
        """AT#XCONNECT=<handle>,<host>,<port>; raises MalformedAnswer unless the status is 1, connected."""
        wait = self._connect_timeout if at_most is None else at_most
        response = self._link.command(f'AT#XCONNECT={handle},"{host}",{port}', timeout=wait + self._margin)
        answers = Answers(self._link, response)
        if of_handle(answers, "#XCONNECT", handle, 1)[0] != "1":
            answers.refuse(f"#XCONNECT: {handle},1")
        return response

    def fits_string(self, data: bytes) -> bool:
        """See :func:`~bench.modem.serial_modem.sending.fits_string`."""
        return fits_string(data)

    def send(self, handle: int, data: bytes, flags: int | None = None, *, at_most: float | None = None) -> Sent:
        """AT#XSEND=<handle>,0,<flags>,<data>.

        Args:
            handle: of the socket.
            data: that a string can carry.
            flags: see SendFlag.
            at_most: seconds that it may take, where the option SNDTIMEO allows more than its usual 30.

        Raises:
            UsageError: bytes that no string can carry; use :meth:`send_hex` or :meth:`send_in_data_mode`.
            CommandError: its response has ``#XSEND: <handle>,0,<size>``, with the bytes that were sent before.
        """
        return self._send(handle, text_command(handle, data, flags), "#XSEND", at_most)

    def send_to(
        self, handle: int, host: str, port: int, data: bytes, flags: int | None = None, *, at_most: float | None = None
    ) -> Sent:
        """AT#XSENDTO=<handle>,0,<flags>,<host>,<port>,<data>; otherwise as :meth:`send`."""
        return self._send(handle, text_command(handle, data, flags, (host, port)), "#XSENDTO", at_most)

    def send_hex(self, handle: int, data: bytes, flags: int | None = None, *, at_most: float | None = None) -> Sent:
        """AT#XSEND=<handle>,1,<flags>,<hexadecimal digits>: any bytes, 1400 at most; otherwise as :meth:`send`."""
        return self._send(handle, hex_command(handle, data, flags), "#XSEND", at_most)

    def send_hex_to(
        self, handle: int, host: str, port: int, data: bytes, flags: int | None = None, *, at_most: float | None = None
    ) -> Sent:
        """AT#XSENDTO=<handle>,1,<flags>,<host>,<port>,<hexadecimal digits>; otherwise as :meth:`send_hex`."""
        return self._send(handle, hex_command(handle, data, flags, (host, port)), "#XSENDTO", at_most)

    def wait_notice(self, handle: int, timeout: float, *, since_ns: int | None = None) -> SendNotice:
        """Wait for #XSENDNTF of a send with SendFlag.NOTIFY; from the link's backlog first.

        Raises:
            UrcTimeout: none came within ``timeout`` seconds.
        """
        urc: Urc = self._link.wait_for_urc(f"#XSENDNTF: {handle},", timeout=timeout, since_ns=since_ns)
        _, status, size = numbers_of(urc, 3)
        return SendNotice(handle, status, size, urc)

    def enter_data_mode(
        self, handle: int, *, to: Destination = None, flags: int | None = None, length: int | None = None
    ) -> Response:
        """AT#XSEND=<handle>,2,<flags>[,<length>] or AT#XSENDTO=<handle>,2,<flags>,<host>,<port>[,<length>].

        With a length data mode ends by itself after that many bytes, and +++ among them is data. Wait for that end by
        ``link.data_mode_ended``.
        """
        return self._link.enter_data_mode(entry_command(handle, flags, to, length), timeout=self._margin)

    def send_in_data_mode(
        self,
        handle: int,
        data: bytes,
        *,
        to: Destination = None,
        flags: int | None = None,
        by_length: bool | None = None,
    ) -> SentInDataMode:
        """Enter data mode, write the data, and leave it by its terminator, or by the length that was announced.

        Args:
            handle: of the socket.
            data: any bytes.
            to: the destination of a datagram.
            flags: see SendFlag.
            by_length: whether their length is announced; None: only where they hold the terminator.

        Raises:
            UsageError: the data hold the terminator but ``by_length`` is False; or it is True but there are no data.
            DataModeError: the firmware dropped some of them: the peer has closed, or a datagram has over 4096 bytes.
        """
        terminator = self._link.dialect.data_mode_terminator
        # The terminator behind them must not be completed early by a plus sign at their end.
        holds_terminator = terminator in data + terminator[:-1]
        counted = holds_terminator if by_length is None else by_length
        if holds_terminator and not counted:
            raise UsageError(
                "data that hold +++ or end in + must be sent by length: the firmware would end data mode there"
            )
        if counted and not data:
            raise UsageError("empty data cannot be sent by length: a length of 0 means none")
        entered = self.enter_data_mode(handle, to=to, flags=flags, length=len(data) if counted else None)
        started = now_ns()
        self._link.write(data)
        written = now_ns()
        wait = _SEND_SECONDS + self._margin
        if counted:
            result = self._link.data_mode_ended(timeout=wait, since_ns=entered.sent_ns)
        else:
            result = self._link.leave_data_mode(timeout=wait)
        if result != DATA_MODE_RESULT_OK:
            raise DataModeError(
                f"{entered.command} in data mode ended with {result}, expected 0: some of {len(data)} bytes are lost"
            )
        return SentInDataMode(len(data), entered, started, written, now_ns())

    def forget_destination(self) -> None:
        """Make the board forget the host of an #XSENDTO that failed, to which the next data mode would send.

        That it keeps the host is a defect of the firmware. It forgets the host at the end of data mode, so this enters
        data mode on a new socket and leaves it without data.
        """
        handle = self.open(SocketType.DATAGRAM).handle
        try:
            self.enter_data_mode(handle)
            self._link.leave_data_mode(timeout=self._margin)
        finally:
            self.close(handle)

    def _send(self, handle: int, command: bytes, prefix: str, at_most: float | None) -> Sent:
        wait = _SEND_SECONDS if at_most is None else at_most
        response = self._link.command(command, timeout=wait + self._margin)
        answers = Answers(self._link, response)
        result_type, size = of_handle(answers, prefix, handle, 2)[:2]
        notified = answers.number(result_type, "the result type") == _NOTIFIED
        return Sent(answers.number(size, "the size"), response, notified)

    # ---------------------------------------------------------------- #XRECV, #XRECVFROM

    def receive(
        self,
        handle: int,
        timeout: int,
        flags: ReceiveFlag | None = None,
        *,
        at_most: float | None = None,
        length: int | None = None,
        in_hex: bool = False,
    ) -> Received:
        """AT#XRECV=<handle>,<mode>,<flags>,<timeout>[,<length>]; no data in time is ERROR.

        Args:
            handle: of the socket.
            timeout: in seconds; 0 waits for ever. The firmware keeps it as the option RCVTIMEO.
            flags: none when None.
            at_most: seconds after which data are certain to have come; needed where the board waits for ever.
            length: the most bytes to take, 2048 when None.
            in_hex: whether the board sends them as hexadecimal digits.
        """
        response = self._receive("#XRECV", handle, timeout, flags, at_most, length, in_hex)
        return received(Answers(self._link, response), response, "#XRECV", handle, in_hex=in_hex)

    def receive_from(
        self,
        handle: int,
        timeout: int,
        flags: ReceiveFlag | None = None,
        *,
        at_most: float | None = None,
        length: int | None = None,
        in_hex: bool = False,
    ) -> Received:
        """AT#XRECVFROM=<handle>,<mode>,<flags>,<timeout>[,<length>]; as :meth:`receive`, with the sender's address."""
        response = self._receive("#XRECVFROM", handle, timeout, flags, at_most, length, in_hex)
        return received(Answers(self._link, response), response, "#XRECVFROM", handle, in_hex=in_hex)

    def _receive(
        self,
        name: str,
        handle: int,
        timeout: int,
        flags: ReceiveFlag | None,
        at_most: float | None,
        length: int | None,
        in_hex: bool,
    ) -> Response:
        waits = not (flags or 0) & ReceiveFlag.DONT_WAIT
        suffix = "" if length is None else f",{length}"
        command = f"AT{name}={handle},{HEX if in_hex else RAW},{int(flags or 0)},{timeout}{suffix}"
        if waits and timeout <= 0 and at_most is None:
            raise UsageError(f"{command} blocks for ever: say with at_most when data are certain to come")
        wait = at_most if at_most is not None else timeout if waits else 0
        return self._link.command(command, timeout=wait + self._margin)

    def _answers(self, command: str) -> Answers:
        return Answers(self._link, self._link.command(command, timeout=self._margin))
