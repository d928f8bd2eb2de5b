"""The wire tables of Serial Modem, the successor of SLM: which lines answer, announce bytes, or report a restart."""

import re

from bench.at.dialects import Dialect, PayloadField, SharedName
from bench.at.modem_urcs import SHARED_NAMES

# #XRECV: <handle>,<mode>,<size>: in mode 1 two hexadecimal digits stand for a byte, and <size> still counts bytes.
_SIZE = PayloadField(2, doubled_by=1)
# Automatic reception sends, as a URC, the same line as answers a receive. A URC that was on its way when the command
# was sent comes before the answer.
_RECEPTION = SharedName(re.compile(rb"-?\d+,"), alike=True, of_set=True)

SERIAL_MODEM = Dialect(
    name="Serial Modem",
    # The default of its builds. The LF of a CR LF would hold URCs back for 100 ms, and be the first byte in data mode.
    terminator=b"\r",
    payloads={b"#XRECV": _SIZE, b"#XRECVFROM": _SIZE},
    shared_names={
        **SHARED_NAMES,
        # AT#XAPOLL? answers a line a socket with the events asked for (IN 1, OUT 4); the URC has the events that came.
        b"#XAPOLL": SharedName(re.compile(rb"\d+,[0145]$|<handle>"), alike=True, a_line_each=True),
        b"#XRECV": _RECEPTION,
        b"#XRECVFROM": _RECEPTION,
    },
    restarts=(b"Ready", b"INIT ERROR", b"Bootloader mode ready"),
    crashes=(b"#XMODEM: FAULT",),
    data_mode_report=b"#XDATAMODE",
    data_mode_failure=b"+++",
)
