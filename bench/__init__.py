"""A hardware-in-the-loop bench for Nordic nRF91 boards that run Serial LTE Modem or its successor, Serial Modem."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nrf91-bench")
except PackageNotFoundError:  # read from a tree that was never installed
    __version__ = "0+unknown"
