"""#XSOCKETOPT and #XSSOCKETOPT."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, TEST, command
from bench.simulator.options import ModemOptions
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.slm.selection import Selection
from bench.simulator.socket_options import SecureOptionNumber, SocketOptionNumber
from bench.simulator.sockets import NO_SEC_TAG

_GET, _SET = 0, 1
_UNKNOWN_OPTIONS = (SocketOptionNumber.KEEPOPEN,)
_UNKNOWN_SECURE_OPTIONS = (SecureOptionNumber.DTLS_FRAG_EXT,)


class OptionHandlers:
    """Commands that get and set options of the active socket."""

    def __init__(self, host: AtHost, selection: Selection) -> None:
        self._say = host.output.say
        self._options = ModemOptions(host.transfer, host.modem.capabilities)
        self._selection = selection

    @command("#XSOCKETOPT", RUN, SET)
    async def handle_option(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKETOPT=<op>,<name>[,<value>]; an op other than 0 and 1 does nothing."""
        sock = self._selection.need()
        operation = parameters.number(0)
        name = parameters.number(1)
        if name in _UNKNOWN_OPTIONS and operation in (_GET, _SET):
            raise AtError
        if name == SocketOptionNumber.IPV6_DELAYED_ADDR_REFRESH:
            name = SocketOptionNumber.BINDTOPDN  # it is taken for that: a break is missing in the firmware
        if operation == _GET:
            self._say(f"#XSOCKETOPT: {self._options.get(sock, name)}")
        elif operation == _SET:
            self._options.set(sock, name, parameters.optional(2, 0, *INT32))
            client = self._selection.served(sock)
            if client is not None:
                client.restart_session_timer()

    @command("#XSOCKETOPT", TEST)
    async def describe_option(self, _: Parameters) -> None:
        """Handle AT#XSOCKETOPT=?."""
        self._say("#XSOCKETOPT: (0,1),<name>,<value>")

    @command("#XSSOCKETOPT", RUN, SET)
    async def handle_secure_option(self, parameters: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=<op>,<name>[,<value>]; ERROR on a socket without a security tag."""
        sock = self._selection.need()
        if not sock.secure or sock.sec_tag == NO_SEC_TAG:
            raise AtError
        operation = parameters.number(0)
        name = parameters.number(1)
        self._options.check(name)
        if name in _UNKNOWN_SECURE_OPTIONS and operation in (_GET, _SET):
            raise AtError
        if operation == _GET:
            self._say(b"#XSSOCKETOPT: " + _encode(name, self._options.get_secure(sock, name)))
        elif operation == _SET and name == SecureOptionNumber.HOSTNAME:
            self._options.set_host_name(sock, _text_or_number(parameters))
        elif operation == _SET:
            self._options.set_secure(sock, name, parameters.number(2, *INT32))

    @command("#XSSOCKETOPT", TEST)
    async def describe_secure_option(self, _: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=?."""
        self._say("#XSSOCKETOPT: (0,1),<name>,<value>")


def _encode(name: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    return (f"0x{value:04x}" if name == SecureOptionNumber.CIPHERSUITE_USED else str(value)).encode()


def _text_or_number(parameters: Parameters) -> int | bytes:
    try:
        return parameters.string(2)
    except AtError:
        return parameters.number(2, *INT32)
