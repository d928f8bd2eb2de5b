"""Socket options of SLM: of the socket that is selected."""

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.option_commands import SocketOptionCommands
from bench.modem.slm.active import SelectedSocket


class SlmOptionCommands(SocketOptionCommands):
    """#XSOCKETOPT and #XSSOCKETOPT."""

    def __init__(self, link: AtLink, selected: SelectedSocket, timing: CommandTiming) -> None:
        super().__init__(link, timing)
        self._selected = selected

    def _ask(self, handle: int, command: str, parameters: str) -> Response:
        self._selected.use(handle)
        return self._link.command(f"AT{command}={parameters}", timeout=self._margin)

    def _value(self, handle: int, command: str, response: Response) -> str:
        del handle  # the answer does not name it
        return Answers(self._link, response).one(command)[0]
