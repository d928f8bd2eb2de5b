"""A small device that attaches as it is told to, and the wait for it."""

import threading
import time
from collections.abc import Callable

from bench.at import AtLink
from bench.modem import Modem
from tests.support.responder import OK, Answer, Device, device, info


def board(**answers: Answer) -> dict[bytes, Answer]:
    """A board with its radio off whose SIM is ready, and what it answers otherwise."""
    usual: dict[bytes, Answer] = {
        b"AT+CEREG?": info(b"+CEREG: 5,0"),
        b"AT+CFUN?": info(b"+CFUN: 0"),
        b"AT+CPIN?": info(b"+CPIN: READY"),
        **dict.fromkeys((b"AT+CEREG=5", b"AT+CNEC=24", b"AT%MDMEV=1", b"AT%XSIM=1"), OK),
    }
    return usual | {name.encode(): answer for name, answer in answers.items()}


def attaching(*steps: tuple[float, bytes]) -> Callable[[Device], None]:
    """The answer to AT+CFUN=1, and what comes so many seconds behind it."""

    def answer(one: Device) -> None:
        one.say(OK)
        for seconds, line in steps:
            text = line if line.endswith(b"Ready\r\n") else b"\r\n%b\r\n" % line
            threading.Timer(seconds, one.say, [text]).start()

    return answer


def wait(answers: dict[bytes, Answer], timeout: float = 20.0) -> int:
    with device(answers) as one, AtLink.open(one.path) as link:
        link.command("AT")
        try:
            return Modem(link).registration.wait(timeout)
        finally:
            time.sleep(0.3)  # what the device still says must not meet a closed port


REGISTERED = b'+CEREG: 5,"A2AA","00510015",7,,,"11100000","11100000"'
SEARCHES = b'+CEREG: 2,"41AA","03390010",7'
