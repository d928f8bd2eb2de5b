"""The URCs of the modem that share their name with a command, whatever application runs beside it.

Sources: nRF91x1 and nRF9160 AT commands reference guides; recordings of real boards.
"""

import re
from collections.abc import Mapping

from bench.at.dialects import SharedName


def _answer(form: bytes) -> SharedName:
    return SharedName(re.compile(form + rb"$"))


_MORE = rb"(?:,.*)?"
_NUMBER = rb"-?\d+"
_ON_OR_OFF = rb"[01]"

SHARED_NAMES: Mapping[bytes, SharedName] = {
    # 3GPP TS 27.007 sections 10.1.22 and 10.1.30: the read form has <n> before <stat> or <mode>. A URC's second field
    # is a tracking area in quotes or nothing; of +CSCON it is a state, which is 7 in E-UTRAN.
    b"+CEREG": _answer(rb"[0-5],\d{1,2}" + _MORE),
    b"+CSCON": _answer(rb"[0-3],[01]" + _MORE),
    # Section 8.9: the URC names the indicator, in quotes.
    b"+CIND": _answer(rb"\d(?:,\d)*"),
    # Sections 10.1.44 and 10.1.42; +ODISNTF is Nordic's.
    b"+CRTDCP": _answer(_ON_OR_OFF),
    b"+CCIOTOPTI": _answer(rb"\d,\d,\d"),
    b"+ODISNTF": _answer(_ON_OR_OFF),
    # Nordic's own. A cell stands in quotes.
    b"%RAI": _answer(rb"\d"),
    b"%CESQ": _answer(_ON_OR_OFF),
    b"%MDMEV": _answer(rb"[0-2]"),
    b"%XTIME": _answer(_ON_OR_OFF),
    b"%APNRATECTRL": _answer(_ON_OR_OFF),
    b"%LOCATION": _answer(rb"[0-2]"),
    b"%CELLULARPRFL": _answer(rb"\d,\d+" + _MORE),
    # The URC has a type and a time, or the type 4 alone.
    b"%XMODEMSLEEP": _answer(_ON_OR_OFF + rb"(?:,\d+,\d+)?"),
    # The URC has a time in ms alone.
    b"%XT3412": _answer(_ON_OR_OFF + rb"(?:,\d+,\d+)?"),
    b"%XPOFWARN": _answer(_ON_OR_OFF + rb",\d+"),
    # OK comes at once, the result later.
    b"%NCELLMEAS": SharedName(),
    b"%ENVEVAL": SharedName(),
    # A state and a cause; a value in mV; a value in degrees Celsius.
    b"%XSIM": SharedName(re.compile(rb"\d(?:,\d+)?$"), alike=True),
    b"%XVBATLOWLVL": SharedName(re.compile(_NUMBER + rb"$"), alike=True),
    b"%XTEMP": SharedName(re.compile(_NUMBER + rb"$"), alike=True),
}
"""Name -> how the lines of its command and its URC are told apart."""
