"""Automatic reception of Serial Modem: #XRECVCFG. "Serial Modem, at_socket"."""

from bench.at import AtLink, MalformedAnswer, Response
from bench.at.numbers import whole_number
from bench.modem.answers import Answers, fields_of
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.payloads import data_of
from bench.modem.serial_modem.rows import numbered_rows, numbers_of
from bench.modem.serial_modem.values import Arrived, Reception, ReceptionOf

_HEADERS = ("#XRECV", "#XRECVFROM")


class AutomaticReception:
    """#XRECVCFG: received data come as URCs. In data mode they come raw: ``link.listen`` reads them."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def set(self, reception: Reception | int, handle: int | None = None, *, in_hex: bool | None = None) -> Response:
        """AT#XRECVCFG=[<handle>],<flags>[,<hex>].

        Args:
            reception: in which modes of the link; OFF ends it.
            handle: of the socket; None: all sockets, and those that are opened or accepted later.
            in_hex: as hexadecimal digits, in AT mode only; left out when None.
        """
        suffix = "" if in_hex is None else f",{int(in_hex)}"
        command = f"AT#XRECVCFG={'' if handle is None else handle},{int(reception)}{suffix}"
        return self._link.command(command, timeout=self._margin)

    def read(self) -> tuple[ReceptionOf, ...]:
        """AT#XRECVCFG?: the sockets whose data come by themselves."""
        answers = Answers(self._link, self._link.command("AT#XRECVCFG?", timeout=self._margin))
        rows = numbered_rows(answers, "#XRECVCFG", 3)
        return tuple(ReceptionOf(handle, Reception(flags), in_hex == 1) for handle, flags, in_hex in rows)

    def test(self) -> Response:
        """AT#XRECVCFG=?."""
        return self._link.command("AT#XRECVCFG=?", timeout=self._margin)

    def wait(self, handle: int, timeout: float, *, since_ns: int | None = None) -> Arrived:
        """Return the next data of a socket that come by themselves, 2048 bytes at most; from the link's backlog first.

        Raises:
            UrcTimeout: none came within ``timeout`` seconds.
            MalformedAnswer: the URC has other fields, or a payload that does not fit them.
        """
        prefixes = tuple(f"{header}: {handle}," for header in _HEADERS)
        urc = self._link.wait_for_urc(prefixes, timeout=timeout, since_ns=since_ns)
        _, mode, size = numbers_of(urc, 3)
        data = data_of(urc.payload or b"", size, in_hex=mode == 1, what=urc.line)
        fields = fields_of(urc.line)
        if urc.line.startswith(f"{_HEADERS[0]}:"):
            return Arrived(handle, data, None, urc)
        port = whole_number(fields[4]) if len(fields) > 4 else None
        if port is None:
            raise MalformedAnswer(f"{urc.line} came, expected the sender's address and port")
        return Arrived(handle, data, (fields[3], port), urc)
