"""A small device on a pty, for the client's tests. Shares no code with the simulator.

It answers from a table of exact commands; an answer is bytes, or a function that writes what it likes when it likes.
"""

import contextlib
import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping

Answer = bytes | Callable[["Device"], None]


OK = b"\r\nOK\r\n"


def info(*lines: bytes) -> bytes:
    """The answer of these information lines and OK."""
    return b"".join(b"\r\n%b\r\n" % line for line in lines) + OK


class Device:
    """The master side. ``heard`` is everything it was sent."""

    def __init__(self, answers: Mapping[bytes, Answer]) -> None:
        self.answers = dict(answers)
        self.heard = b""
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self._pending = b""
        self._stop = os.eventfd(0)
        self._gone = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def say(self, *pieces: bytes, gap: float = 0.0) -> None:
        """Writes pieces, each in a write of its own."""
        for piece in pieces:
            os.write(self.master, piece)
            time.sleep(gap)

    def unplug(self) -> None:
        """Vanishes."""
        self._gone = True
        if threading.current_thread() is not self._thread:
            self.stall()
        os.close(self.slave)
        os.close(self.master)

    def stall(self) -> None:
        """Reads nothing any more."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()

    def close(self) -> None:
        self.stall()
        if not self._gone:
            self.unplug()
        os.close(self._stop)

    def _serve(self) -> None:
        while not self._gone:
            ready = select.select([self.master, self._stop], [], [])[0]
            if self._stop in ready:
                return
            data = os.read(self.master, 65536)
            self.heard += data
            self._pending += data
            while b"\r\n" in self._pending and not self._gone:
                command, self._pending = self._pending.split(b"\r\n", 1)
                answer = self.answers.get(command, b"\r\nERROR\r\n")
                if isinstance(answer, bytes):
                    os.write(self.master, answer)
                else:
                    answer(self)


@contextlib.contextmanager
def device(answers: Mapping[bytes, Answer] | None = None) -> Iterator[Device]:
    """A device that answers AT with OK and everything else as told."""
    made = Device({b"AT": b"\r\nOK\r\n", **(answers or {})})
    try:
        yield made
    finally:
        made.close()


SLM_IDENTITY: dict[bytes, Answer] = {
    b"+++AT": b"\r\nOK\r\n",
    b"AT+CFUN?": b"\r\n+CFUN: 1\r\n\r\nOK\r\n",
    b"AT#XSLMVER": b'\r\n#XSLMVER: "2.9.0","2.9.0"\r\n\r\nOK\r\n',
    b"AT+CGMI": b"\r\nNordic Semiconductor ASA\r\n\r\nOK\r\n",
    b"AT+CGMM": b"\r\nnRF9161-LACA\r\n\r\nOK\r\n",
    b"AT+CGMR": b"\r\nmfw_nrf91x1_2.0.1\r\n\r\nOK\r\n",
    b"AT%HWVERSION": b"\r\n%HWVERSION: nRF9161 LACA A0A\r\n\r\nOK\r\n",
    b"AT+CGSN": b"\r\n351358811124772\r\n\r\nOK\r\n",
    b"AT+CIMI": b"\r\n234150999999999\r\n\r\nOK\r\n",
    b"AT%XICCID": b"\r\n%XICCID: 8944501234567890123F\r\n\r\nOK\r\n",
    b"AT#XSOCKETSELECT?": b"\r\nOK\r\n",
    b"AT+CEREG?": b'\r\n+CEREG: 5,1,"76C1","0102DA04",7\r\n\r\nOK\r\n',
}
"""What a board with Serial LTE Modem firmware answers to a bench that opens it."""


def gated(open_gate: Callable[[Device], bool]) -> dict[bytes, Answer]:
    """A board's answers, but silence while the gate is closed."""

    def behind(answer: Answer) -> Answer:
        def reply(board: Device) -> None:
            if open_gate(board) and isinstance(answer, bytes):
                os.write(board.master, answer)

        return reply

    return {name: behind(answer) for name, answer in SLM_IDENTITY.items()}


def rate_of(board: Device) -> int:
    """The rate that the client has set: a pty has none on the wire."""
    speed: int = termios.tcgetattr(board.master)[4]
    return speed
