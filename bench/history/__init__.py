"""The history: results and measurements of earlier runs, kept in one file, and compared."""

from bench.history.comparison import CompareSettings, Comparison, Judgement, compare
from bench.history.observations import Observation, chosen_runs, observations
from bench.history.record import BoardRecord, MeasurementRecord, ResultRecord, RunRecord
from bench.history.store import DEFAULT, Store

__all__ = [
    "DEFAULT",
    "BoardRecord",
    "CompareSettings",
    "Comparison",
    "Judgement",
    "MeasurementRecord",
    "Observation",
    "ResultRecord",
    "RunRecord",
    "Store",
    "chosen_runs",
    "compare",
    "observations",
]
