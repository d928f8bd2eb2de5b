"""A run: request, schedule, workers, circuit breaker, control board, retries, folder.

>>> from bench.run import RunRequest, execute
>>> summary = execute(RunRequest(simulate=1, suites=["dns"]))  # doctest: +SKIP
>>> print(summary.verdict, summary.reason)  # doctest: +SKIP
"""

from bench.run.execute import Prepared, execute, prepare
from bench.run.request import RunRequest, Simulate, parse_simulate
from bench.run.watcher import Level, Watcher

__all__ = ["Level", "Prepared", "RunRequest", "Simulate", "Watcher", "execute", "parse_simulate", "prepare"]
