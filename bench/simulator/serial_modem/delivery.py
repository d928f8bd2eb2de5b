"""The printing of received data: asked for, and unasked as automatic reception."""

from bench.simulator.at_host import AtHost
from bench.simulator.refusal import Refused
from bench.simulator.serial_modem.slots import Slot, takes_no_address
from bench.simulator.transfer import ReceivedData

IN_AT_MODE, IN_DATA_MODE = 1, 2


class Delivery:
    """Automatic reception."""

    def __init__(self, host: AtHost) -> None:
        self._output = host.output
        self._transfer = host.transfer
        self._limit = host.profile.receive_limit

    def deliver(self, slot: Slot, *, data_mode: bool) -> bool:
        """Print what has come where that is wanted, at most what one receive gives; return whether data came."""
        wanted = IN_DATA_MODE if data_mode else IN_AT_MODE
        sock = slot.sock
        if sock is None or sock.listening or not slot.reporting.receives & wanted:
            return False
        try:
            received = self._transfer.take(sock, self._limit)
        except Refused:
            return False  # nothing is printed
        if data_mode:
            self._output.write(received.data)
        elif received.data:
            self._output.write(b"\r\n%b\r\n%b\r\n" % self._lines(slot, received))
        else:
            self._output.write(b"\r\n")  # the peer has closed: no data, but the end of their line
        return bool(received.data)

    def _lines(self, slot: Slot, received: ReceivedData) -> tuple[bytes, bytes]:
        name = "#XRECV" if takes_no_address(slot) else "#XRECVFROM"
        return header(name, slot, received, as_hex=slot.reporting.hex), payload(received, as_hex=slot.reporting.hex)


def header(name: str, slot: Slot, received: ReceivedData, *, as_hex: bool) -> bytes:
    """Return the line that announces received data: handle, mode, size, and with #XRECVFROM their source."""
    text = f"{name}: {slot.handle},{int(as_hex)},{len(received.data)}"
    if name == "#XRECVFROM":
        text += f',"{received.peer[0]}",{received.peer[1]}'
    return text.encode()


def payload(received: ReceivedData, *, as_hex: bool) -> bytes:
    """Return received data as they are printed: raw, or as hex in lower case."""
    return received.data.hex().encode() if as_hex else received.data
