"""A simulated board: a program of its own on a pty, with real sockets. Shares no table with the client."""

from bench.simulator.carrier import Carrier
from bench.simulator.credentials import CA, CERTIFICATE, KEY, PSK, PSK_IDENTITY
from bench.simulator.modem import Registration
from bench.simulator.packet_data import AccessPoint
from bench.simulator.path import Direction
from bench.simulator.program import Settings, run
from bench.simulator.radio import Cell

__all__ = [
    "CA",
    "CERTIFICATE",
    "KEY",
    "PSK",
    "PSK_IDENTITY",
    "AccessPoint",
    "Carrier",
    "Cell",
    "Direction",
    "Registration",
    "Settings",
    "run",
]
