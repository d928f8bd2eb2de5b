"""The selected socket of SLM: its commands name no handle, they act on the socket that is active."""

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.socket_values import ActiveSecureSocket, ActiveSocket, Family, ListedSocket, SocketList, SocketType


class SelectedSocket:
    """The socket that the firmware has selected, as far as the bench knows; and the commands about the selection.

    Attributes:
        handle: the selected socket; None when it is not known.
    """

    def __init__(self, link: AtLink, *, margin: float = 5.0) -> None:
        self._link = link
        self._margin = margin
        self.handle: int | None = None

    def use(self, handle: int) -> None:
        """Select ``handle`` unless it is selected."""
        if self.handle != handle:
            self.select(handle)

    def forget(self) -> None:
        """Note that the firmware may select another socket: on a close, on an opening that fails, after a restart."""
        self.handle = None

    def select(self, handle: int) -> Response:
        """AT#XSOCKETSELECT=<handle>. The page's second example answers with more fields; the first is the handle."""
        response = self._link.command(f"AT#XSOCKETSELECT={handle}", timeout=self._margin)
        answers = Answers(self._link, response)
        if answers.number(answers.one("#XSOCKETSELECT")[0], "the handle") != handle:
            answers.refuse(f"the handle {handle}")
        self.handle = handle
        return response

    def list(self) -> SocketList:
        """AT#XSOCKETSELECT?: all sockets with their ranking, and the selected one."""
        response = self._link.command("AT#XSOCKETSELECT?", timeout=self._margin)
        answers = Answers(self._link, response)
        rows = []
        active: int | None = None
        for line in answers.lines("#XSOCKETSELECT"):
            numbers = [answers.number(field, "a field") for field in line]
            if len(numbers) == 1:
                active = numbers[0]
            elif len(numbers) == 7:
                rows.append(_list(answers, numbers))
            else:
                answers.refuse("lines of 7 fields and one of 1")
        return SocketList(tuple(rows), active, response)

    def read(self) -> ActiveSocket | None:
        """AT#XSOCKET?: the selected socket; None when no socket is open."""
        response = self._link.command("AT#XSOCKET?", timeout=self._margin)
        answers = Answers(self._link, response)
        if not answers.lines("#XSOCKET"):
            return None
        handle, family, role, kind, cid = (answers.number(f, "a field") for f in answers.one("#XSOCKET", fields=5)[:5])
        socket_type = answers.member(kind, SocketType)
        return ActiveSocket(handle, answers.member(family, Family), role, socket_type, cid, response)

    def read_secure(self) -> ActiveSecureSocket | None:
        """AT#XSSOCKET?: the selected socket, also a plain one; None when no socket is open."""
        response = self._link.command("AT#XSSOCKET?", timeout=self._margin)
        answers = Answers(self._link, response)
        if not answers.lines("#XSSOCKET"):
            return None
        numbers = [answers.number(field, "a field") for field in answers.one("#XSSOCKET", fields=6)[:6]]
        handle, family, role, kind, sec_tag, cid = numbers
        socket_type = answers.member(kind, SocketType)
        return ActiveSecureSocket(handle, answers.member(family, Family), role, socket_type, sec_tag, cid, response)

    def close(self) -> Response:
        """AT#XSOCKET=0: close the selected socket; harmless when no socket is open."""
        return self._close("AT#XSOCKET=0")

    def close_secure(self) -> Response:
        """AT#XSSOCKET=0: close the selected socket, also a plain one."""
        return self._close("AT#XSSOCKET=0")

    def test(self) -> Response:
        """AT#XSOCKET=?."""
        return self._link.command("AT#XSOCKET=?", timeout=self._margin)

    def test_secure(self) -> Response:
        """AT#XSSOCKET=?."""
        return self._link.command("AT#XSSOCKET=?", timeout=self._margin)

    def _close(self, command: str) -> Response:
        self.forget()
        response = self._link.command(command, timeout=self._margin)
        answers = Answers(self._link, response)
        for line in answers.lines("#XSOCKET"):
            if line != ("0", "closed"):
                answers.refuse('#XSOCKET: 0,"closed"')
        return response


def _list(answers: Answers, numbers: list[int]) -> ListedSocket:
    handle, family, role, kind, sec_tag, ranking, cid = numbers
    socket_type = answers.member(kind, SocketType)
    return ListedSocket(handle, answers.member(family, Family), role, socket_type, sec_tag, ranking, cid)
