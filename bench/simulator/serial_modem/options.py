"""#XSOCKETOPT and #XSSOCKETOPT."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, TEST, command
from bench.simulator.options import ModemOptions
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.slots import Slots
from bench.simulator.socket_options import SecureOptionNumber
from bench.simulator.sockets import NO_SEC_TAG, TableSocket

_GET, _SET = 0, 1
_TEXT_LIMIT = 127  # the documentation says 128; the firmware's buffer holds a NUL as well
_INT_BYTES = 4


class OptionCommands:
    """Commands that get and set options of a socket."""

    def __init__(self, host: AtHost, slots: Slots, quirks: Quirks) -> None:
        self._say = host.output.say
        self._options = ModemOptions(host.transfer, host.modem.capabilities)
        self._slots = slots
        self._quirks = quirks

    @command("#XSOCKETOPT", RUN, SET)
    async def handle_option(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKETOPT=<handle>,<op>,<name>[,<value>]; a value that is left out is 0."""
        sock = self._slots.named(parameters).need()
        operation = parameters.number(1, _GET, _SET)
        name = parameters.number(2)
        if name in self._quirks.missing_options:
            raise AtError
        if operation == _GET:
            self._say(f"#XSOCKETOPT: {sock.handle},{self._options.get(sock, name)}")
        else:
            self._options.set(sock, name, parameters.optional(3, 0, *INT32))

    @command("#XSOCKETOPT", TEST)
    async def describe_option(self, _: Parameters) -> None:
        """Handle AT#XSOCKETOPT=?."""
        self._say("#XSOCKETOPT: <handle>,(0,1),<name>,<value>")

    @command("#XSSOCKETOPT", RUN, SET)
    async def handle_secure_option(self, parameters: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=<handle>,<op>,<name>[,<value>]; on a plain socket it does nothing."""
        sock = self._slots.named(parameters).sock
        if sock is None or sock.sec_tag == NO_SEC_TAG:
            if not self._quirks.plain_secure_option:
                raise AtError
            return  # the result is that of the number read before (Serial Modem, sm_at_socket.c)
        operation = parameters.number(1, _GET, _SET)
        name = parameters.number(2)
        if name in self._quirks.missing_secure_options:
            raise AtError
        if operation == _GET:
            value = _encode(name, self._options.get_secure(sock, name))
            self._say(b"#XSSOCKETOPT: %d,%b" % (sock.handle, value))
        else:
            self._set_secure(sock, name, _text_or_number(parameters, 3))

    def _set_secure(self, sock: TableSocket, name: int, value: int | bytes) -> None:
        if name == SecureOptionNumber.HOSTNAME:
            self._options.set_host_name(sock, value)
            return
        if isinstance(value, bytes):  # a text of four characters is taken as the memory of a number
            if len(value) != _INT_BYTES:
                raise AtError
            value = int.from_bytes(value, "little", signed=True)
        self._options.set_secure(sock, name, value)

    @command("#XSSOCKETOPT", TEST)
    async def describe_secure_option(self, _: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=?."""
        self._say("#XSSOCKETOPT: <handle>,(0,1),<name>,<value>")


def _encode(name: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    return (f"{value:#x}" if name == SecureOptionNumber.CIPHERSUITE_USED else str(value)).encode()


def _text_or_number(parameters: Parameters, index: int) -> int | bytes:
    try:
        return parameters.string(index, _TEXT_LIMIT)
    except AtError:
        return parameters.number(index, *INT32)
