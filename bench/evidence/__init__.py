"""What a run proves: rows, the stream, the run's folder, outcomes, blame, summary, qualification."""

from bench.evidence.results import worst
from bench.evidence.stream import EvidenceLost, ResultStream, RowReader
from bench.evidence.summary import Summary, reconcile, write_json

__all__ = ["EvidenceLost", "ResultStream", "RowReader", "Summary", "reconcile", "worst", "write_json"]
