"""Habits of Serial Modem in which its versions differ, and defects that a simulated board can have.

The source of each value is the repository of Serial Modem at that version: HEAD is 1.99.0, after v2.0.0-preview1.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quirks:
    """One version's habits; the defaults are those of 1.99.0.

    Attributes:
        listens: whether there are #XLISTEN and #XACCEPT.
        boot_info: whether there is #XBOOTINFO.
        role_rules: whether a role is more than a number that is shown: raw sockets and #XCONNECT need 0, secure
            sockets 0 or 1, and a secure one of role 1 verifies nobody by itself.
        missing_options: numbers of socket options that the version does not know.
        missing_secure_options: the same of secure sockets.
        overflow_at_once: whether a line that is too long ends in ERROR with the first character too many; otherwise at
            its terminator.
        quiet_ms: time that URCs wait behind a character that has ended no command.
        repeats_first_address: whether #XGETADDRINFO with several addresses repeats the first.
        keeps_length: whether data mode with a length still ends by it after an error, without ``+++`` of the board's
            own (pull request 431); otherwise the host's ``+++`` must end it.
        plain_secure_option: whether #XSSOCKETOPT on a plain socket answers OK and does nothing.
        keeps_destination: whether the host name of an #XSENDTO that failed is the destination of the next data mode.
        free_slots_found: whether handle -1 names a free place of the list of sockets.
    """

    listens: bool = True
    boot_info: bool = True
    role_rules: bool = False
    missing_options: frozenset[int] = frozenset()
    missing_secure_options: frozenset[int] = frozenset()
    overflow_at_once: bool = True
    quiet_ms: int = 100
    repeats_first_address: bool = False
    keeps_length: bool = False
    plain_secure_option: bool = True
    keeps_destination: bool = True
    free_slots_found: bool = True


V1 = Quirks(
    listens=False,
    boot_info=False,
    role_rules=True,
    missing_options=frozenset({34, 55}),
    missing_secure_options=frozenset({19, 20}),
    overflow_at_once=False,
    quiet_ms=0,
    repeats_first_address=True,
)
"""The habits of v1.0.1."""
