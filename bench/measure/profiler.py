"""The program that reads a Power Profiler Kit II: ``python -m bench.measure.profiler PORT`` prints currents.

It prints JSON lines: ``{"t_ns": moment of the first, "step_ns": 1000000, "ma": [...]}`` on CLOCK_MONOTONIC, or
``{"error": TEXT}``, and then ends. The kit sends 100,000 samples a second; the program prints means of 100 samples.
The kit only measures (ampere mode); the lab supplies the board.
"""

import json
import statistics
import sys
import time
from typing import Protocol

from bench.children import SHORT_PATIENCE_S, interrupt_self, when_parent_ends

_SAMPLE_NS = 10_000
_STEP = 100  # samples of one mean
_MILLIVOLTS = 3700  # for the kit's own correction; it feeds nothing in ampere mode
_TRIES = 15
_READ_SECONDS = 0.02
_SILENCE_NS = 1_000_000_000
# Lost samples and impossible currents mean a broken meter, not a board that draws much.
_LEAST_RATE = 0.8
_LEAST_MA, _MOST_MA = -1.0, 1000.0


class Kit(Protocol):
    """The part of ``ppk2_api`` that is used."""

    def start_measuring(self) -> None:
        """Start sending samples."""

    def stop_measuring(self) -> None:
        """Stop sending samples."""

    def get_data(self) -> bytes:
        """Return the data that have arrived."""

    def get_samples(self, buf: bytes) -> tuple[list[float], list[int]]:
        """Return data as microamperes."""


class MeterFailure(Exception):
    """An error for a meter that cannot be trusted any more; the text says why."""


def measure(kit: Kit) -> None:
    """Print means until the process ends.

    Raises:
        MeterFailure: Silence, lost samples, or currents that no board draws.
    """
    kit.start_measuring()
    began = last = time.monotonic_ns()
    count = 0
    rest: list[float] = []
    while True:
        data = kit.get_data()
        now = time.monotonic_ns()
        if not data:
            if now - last > _SILENCE_NS:
                raise MeterFailure("it sends no samples: check that it is still plugged in")
            time.sleep(_READ_SECONDS)
            continue
        last = now
        fresh = [microamperes / 1000 for microamperes in kit.get_samples(data)[0]]
        count += len(fresh)
        rest += fresh
        if now - began > _SILENCE_NS and count < _LEAST_RATE * (now - began) / _SAMPLE_NS:
            raise MeterFailure(f"it lost samples: {count} of {(now - began) // _SAMPLE_NS}: use another USB port")
        means = [statistics.fmean(rest[at : at + _STEP]) for at in range(0, len(rest) - _STEP + 1, _STEP)]
        if any(not _LEAST_MA <= mean <= _MOST_MA for mean in means):
            raise MeterFailure(f"it shows {max(means, key=abs):.1f} mA, no board draws that: check the wiring")
        begin = now - len(rest) * _SAMPLE_NS
        del rest[: _STEP * len(means)]
        if means:
            say({"t_ns": begin, "step_ns": _STEP * _SAMPLE_NS, "ma": [round(mean, 6) for mean in means]})
        time.sleep(_READ_SECONDS)


def say(row: dict[str, object]) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def open_kit(port: str) -> Kit:
    """Open the kit at a port, with its calibration, in ampere mode.

    Raises:
        MeterFailure: Nothing there answers like a kit.
    """
    try:
        from ppk2_api.ppk2_api import PPK2_API
    except ImportError:
        raise MeterFailure("the package ppk2-api is missing: pip install 'nrf91-bench[ppk2]'") from None
    try:
        kit = PPK2_API(port, timeout=1, write_timeout=1, exclusive=True)
    except OSError as error:
        raise MeterFailure(str(error)) from error
    kit.stop_measuring()
    for _ in range(_TRIES):
        kit.ser.reset_input_buffer()
        try:
            if kit.get_modifiers():
                break
        except (OSError, UnicodeDecodeError):  # samples of a measurement that still runs
            kit.stop_measuring()
    else:
        raise MeterFailure(
            "it sends no calibration: check that it is a Power Profiler Kit II that no other program uses"
        )
    kit.set_source_voltage(_MILLIVOLTS)
    kit.use_ampere_meter()
    found: Kit = kit
    return found


def main() -> int:
    """Run the program."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.measure.profiler PORT")
    when_parent_ends(interrupt_self, patience=SHORT_PATIENCE_S)
    try:
        kit = open_kit(sys.argv[1])
        try:
            measure(kit)
        finally:
            kit.stop_measuring()
    except KeyboardInterrupt:
        return 0
    except (MeterFailure, OSError) as error:
        say({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
