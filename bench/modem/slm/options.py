"""Socket options of SLM: #XSOCKETOPT and #XSSOCKETOPT."""

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.slm.active import SelectedSocket
from bench.modem.socket_values import OptionValue, SecureOption, SocketOption

_GET, _SET = 0, 1


class SlmOptionCommands:
    """#XSOCKETOPT and #XSSOCKETOPT."""

    def __init__(self, link: AtLink, selected: SelectedSocket, timing: CommandTiming) -> None:
        self._link = link
        self._selected = selected
        self._margin = timing.margin

    def get(self, handle: int, option: SocketOption | int) -> OptionValue:
        """AT#XSOCKETOPT=0,<name>."""
        return self._get(handle, "#XSOCKETOPT", option)

    def set(self, handle: int, option: SocketOption | int, value: int | None = None) -> Response:
        """AT#XSOCKETOPT=1,<name>[,<value>]."""
        return self._set(handle, "#XSOCKETOPT", option, None if value is None else str(int(value)))

    def test(self) -> Response:
        """AT#XSOCKETOPT=?."""
        return self._link.command("AT#XSOCKETOPT=?", timeout=self._margin)

    def get_secure(self, handle: int, option: SecureOption | int) -> OptionValue:
        """AT#XSSOCKETOPT=0,<name>."""
        return self._get(handle, "#XSSOCKETOPT", option)

    def set_secure(self, handle: int, option: SecureOption | int, value: int | str | None = None) -> Response:
        """AT#XSSOCKETOPT=1,<name>[,<value>]; a string is put in quotes."""
        text = f'"{value}"' if isinstance(value, str) else None if value is None else str(int(value))
        return self._set(handle, "#XSSOCKETOPT", option, text)

    def test_secure(self) -> Response:
        """AT#XSSOCKETOPT=?."""
        return self._link.command("AT#XSSOCKETOPT=?", timeout=self._margin)

    def _get(self, handle: int, command: str, option: int) -> OptionValue:
        self._selected.use(handle)
        response = self._link.command(f"AT{command}={_GET},{int(option)}", timeout=self._margin)
        return OptionValue(Answers(self._link, response).one(command)[0], response)

    def _set(self, handle: int, command: str, option: int, value: str | None) -> Response:
        self._selected.use(handle)
        suffix = "" if value is None else f",{value}"
        return self._link.command(f"AT{command}={_SET},{int(option)}{suffix}", timeout=self._margin)
