"""The facts that a vendor's support needs after a modem fault, collected while the board still has them."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.at import AtLink, CommandError
from bench.boards.aux_port import AuxPort
from bench.boards.board import Board
from bench.clock import Anchor
from bench.errors import BenchError

_QUESTIONS = (
    "AT+CGMR", "AT%SHORTSWVER", "AT%HWVERSION", "AT+CFUN?", "AT%XSYSTEMMODE?", "AT+CEREG?", "AT+CEER",
    "AT%XMONITOR", "AT+CESQ", "AT+CPSMS?", "AT+CEDRXS?", "AT%RAI?", "AT+CGDCONT?", "AT%XTEMP?", "AT%XVBAT",
)  # fmt: skip
_SECONDS = 5.0
_ADDRESS = re.compile(rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")


def collect_for_support(
    folder: Path, board: Board, ports: Sequence[AuxPort], anchor: Anchor, conceal: Callable[[bytes], bytes]
) -> None:
    """Write into a folder: answers to the usual questions, the identity, and all that the ports still hold.

    The transcript is not here: it is kept with the test.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = board.identity
    facts = {
        "part": identity.part,
        "hardware": identity.hardware,
        "modem_firmware": identity.modem_firmware,
        "application": f"{identity.application_text}, nRF Connect SDK {identity.ncs_version}",
        **board.short_ids(),
    }
    (folder / "identity.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    answers = conceal(
        "".join(_ask(board.link, question) for question in (identity.dialect.recognition.command, *_QUESTIONS)).encode()
    )
    answers = _ADDRESS.sub(b"x.x.x.x", answers)
    (folder / "answers.txt").write_bytes(answers)
    for port in ports:
        port.finish_speaking()
        text = port.text(anchor, conceal)
        if text:
            (folder / f"{port.name}.txt").write_text(text, encoding="utf-8")


def _ask(link: AtLink, question: str) -> str:
    try:
        lines = link.command(question, timeout=_SECONDS).lines
    except CommandError as error:
        lines = (error.response.final,)
    except BenchError as error:
        lines = (str(error).partition("\n")[0],)
    return f"{question}\r\n" + "".join(f"{line}\r\n" for line in lines)
