"""The roots of every error the bench raises: whose fault it is decides what a run does with it.

A :class:`UsageError` ends the run with exit code 2, a :class:`LabError` is reported apart and never turns a failure
green, a :class:`DeviceError` fails the test. What only one module raises is defined in that module's package.
"""


class BenchError(Exception):
    """Anything the bench reports to its user in words; shown without a traceback."""


class UsageError(BenchError):
    """The user asked for something that cannot be: an argument, a file, a call in the wrong state."""


class LabError(BenchError):
    """The lab's fault: port lost, peer down, network gone. Says nothing about the device under test."""


class DeviceError(BenchError):
    """The device's answer, or its silence: what a test is there to find."""


def in_words(error: BaseException) -> str:
    """What an exception says, for a person who does not speak Python."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]!r} is missing, or names nothing"
    return str(error) or type(error).__name__
