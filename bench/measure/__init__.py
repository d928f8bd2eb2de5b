"""Declared measurements, their statistics, throughput, parts of a round trip, and the noise of the bench."""

from bench.measure.current import Current
from bench.measure.measurement import (
    TIME_TO_REGISTER,
    VALUE,
    AtLeast,
    AtMost,
    Limit,
    LimitExceeded,
    LimitUnfit,
    LimitVerdict,
    Measurement,
    TooFewSamples,
    Within,
    at_least,
    at_most,
    configured_limits,
    format_range,
    format_value,
    within,
)
from bench.measure.meter import Meter, ProfilerKit, SimulatedMeter
from bench.measure.noise import HOST_NOISE, Floor, NoiseFloor
from bench.measure.rai import FEWEST, RaiFinding, Round, Verdict, judge
from bench.measure.series import Series
from bench.measure.split import PART_MEANINGS, PARTS, Exchange, RoundTrip, take_apart
from bench.measure.statistics import STATISTIC_MEANINGS, Estimate, drift, proportion, quantiles, reordered, typical
from bench.measure.survey import Survey, Surveyor
from bench.measure.throughput import OverTime, Rate, rate_of, uart_ceiling

__all__ = [
    "FEWEST",
    "HOST_NOISE",
    "PARTS",
    "PART_MEANINGS",
    "STATISTIC_MEANINGS",
    "TIME_TO_REGISTER",
    "VALUE",
    "AtLeast",
    "AtMost",
    "Current",
    "Estimate",
    "Exchange",
    "Floor",
    "Limit",
    "LimitExceeded",
    "LimitUnfit",
    "LimitVerdict",
    "Measurement",
    "Meter",
    "NoiseFloor",
    "OverTime",
    "ProfilerKit",
    "RaiFinding",
    "Rate",
    "Round",
    "RoundTrip",
    "Series",
    "SimulatedMeter",
    "Survey",
    "Surveyor",
    "TooFewSamples",
    "Verdict",
    "Within",
    "at_least",
    "at_most",
    "configured_limits",
    "drift",
    "format_range",
    "format_value",
    "judge",
    "proportion",
    "quantiles",
    "rate_of",
    "reordered",
    "take_apart",
    "typical",
    "uart_ceiling",
    "within",
]
