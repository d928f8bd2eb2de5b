"""Power meters: a Power Profiler Kit II between supply and board, or a simulated board's model of its radio."""

import json
import subprocess
import threading
import time
from collections import deque
from typing import IO, Protocol, Self

from bench import children
from bench.boards import BoardSpec, ask_simulator
from bench.errors import LabError
from bench.measure.current import Current

_START_SECONDS = 30.0
_SILENCE_SECONDS = 3.0
# Values of the last ten minutes, one each millisecond.
_REMEMBERED = 600_000
_WAIT_SECONDS = 5.0


class Meter(Protocol):
    """A meter of a board's current.

    Attributes:
        title: name of the meter, for a report.
        simulated: whether its values come from a model of a radio.
    """

    title: str
    simulated: bool

    def current(self, since_ns: int, until_ns: int) -> Current:
        """Return the current between two past moments, on the clock of the bench.

        Raises:
            LabError: The meter is gone, silent, or noisy.
        """


class SimulatedMeter:
    """The current by a simulated board's model of its radio: not a measurement."""

    simulated = True
    title = "SIMULATED: a model of the radio"

    def __init__(self, spec: BoardSpec) -> None:
        self._spec = spec

    def current(self, since_ns: int, until_ns: int) -> Current:
        """See :class:`Meter`."""
        answer = ask_simulator(self._spec, {"op": "current", "since_ns": since_ns})
        steps = [(int(moment), float(milliamperes)) for moment, milliamperes in answer["steps"]]
        return Current(steps, max(until_ns, int(answer["until_ns"])))


class ProfilerKit:
    """A Power Profiler Kit II in ampere mode, read by a separate program, as its samples would disturb our times."""

    simulated = False

    def __init__(self, port: str) -> None:
        self.title = f"PPK2 at {port}"
        self._port = port
        self._process: children.Process | None = None
        self._pipe = -1
        self._reader: threading.Thread | None = None
        self._known = threading.Condition()
        self._steps: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._until_ns = 0
        self._error = ""

    def __enter__(self) -> Self:
        """Start measuring.

        Raises:
            LabError: No meter answers at the port, or ``ppk2-api`` is not installed.
        """
        self._process, self._pipe = children.spawn(
            children.program("bench.measure.profiler", self._port), stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        with self._known:
            self._known.wait_for(lambda: self._steps or self._error, _START_SECONDS)
        if not self._steps:
            self.__exit__()
            raise LabError(f"{self.title}: {self._error or f'no sample in {_START_SECONDS:g} s'}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            children.end(self._process, self._pipe)
            self._process = None
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def check(self) -> None:
        """Check that the meter has not failed.

        Raises:
            LabError: it has.
        """
        if self.trouble:
            raise LabError(self.trouble)

    @property
    def trouble(self) -> str:
        """The reason that it has stopped measuring; empty while it measures."""
        with self._known:
            return self._error

    def current(self, since_ns: int, until_ns: int) -> Current:
        """See :class:`Meter`."""
        with self._known:
            self._known.wait_for(lambda: self._until_ns >= until_ns or self._error, _WAIT_SECONDS)
            if self._error:
                raise LabError(f"{self.title}: {self._error}")
            if self._until_ns < until_ns:
                silent = (time.monotonic_ns() - self._until_ns) / 1e9
                raise LabError(f"{self.title}: silent for {silent:.1f} s: check that it is still plugged in")
            before = [step for step in self._steps if step[0] <= since_ns][-1:]
            within = [step for step in self._steps if since_ns < step[0] < until_ns]
            return Current(before + within, self._until_ns)

    def _read(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                row = json.loads(line)
                with self._known:
                    if "error" in row:
                        self._error = row["error"]
                    else:
                        step = row["step_ns"]
                        self._steps += [(row["t_ns"] + number * step, ma) for number, ma in enumerate(row["ma"])]
                        self._until_ns = row["t_ns"] + step * len(row["ma"])
                    self._known.notify_all()
        with self._known:
            self._error = self._error or "its program has ended"
            self._known.notify_all()
