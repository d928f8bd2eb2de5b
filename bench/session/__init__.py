"""The tests of one board in one process: its board, its account, its evidence. Knows neither pytest nor Allure."""

from bench.session.account import Account
from bench.session.board_session import BoardSession
from bench.session.measuring import Measure
from bench.session.record import TestRecord

__all__ = ["Account", "BoardSession", "Measure", "TestRecord"]
