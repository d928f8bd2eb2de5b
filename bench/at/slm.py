"""The wire tables of Serial LTE Modem (SLM): which lines answer, announce raw bytes, or report a restart."""

import re

from bench.at.dialects import Dialect, PayloadField, SharedName
from bench.at.modem_urcs import SHARED_NAMES

SLM = Dialect(
    name="Serial LTE Modem",
    terminator=b"\r\n",
    answers={
        b"#XACCEPT": (b"#XACCEPT", b"#XTCPACCEPT"),
        b"#XSSOCKET": (b"#XSSOCKET", b"#XSOCKET"),
    },
    payloads={b"#XRECV": PayloadField(0), b"#XRECVFROM": PayloadField(0)},
    shared_names={
        **SHARED_NAMES,
        # AT#XAPOLL? answers whether it runs, its events and its handles; the URC has a handle and events.
        b"#XAPOLL": SharedName(re.compile(rb"\d+(?:,\d+)*$"), alike=True),
    },
    restarts=(b"Ready", b"INIT ERROR"),
    crashes=(b"#XMODEM: FAULT",),
    data_mode_report=b"#XDATAMODE",
)
