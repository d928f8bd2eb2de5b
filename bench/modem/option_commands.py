"""Socket options, whose numbers and values both applications share: #XSOCKETOPT and #XSSOCKETOPT."""

from abc import ABC, abstractmethod

from bench.at import AtLink, Response
from bench.modem.commands import CommandTiming
from bench.modem.socket_values import OptionValue, SecureOption, SocketOption

_GET, _SET = 0, 1


class SocketOptionCommands(ABC):
    """#XSOCKETOPT and #XSSOCKETOPT. Times are in whole seconds. A dialect says how a command names its socket."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def get(self, handle: int, option: SocketOption | int) -> OptionValue:
        """AT#XSOCKETOPT=[<handle>,]0,<name>."""
        return self._get(handle, "#XSOCKETOPT", option)

    def set(self, handle: int, option: SocketOption | int, value: int | None = None) -> Response:
        """AT#XSOCKETOPT=[<handle>,]1,<name>[,<value>]."""
        return self._set(handle, "#XSOCKETOPT", option, None if value is None else str(int(value)))

    def test(self) -> Response:
        """AT#XSOCKETOPT=?."""
        return self._link.command("AT#XSOCKETOPT=?", timeout=self._margin)

    def get_secure(self, handle: int, option: SecureOption | int) -> OptionValue:
        """AT#XSSOCKETOPT=[<handle>,]0,<name>."""
        return self._get(handle, "#XSSOCKETOPT", option)

    def set_secure(self, handle: int, option: SecureOption | int, value: int | str | None = None) -> Response:
        """AT#XSSOCKETOPT=[<handle>,]1,<name>[,<value>]; a string is put in quotes."""
        text = f'"{value}"' if isinstance(value, str) else None if value is None else str(int(value))
        return self._set(handle, "#XSSOCKETOPT", option, text)

    def test_secure(self) -> Response:
        """AT#XSSOCKETOPT=?."""
        return self._link.command("AT#XSSOCKETOPT=?", timeout=self._margin)

    def _get(self, handle: int, command: str, option: int) -> OptionValue:
        response = self._ask(handle, command, f"{_GET},{int(option)}")
        return OptionValue(self._value(handle, command, response), response)

    def _set(self, handle: int, command: str, option: int, value: str | None) -> Response:
        return self._ask(handle, command, f"{_SET},{int(option)}{'' if value is None else f',{value}'}")

    @abstractmethod
    def _ask(self, handle: int, command: str, parameters: str) -> Response:
        """Send a command about a socket."""

    @abstractmethod
    def _value(self, handle: int, command: str, response: Response) -> str:
        """Return the value in an answer; raise MalformedAnswer where there is none."""
