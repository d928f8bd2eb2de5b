"""What else than a board in order is at a port: each is called by its own fault."""

import time
from collections.abc import Callable

import pytest

from bench.at import AtLink
from bench.boards import (
    Board,
    BoardSpec,
    BoardUnintelligible,
    Escalation,
    ResetBudget,
)
from bench.boards.recovery import ModemRefuses, synchronise
from bench.config.lab import Recovery
from bench.privacy import Concealer
from tests.support.responder import OK, Answer, Device, device, info


def open_board(one: Device, patience: float = 15.0, said: list[str] | None = None) -> Board:
    spec = BoardSpec("dk-1", one.path, hardware=False)
    told = [] if said is None else said
    escalation = Escalation(spec, Recovery(), ResetBudget(0), lambda text, reset=False: told.append(text))
    return Board(spec, Concealer(b"k" * 32), escalation=escalation, patience=patience)


class TestWhatIsAtThePort:
    def test_a_dead_core_is_not_a_wrong_port(self) -> None:
        answers: dict[bytes, Answer] = {
            b"AT": b"\r\nERROR\r\n",
            b"AT#XSLMVER": info(b'#XSLMVER: "2.9.0","2.9.0"'),
        }
        with device(answers) as one, pytest.raises(ModemRefuses) as failure:
            open_board(one).open()
        assert "the modem refuses every command" in str(failure.value)
        assert "Port and baud rate are right" in str(failure.value)
        assert "baud rates" not in str(failure.value).partition("tried:")[2]

    def test_one_that_comes_up_meanwhile_is_in_order(self) -> None:
        since = time.monotonic()

        def later(answer: bytes) -> Callable[[Device], None]:
            return lambda one: one.say(answer if time.monotonic() - since > 2 else b"\r\nERROR\r\n")

        answers: dict[bytes, Answer] = {
            b"+++AT": later(OK),
            b"AT": later(OK),
            b"AT+CFUN?": later(info(b"+CFUN: 0")),
            b"AT#XSLMVER": info(b'#XSLMVER: "2.9.0","2.9.0"'),
        }
        with device(answers) as one, AtLink.open(one.path) as link:
            synchronise(link)
            assert link.command("AT").ok

    def test_errors_alone_are_at_all_the_same(self) -> None:
        told = pytest.raises(BoardUnintelligible, match="answers ERROR to every command")
        with device({b"AT": b"\r\nERROR\r\n"}) as one, AtLink.open(one.path) as link, told:
            synchronise(link, timeout=2)

    def test_log_lines_show_that_the_rate_is_right(self) -> None:
        lines = b"*** Booting nRF Connect SDK v2.9.0-7787b2649840 ***\r\n[INF] Booting TF-M v2.1.1\r\n"
        told = pytest.raises(BoardUnintelligible, match="the baud rate is right, so this is the board's log port")
        with device({b"+++AT": lines, b'"': b""}) as one, AtLink.open(one.path) as link, told:
            synchronise(link, timeout=1.5)
