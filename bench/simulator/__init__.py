"""A simulated board: a program of its own on a pty, with real sockets. Shares no table with the client."""

from bench.simulator.behaviour import REALISTIC, REALISTIC_SEARCH, Behaviour, SimKind, VisitedNetwork
from bench.simulator.carrier import Carrier
from bench.simulator.credentials import CA, CERTIFICATE, KEY, PSK, PSK_IDENTITY
from bench.simulator.dialects import FIRMWARES
from bench.simulator.models import MODELS, capabilities_of
from bench.simulator.packet_data import AccessPoint
from bench.simulator.path import Direction
from bench.simulator.program import run
from bench.simulator.radio import Cell
from bench.simulator.registration import SimulatedRegistration
from bench.simulator.settings import TERMINATORS, Settings
from bench.simulator.uart import BAUDRATES

__all__ = [
    "BAUDRATES",
    "CA",
    "CERTIFICATE",
    "FIRMWARES",
    "KEY",
    "MODELS",
    "PSK",
    "PSK_IDENTITY",
    "REALISTIC",
    "REALISTIC_SEARCH",
    "TERMINATORS",
    "AccessPoint",
    "Behaviour",
    "Carrier",
    "Cell",
    "Direction",
    "Settings",
    "SimKind",
    "SimulatedRegistration",
    "VisitedNetwork",
    "capabilities_of",
    "run",
]
