"""The cipher suites of the modem, by their IANA numbers.

Source: the modem library's documentation (TLS cipher suites). The AES-GCM suites came with modem firmware 2.0.
"""

from typing import Final

SUITES: Final[dict[int, str]] = {
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0x008D: "TLS_PSK_WITH_AES_256_CBC_SHA",
    0x00AE: "TLS_PSK_WITH_AES_128_CBC_SHA256",
    0x008C: "TLS_PSK_WITH_AES_128_CBC_SHA",
    0xC0A8: "TLS_PSK_WITH_AES_128_CCM_8",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
}
GCM_SUITES: Final = frozenset({0xC02B, 0xC030, 0xC02F})
MODEM_SUITES: Final = tuple(SUITES)


def suite_name(number: int) -> str:
    """Return ``TLS_PSK_WITH_AES_128_CCM_8``, or the number of a suite that the modem does not have."""
    return SUITES.get(number, f"0x{number:04x}")
