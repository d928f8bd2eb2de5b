"""The history: results and measurements of earlier runs, kept in one file, and compared."""

from bench.history.choice import chosen_runs
from bench.history.comparison import Comparison, compare
from bench.history.designs import Evidence
from bench.history.false_alarms import FalseAlarms
from bench.history.judgement import CompareSettings, ComparisonVerdict, Judgement
from bench.history.observations import Observation, control_boards, known_models, observations
from bench.history.record import BoardRecord, MeasurementRecord, ResultRecord, RunRecord
from bench.history.store import DEFAULT, Store

__all__ = [
    "DEFAULT",
    "BoardRecord",
    "CompareSettings",
    "Comparison",
    "ComparisonVerdict",
    "Evidence",
    "FalseAlarms",
    "Judgement",
    "MeasurementRecord",
    "Observation",
    "ResultRecord",
    "RunRecord",
    "Store",
    "chosen_runs",
    "compare",
    "control_boards",
    "known_models",
    "observations",
]
