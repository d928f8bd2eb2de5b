"""Declared measurements."""

from bench.measure.measurement import AtMost, Limit, LimitExceeded, Measurement, Within, at_most, shown, within

__all__ = ["AtMost", "Limit", "LimitExceeded", "Measurement", "Within", "at_most", "shown", "within"]
