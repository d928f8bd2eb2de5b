"""Measurements of a test, as a scenario leaves them."""

from bench.clock import NS_PER_MS
from bench.measure import OverTime, Series, at_most
from bench.measure.measurement import Measurement
from bench.report import Measured


def measured() -> list[Measured]:
    whole = Series("echo", "ns", limits={"p90": at_most(seconds=1)}, doc="There and back.", beside=("quiet",))
    part = Series("echo: uplink", "ns", part_of="echo", beside=("quiet",))
    for number in range(40):
        whole.add(1e6 + number, 1000 + number * NS_PER_MS)
        part.add(5e5 + number, 1000 + number * NS_PER_MS)
    rate = Measured(
        Measurement("rate", "B/s", {"value": 5e3}), over_time=OverTime([0, NS_PER_MS, 2 * NS_PER_MS], [4e3, 6e3])
    )
    return [Measured(whole.measurement(), whole), Measured(part.measurement(), part), rate]
