"""The binding of mbedTLS: finds the library, loads it, gives its functions types.

There are two sources of mbedTLS 3.6: the copy inside the pinned wheel ``pynng`` (nothing of nng itself is started), or
a shared library that the environment names in ``NRF91_BENCH_MBEDTLS``. Only exported functions are called; structures
are opaque and get far more room than they need.

mbedTLS is loaded with ``PyDLL``: the wheel's copy has no locks, so the interpreter's lock serialises it. Use it only in
a bench network with credentials made for tests: 3.6.3 lacks later security fixes.
"""

import ctypes
import functools
import importlib.metadata
import importlib.util
import os
from ctypes import c_char_p, c_int, c_size_t, c_ubyte, c_uint16, c_uint32, c_void_p
from pathlib import Path
from typing import Any

from bench.errors import BenchError, LabError

ENVIRONMENT = "NRF91_BENCH_MBEDTLS"
_WHEEL, _WHEEL_HOLDS = "pynng", "3.6.3"
_UNAVAILABLE = "TLS and DTLS are not available"
_CURE = (
    f"install the wheel (`pip install {_WHEEL}==0.9.0`), or name a shared library of mbedTLS 3.6, built with"
    f" MBEDTLS_SSL_DTLS_CONNECTION_ID, in {ENVIRONMENT}"
)

# Bytes for each structure; the largest of 3.6.3, the entropy context, has 832.
_ROOM = 8192
SESSION_ROOM = 16384

WANT_READ = -0x6900
WANT_WRITE = -0x6880
HANDSHAKE_TIMEOUT = -0x6800
HELLO_VERIFY_REQUIRED = -0x6A80
CLOSE_NOTIFY = -0x7880
CONNECTION_ENDED = -0x7280
NEW_SESSION_TICKET = -0x7B00
CLIENT_RECONNECT = -0x6780
BUFFER_TOO_SMALL = -0x6A00
CACHE_ENTRY_NOT_FOUND = -0x7E80
CERTIFICATE_VERIFY_FAILED = -0x2700
VERIFY_RESULT_NOT_AVAILABLE = 0xFFFFFFFF

Send = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)
Receive = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)
SetTimer = ctypes.CFUNCTYPE(None, c_void_p, c_uint32, c_uint32)
GetTimer = ctypes.CFUNCTYPE(c_int, c_void_p)
FindPsk = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t)
WriteCookie = ctypes.CFUNCTYPE(c_int, c_void_p, ctypes.POINTER(c_void_p), c_void_p, c_void_p, c_size_t)
CheckCookie = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t)
UseSession = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_void_p)
ExportKeys = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_int)

_NUMBER = ctypes.POINTER(c_size_t)
_INT = ctypes.POINTER(c_int)

# name: (result, arguments)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "psa_crypto_init": (c_int, ()),
    "mbedtls_entropy_init": (None, (c_void_p,)),
    "mbedtls_ctr_drbg_init": (None, (c_void_p,)),
    "mbedtls_ctr_drbg_seed": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_size_t)),
    "mbedtls_strerror": (None, (c_int, c_char_p, c_size_t)),
    "mbedtls_ssl_config_init": (None, (c_void_p,)),
    "mbedtls_ssl_config_free": (None, (c_void_p,)),
    "mbedtls_ssl_config_defaults": (c_int, (c_void_p, c_int, c_int, c_int)),
    "mbedtls_ssl_conf_rng": (None, (c_void_p, c_void_p, c_void_p)),
    "mbedtls_ssl_conf_min_version": (None, (c_void_p, c_int, c_int)),
    "mbedtls_ssl_conf_max_version": (None, (c_void_p, c_int, c_int)),
    "mbedtls_ssl_conf_ciphersuites": (None, (c_void_p, c_void_p)),
    "mbedtls_ssl_conf_authmode": (None, (c_void_p, c_int)),
    "mbedtls_ssl_conf_ca_chain": (None, (c_void_p, c_void_p, c_void_p)),
    "mbedtls_ssl_conf_own_cert": (c_int, (c_void_p, c_void_p, c_void_p)),
    "mbedtls_ssl_conf_psk": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "mbedtls_ssl_conf_psk_cb": (None, (c_void_p, FindPsk, c_void_p)),
    "mbedtls_ssl_set_hs_psk": (c_int, (c_void_p, c_char_p, c_size_t)),
    "mbedtls_ssl_conf_dtls_cookies": (None, (c_void_p, WriteCookie, CheckCookie, c_void_p)),
    "mbedtls_ssl_conf_handshake_timeout": (None, (c_void_p, c_uint32, c_uint32)),
    "mbedtls_ssl_conf_session_cache": (None, (c_void_p, c_void_p, UseSession, UseSession)),
    "mbedtls_ssl_conf_session_tickets": (None, (c_void_p, c_int)),
    "mbedtls_ssl_conf_cid": (c_int, (c_void_p, c_size_t, c_int)),
    "mbedtls_ssl_set_cid": (c_int, (c_void_p, c_int, c_char_p, c_size_t)),
    "mbedtls_ssl_get_peer_cid": (c_int, (c_void_p, _INT, c_void_p, _NUMBER)),
    "mbedtls_ssl_init": (None, (c_void_p,)),
    "mbedtls_ssl_free": (None, (c_void_p,)),
    "mbedtls_ssl_setup": (c_int, (c_void_p, c_void_p)),
    "mbedtls_ssl_set_bio": (None, (c_void_p, c_void_p, Send, Receive, c_void_p)),
    "mbedtls_ssl_set_timer_cb": (None, (c_void_p, c_void_p, SetTimer, GetTimer)),
    "mbedtls_ssl_set_client_transport_id": (c_int, (c_void_p, c_char_p, c_size_t)),
    "mbedtls_ssl_set_hostname": (c_int, (c_void_p, c_char_p)),
    "mbedtls_ssl_set_mtu": (None, (c_void_p, c_uint16)),
    "mbedtls_ssl_set_export_keys_cb": (None, (c_void_p, ExportKeys, c_void_p)),
    "mbedtls_ssl_handshake": (c_int, (c_void_p,)),
    "mbedtls_ssl_read": (c_int, (c_void_p, c_void_p, c_size_t)),
    "mbedtls_ssl_write": (c_int, (c_void_p, c_char_p, c_size_t)),
    "mbedtls_ssl_close_notify": (c_int, (c_void_p,)),
    "mbedtls_ssl_send_alert_message": (c_int, (c_void_p, c_ubyte, c_ubyte)),
    "mbedtls_ssl_get_ciphersuite_id_from_ssl": (c_int, (c_void_p,)),
    "mbedtls_ssl_get_ciphersuite_name": (c_char_p, (c_int,)),
    "mbedtls_ssl_get_verify_result": (c_uint32, (c_void_p,)),
    "mbedtls_x509_crt_verify_info": (c_int, (c_char_p, c_size_t, c_char_p, c_uint32)),
    "mbedtls_ssl_get_peer_cert": (c_void_p, (c_void_p,)),
    "mbedtls_x509_crt_info": (c_int, (c_char_p, c_size_t, c_char_p, c_void_p)),
    "mbedtls_ssl_session_init": (None, (c_void_p,)),
    "mbedtls_ssl_session_free": (None, (c_void_p,)),
    "mbedtls_ssl_get_session": (c_int, (c_void_p, c_void_p)),
    "mbedtls_ssl_set_session": (c_int, (c_void_p, c_void_p)),
    "mbedtls_ssl_session_save": (c_int, (c_void_p, c_void_p, c_size_t, _NUMBER)),
    "mbedtls_ssl_session_load": (c_int, (c_void_p, c_char_p, c_size_t)),
    "mbedtls_x509_crt_init": (None, (c_void_p,)),
    "mbedtls_x509_crt_free": (None, (c_void_p,)),
    "mbedtls_x509_crt_parse": (c_int, (c_void_p, c_char_p, c_size_t)),
    "mbedtls_pk_init": (None, (c_void_p,)),
    "mbedtls_pk_free": (None, (c_void_p,)),
    "mbedtls_pk_parse_key": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_void_p)),
}
_DISPENSABLE = ("mbedtls_strerror",)


class SecurityUnavailable(LabError):
    """An error for a missing or unusable mbedTLS."""


class MbedTlsError(BenchError):
    """An error of a call of the library; ``code`` is its negative number."""

    def __init__(self, code: int, text: str, doing: str) -> None:
        super().__init__(f"{doing}: {text} (mbedTLS -0x{-code:04X})")
        self.code = code
        self.text = text


class Library:
    """mbedTLS with its functions as attributes, named without ``mbedtls_``; made by :func:`library`.

    Attributes:
        version: its version, for reports.
        random: the address of the random number function.
        generator: the state of that function.
    """

    def __init__(self, loaded: ctypes.PyDLL, version: str) -> None:
        self._loaded = loaded
        self.version = version
        self._entropy, self.generator = room(), room()
        self.random = ctypes.cast(loaded.mbedtls_ctr_drbg_random, c_void_p)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a function of C
        full = name if name.startswith("psa_") else f"mbedtls_{name}"
        result, arguments = _FUNCTIONS[full]
        function = getattr(self._loaded, full)
        function.restype, function.argtypes = result, arguments
        setattr(self, name, function)
        return function

    def start(self) -> None:
        """Start the library's cryptography and its random number generator."""
        self.check(self.psa_crypto_init(), "start the cryptography")
        self.entropy_init(self._entropy)
        self.ctr_drbg_init(self.generator)
        source = ctypes.cast(self._loaded.mbedtls_entropy_func, c_void_p)
        self.check(self.ctr_drbg_seed(self.generator, source, self._entropy, None, 0), "seed the generator")

    def check(self, code: int, doing: str) -> int:
        """Return the result of a call.

        Raises:
            MbedTlsError: The result is negative.
        """
        if code < 0:
            raise MbedTlsError(code, self.text(code), doing)
        return code

    def text(self, code: int) -> str:
        """Return the library's text for an error."""
        if not hasattr(self._loaded, "mbedtls_strerror"):  # some builds have no texts
            return "mbedTLS refused"
        buffer = ctypes.create_string_buffer(200)
        self.strerror(code, buffer, len(buffer))
        return buffer.value.decode(errors="replace")


def room(size: int = _ROOM) -> ctypes.Array[ctypes.c_char]:
    """Return memory for one of the library's structures."""
    return ctypes.create_string_buffer(size)


@functools.cache
def library() -> Library:
    """Find, load and check the library; return the same one each time.

    Raises:
        SecurityUnavailable: None was found, or it lacks functions; the text says what to install.
    """
    path, origin = _find()
    try:
        loaded = ctypes.PyDLL(str(path))
    except OSError as error:
        raise SecurityUnavailable(f"{_UNAVAILABLE}: {path} cannot be loaded ({error}); {_CURE}") from error
    needed = (*_FUNCTIONS, "mbedtls_ctr_drbg_random", "mbedtls_entropy_func")
    missing = [name for name in needed if not hasattr(loaded, name) and name not in _DISPENSABLE]
    if missing:
        more = f" and {len(missing) - 3} more functions" if len(missing) > 3 else ""
        raise SecurityUnavailable(
            f"{_UNAVAILABLE}: {path} is not mbedTLS 3.6 with Connection ID: it lacks"
            f" {', '.join(missing[:3])}{more}; {_CURE}"
        )
    found = Library(loaded, f"mbedTLS {_version(loaded)}({origin})")
    try:
        found.start()
    except MbedTlsError as error:
        raise SecurityUnavailable(f"{_UNAVAILABLE}: {path} does not start: {error}; {_CURE}") from error
    return found


def _find() -> tuple[Path, str]:
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named), ENVIRONMENT
    spec = importlib.util.find_spec(_WHEEL)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("_nng*.so")):
            return path, f"{_WHEEL} {importlib.metadata.version(_WHEEL)}"
    raise SecurityUnavailable(f"{_UNAVAILABLE}: no mbedTLS is installed; {_CURE}")


def _version(loaded: ctypes.PyDLL) -> str:
    """Return the library's version. The wheel's copy was built without a function for it."""
    function = getattr(loaded, "mbedtls_version_get_string", None)
    if function is None:
        return "" if os.environ.get(ENVIRONMENT) else f"{_WHEEL_HOLDS} "
    buffer = ctypes.create_string_buffer(32)
    function(buffer)
    return buffer.value.decode(errors="replace") + " "
