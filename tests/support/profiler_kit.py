"""A device on a pty that speaks as a Power Profiler Kit II does: calibration on request, then samples of a current."""

import os
import select
import struct
import threading
import time
import tty
from typing import Self

START, STOP, CALIBRATION = 0x06, 0x07, 0x19
_RANGE = 3  # 0.94 ohm
_GAINS = {"GS": 0, "GI": 1, "O": 0, "S": 0, "I": 0, "UG": 1}
_OHMS = (1031.64, 101.65, 10.15, 0.94, 0.043)
_ROWS = [f"{name}{number}: {value}" for name, value in _GAINS.items() for number in range(5)]
_ROWS += [f"R{number}: {ohm}" for number, ohm in enumerate(_OHMS)]
_TEXT = "\n".join((*_ROWS, "HW: 1", "END"))


class FakeProfilerKit:
    """Measures ``milliamperes`` once it is told to start; ``rate`` samples a second until ``silent``."""

    def __init__(self, milliamperes: float, rate: int = 100_000, calibrated: bool = True) -> None:
        self._counts = round(milliamperes / 1000 * 0.94 / (1.8 / 163840) / 4)
        self._rate = rate
        self.silent = False
        self._calibrated = calibrated
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        sample = struct.pack("<I", self._counts | _RANGE << 14)
        running, sent, began = False, 0, 0.0
        while not self._stop.is_set():
            if select.select([self._master], [], [], 0.005)[0]:
                asked = os.read(self._master, 4096)
                if CALIBRATION in asked and self._calibrated:
                    os.write(self._master, _TEXT.encode())
                if STOP in asked:
                    running = False
                if asked.endswith(bytes([START])):
                    running, sent, began = True, 0, time.monotonic()
            if running and not self.silent:
                due = int((time.monotonic() - began) * self._rate) - sent
                try:
                    sent += os.write(self._master, sample * due) // 4
                except BlockingIOError:
                    continue
