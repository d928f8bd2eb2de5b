"""The wire tables of Serial LTE Modem (SLM): which lines answer, announce raw bytes, or report a restart."""

from bench.at.dialects import MODEM_URC_FORMS, Dialect

SLM = Dialect(
    name="Serial LTE Modem",
    terminator=b"\r\n",
    answers={
        b"#XACCEPT": (b"#XACCEPT", b"#XTCPACCEPT"),
        b"#XSSOCKET": (b"#XSSOCKET", b"#XSOCKET"),
    },
    payloads={b"#XRECV": 0, b"#XRECVFROM": 0},
    urc_forms=MODEM_URC_FORMS,
    restarts=(b"Ready", b"INIT ERROR"),
    crashes=(b"#XMODEM: FAULT",),
    data_mode_report=b"#XDATAMODE",
)
