"""The line of a board with Serial Modem on a pty, character by character. Shares no code with client or simulator.

Source: how Serial Modem reads a command and data mode; answers to what a bench asks when it opens a board.
"""

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator

ANSWERS = {
    b"AT": b"",
    b"ATE0": b"",
    b"ATE1": b"",
    b"AT+CFUN?": b"+CFUN: 1",
    b"AT#XSMVER": b'#XSMVER: "v1.99.0-67-ga9e396bc3d58","3.3.99"',
    b"AT#XCLOSE": b"",
    b"AT+CGMI": b"Nordic Semiconductor ASA",
    b"AT+CGMM": b"nRF9151-LACA",
    b"AT+CGMR": b"mfw_nrf91x1_2.0.4",
    b"AT+CGSN": b"351358811124772",
    b"AT#XUUID": b"#XUUID: 50503041-3633-4261-803d-1e2b8f70111a",
}


class SerialModemHost:
    """The board's side.

    Attributes:
        heard: all that it was sent.
        data: what data mode took.
        data_mode: whether it is in data mode.
        left: bytes of data mode that are still due, where a length was given.
        failed: data mode has failed and waits for the terminator.
    """

    def __init__(self, terminator: bytes) -> None:
        self.terminator = terminator
        self.heard = self.data = b""
        self.data_mode = self.failed = self.echo = False
        self.left: int | None = None
        self._line = b""
        self._quoted = False
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def take(self, data: bytes) -> None:
        """Takes what an earlier program had sent, and forgets it."""
        for number in data:
            self._take(bytes((number,)))

    def close(self) -> None:
        """Ends it."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        for descriptor in (self._stop, self._slave, self._master):
            os.close(descriptor)

    def _serve(self) -> None:
        while self._stop not in select.select([self._master, self._stop], [], [])[0]:
            data = os.read(self._master, 65536)
            self.heard += data
            self.take(data)

    def _say(self, data: bytes) -> None:
        os.write(self._master, data)

    def _take(self, byte: bytes) -> None:
        if self.data_mode:
            self._take_data(byte)
            return
        if self.echo:
            self._say(byte)
        self._line += byte
        if len(self._line) <= 2:
            if not b"AT".startswith(self._line.upper()):
                self._line = b""  # dropped until A and T come in a row
            return
        if byte == b'"':
            self._quoted = not self._quoted
        if not self._quoted and self._line.endswith(self.terminator):
            line, self._line = self._line.removesuffix(self.terminator), b""
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        if line.startswith(b"AT#XSEND=0,2,0"):
            length = line[15:]
            self.data_mode, self.left = True, int(length) if length else None
            self._say(b"\r\nOK\r\n")
        elif line in ANSWERS:
            self._say(b"\r\n%b\r\n\r\nOK\r\n" % ANSWERS[line] if ANSWERS[line] else b"\r\nOK\r\n")
            self.echo = line == b"ATE1" or (self.echo and line != b"ATE0")
        else:
            self._say(b"\r\nERROR\r\n")

    def _take_data(self, byte: bytes) -> None:
        self.data += byte
        if self.left is not None:
            self.left -= 1
        if self.left == 0 or (self.left is None and self.data.endswith(b"+++")):
            self._say(b"\r\n#XDATAMODE: %d\r\n" % (-1 if self.failed else 0))
            self.data_mode = self.failed = False


@contextlib.contextmanager
def serial_modem_host(terminator: bytes = b"\r") -> Iterator[SerialModemHost]:
    """A board whose commands end in ``terminator``."""
    made = SerialModemHost(terminator)
    try:
        yield made
    finally:
        made.close()
