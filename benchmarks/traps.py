"""Answers that end too early for a careless client, and whether the next command gets its own.

Imports only what Python has: it also runs in the environments of other libraries.
"""

import signal
import time
from collections.abc import Callable

from benchmarks.clients import Client
from benchmarks.device import connected

_TRAP, _PAYLOAD = b"AT#XRECV=TRAP", b"0123\r\nOK\r\n45ERRO\r\n"
_SECONDS = 8  # some wait for ever


def _keeps_a_payload_whole(client: Client) -> bool:
    return _PAYLOAD in client.transact(_TRAP)


def _stays_in_step(client: Client) -> bool:
    client.transact(_TRAP)
    time.sleep(0.05)
    return client.transact(b"AT").strip() == b"OK"


def _sets_urcs_aside(client: Client) -> bool:
    return b"CSCON" not in client.transact(b"AT#URC")


_TRAPS = (_keeps_a_payload_whole, _stays_in_step, _sets_urcs_aside)
COUNT = len(_TRAPS)


def passed(program: str, make: Callable[[], Client]) -> int:
    """Return how many of the traps a client passes: a payload with OK in it, the answer after it, URCs beside one."""
    return sum(_passes(program, make, trap) for trap in _TRAPS)


def _passes(program: str, make: Callable[[], Client], trap: Callable[[Client], bool]) -> bool:
    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_SECONDS)
    try:
        with connected(program, make) as client:
            return trap(client)
    except Exception:  # noqa: BLE001 - whatever a client raises is its answer
        return False
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
