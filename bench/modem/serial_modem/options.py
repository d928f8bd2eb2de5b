"""Socket options of Serial Modem: of the socket of a handle. "Serial Modem, at_socket"."""

from bench.at import Response
from bench.modem.answers import Answers
from bench.modem.option_commands import SocketOptionCommands
from bench.modem.serial_modem.rows import of_handle


class SerialModemOptionCommands(SocketOptionCommands):
    """#XSOCKETOPT and #XSSOCKETOPT. The firmware takes a value that is left out for 0.

    A plain socket answers OK to #XSSOCKETOPT: nothing is set, and a get has no value, which is MalformedAnswer.
    """

    def _ask(self, handle: int, command: str, parameters: str) -> Response:
        return self._link.command(f"AT{command}={handle},{parameters}", timeout=self._margin)

    def _value(self, handle: int, command: str, response: Response) -> str:
        return of_handle(Answers(self._link, response), command, handle, 1)[0]
