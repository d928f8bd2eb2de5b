"""Socket options of Serial Modem: #XSOCKETOPT and #XSSOCKETOPT. "Serial Modem, at_socket"."""

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.rows import of_handle
from bench.modem.socket_values import OptionValue, SecureOption, SocketOption

_GET, _SET = 0, 1


class SerialModemOptionCommands:
    """#XSOCKETOPT and #XSSOCKETOPT. Times are in whole seconds."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def get(self, handle: int, option: SocketOption | int) -> OptionValue:
        """AT#XSOCKETOPT=<handle>,0,<name>."""
        return self._get(handle, "#XSOCKETOPT", option)

    def set(self, handle: int, option: SocketOption | int, value: int | None = None) -> Response:
        """AT#XSOCKETOPT=<handle>,1,<name>[,<value>]; the firmware takes a value that is left out for 0."""
        return self._set(handle, "#XSOCKETOPT", option, None if value is None else str(int(value)))

    def test(self) -> Response:
        """AT#XSOCKETOPT=?."""
        return self._link.command("AT#XSOCKETOPT=?", timeout=self._margin)

    def get_secure(self, handle: int, option: SecureOption | int) -> OptionValue:
        """AT#XSSOCKETOPT=<handle>,0,<name>.

        Raises:
            MalformedAnswer: OK without a value, as the firmware answers for a plain socket.
        """
        return self._get(handle, "#XSSOCKETOPT", option)

    def set_secure(self, handle: int, option: SecureOption | int, value: int | str | None = None) -> Response:
        """AT#XSSOCKETOPT=<handle>,1,<name>[,<value>]; a string is put in quotes. A plain socket ignores it."""
        text = f'"{value}"' if isinstance(value, str) else None if value is None else str(int(value))
        return self._set(handle, "#XSSOCKETOPT", option, text)

    def test_secure(self) -> Response:
        """AT#XSSOCKETOPT=?."""
        return self._link.command("AT#XSSOCKETOPT=?", timeout=self._margin)

    def _get(self, handle: int, command: str, option: int) -> OptionValue:
        response = self._link.command(f"AT{command}={handle},{_GET},{int(option)}", timeout=self._margin)
        return OptionValue(of_handle(Answers(self._link, response), command, handle, 1)[0], response)

    def _set(self, handle: int, command: str, option: int, value: str | None) -> Response:
        suffix = "" if value is None else f",{value}"
        return self._link.command(f"AT{command}={handle},{_SET},{int(option)}{suffix}", timeout=self._margin)
