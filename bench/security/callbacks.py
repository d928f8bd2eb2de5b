"""The callbacks of the library: a C function of each kind, whose first argument is the number of a Python object.

An exception cannot pass through C, so a failure becomes an error code.
"""

import ctypes
import hmac
from typing import Any

from bench.security import mbedtls
from bench.security.mbedtls import MbedTlsError, library, room
from bench.security.registry import CONNECTIONS, CONTEXTS


def save_session(session: Any) -> bytes:  # noqa: ANN401 - memory of the library
    """Return a session in the library's own form."""
    size, data = ctypes.c_size_t(), room(mbedtls.SESSION_ROOM)
    library().check(library().ssl_session_save(session, data, len(data), ctypes.byref(size)), "save a session")
    return data.raw[: size.value]


def _send(number: int, data: int, size: int) -> int:
    return CONNECTIONS[number].sending(ctypes.string_at(data, size))


def _receive(number: int, address: int, size: int) -> int:
    return CONNECTIONS[number].receiving(address, size)


def _set_timer(number: int, intermediate: int, final: int) -> None:
    CONNECTIONS[number].set_timer(intermediate, final)


def _get_timer(number: int) -> int:
    return CONNECTIONS[number].timer_state()


def _find_psk(number: int, ssl: int, identity: int, size: int) -> int:
    context = CONTEXTS[number]
    name = ctypes.string_at(identity, size)
    context.identity = name
    key = context.settings.psks.get(name)
    if key is None:
        return -1
    return int(library().ssl_set_hs_psk(ssl, key, len(key)))


def _write_cookie(number: int, position: Any, end: int, peer: int, size: int) -> int:  # noqa: ANN401
    context = CONTEXTS[number]
    cookie = context.cookie(ctypes.string_at(peer, size))
    if end - position[0] < len(cookie):
        return mbedtls.BUFFER_TOO_SMALL
    ctypes.memmove(position[0], cookie, len(cookie))
    position[0] += len(cookie)
    return 0


def _check_cookie(number: int, cookie: int, size: int, peer: int, peer_size: int) -> int:
    context = CONTEXTS[number]
    expected = context.cookie(ctypes.string_at(peer, peer_size))
    return 0 if hmac.compare_digest(ctypes.string_at(cookie, size), expected) else -1


def _find_session(number: int, name: int, size: int, session: int) -> int:
    context = CONTEXTS[number]
    kept = context.sessions.get(ctypes.string_at(name, size))
    if kept is None:
        return mbedtls.CACHE_ENTRY_NOT_FOUND
    context.looked_up = kept
    return int(library().ssl_session_load(session, kept, len(kept)))


def _keep_session(number: int, name: int, size: int, session: int) -> int:
    context = CONTEXTS[number]
    try:
        data = save_session(session)
    except MbedTlsError as error:
        return error.code
    context.keep(ctypes.string_at(name, size), data)
    return 0


def _export_keys(
    number: int, _kind: int, secret: int, size: int, client_random: int, _server_random: int, _prf: int
) -> None:
    CONNECTIONS[number].take_keys(ctypes.string_at(secret, size), ctypes.string_at(client_random, 32))


# The library keeps their addresses: they live as long as the process.
SEND = mbedtls.Send(_send)
RECEIVE = mbedtls.Receive(_receive)
SET_TIMER = mbedtls.SetTimer(_set_timer)
GET_TIMER = mbedtls.GetTimer(_get_timer)
FIND_PSK = mbedtls.FindPsk(_find_psk)
WRITE_COOKIE = mbedtls.WriteCookie(_write_cookie)
CHECK_COOKIE = mbedtls.CheckCookie(_check_cookie)
FIND_SESSION = mbedtls.UseSession(_find_session)
KEEP_SESSION = mbedtls.UseSession(_keep_session)
EXPORT_KEYS = mbedtls.ExportKeys(_export_keys)
