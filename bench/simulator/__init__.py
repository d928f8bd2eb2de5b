"""A simulated board: a program of its own on a pty, with real sockets. Shares no table with the client."""

from bench.simulator.modem import Registration
from bench.simulator.program import Settings, run

__all__ = ["Registration", "Settings", "run"]
