"""What a run proves: rows, the stream, the run's folder, outcomes, blame, summary, qualification."""

from bench.evidence.causes import Cause, boards_text, group_by_cause
from bench.evidence.outcomes import Outcome, RunVerdict, TestResult
from bench.evidence.reconcile import Reconciliation, reconcile
from bench.evidence.stream import EvidenceLost, ResultStream, RowReader
from bench.evidence.summary import Summary, write_json

__all__ = [
    "Cause",
    "EvidenceLost",
    "Outcome",
    "Reconciliation",
    "ResultStream",
    "RowReader",
    "RunVerdict",
    "Summary",
    "TestResult",
    "boards_text",
    "group_by_cause",
    "reconcile",
    "write_json",
]
