"""The virtual rack as a service: a command that runs inside, and a control socket that plugs and unplugs.

Its requests (:mod:`bench.simulator.control`), beside those that every simulator answers:

* ``{"op": "plug", "board": NAME[, "place": "1-4"][, "tty": 7]}``: gives the board power, at that place, with that tty.
* ``{"op": "unplug", "board": NAME}``: takes the power from it.
* ``{"op": "device", "vendor": ..., "product": ..., "manufacturer": ..., "name": ..., "serial": ..., "interfaces":
  ["00"][, "place": ...]}``: adds a device that is not a simulated board; nobody serves its ports. Answers its place.
* ``{"op": "remove", "place": ...}``: removes such a device.
* ``{"op": "list"}``: lists every board with its ports; an unplugged one has none.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.simulator.board import SimulatedBoard
from bench.simulator.control import Answer, Control, Request
from bench.simulator.rack import Plugged, Rack
from bench.simulator.usb import UsbDevice, usb_device

ENVIRONMENT = "NRF91_BENCH_RACK"
"""The variable that gives the command inside the path of the control socket."""
DEFAULT_CONTROL = Path("/run/nrf91-bench-rack.sock")
# A command that has to end gets this long to put its boards in order.
_PATIENCE_S = 30.0
_PDEATHSIG = 1


def _end_with_the_rack() -> None:
    """Let the child get SIGTERM when the rack has ended, even by SIGKILL (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)


class SilentPort:
    """A pty behind a log or trace port, on which nothing ever comes."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)

    def close(self) -> None:
        """Hang up."""
        os.close(self._slave)
        os.close(self._master)


class RackService:
    """The boards of one rack."""

    def __init__(self, boards: Sequence[SimulatedBoard], rack: Rack, control: Control) -> None:
        self._control = control
        control.operations |= {
            "plug": self._do_plug,
            "unplug": self._do_unplug,
            "device": self._do_device,
            "remove": self._do_remove,
            "list": self._do_list,
        }
        self._boards = {board.name: board for board in boards}
        self._rack = rack
        self._plugged: dict[str, Plugged] = {}
        self._devices: dict[str, Plugged] = {}
        self._silent: dict[str, list[SilentPort]] = {}

    async def serve(self, command: Sequence[str], stop: asyncio.Event) -> int:
        """Plug every board in and serve until the command has ended, or ``stop``; return the command's exit code."""
        async with self._control.serving():
            # A reader of the line that a board is ready may use the socket at once.
            for board in self._boards.values():
                plugged = self._plug(board, None, None)
                board.announce(str(plugged.ttys[0].node), serial=plugged.device.serial, place=plugged.place)
            if not command:
                await stop.wait()
                return 0
            return await self._run(command, self._control.path, stop)

    async def _run(self, command: Sequence[str], control: Path, stop: asyncio.Event) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, env={**os.environ, ENVIRONMENT: str(control)}, preexec_fn=_end_with_the_rack
            )
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {error.strerror}") from error
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), _PATIENCE_S)
            if not ended.done():
                process.kill()
        code = await ended
        return 128 - code if code < 0 else code

    def _plug(self, board: SimulatedBoard, place: str | None, tty: int | None) -> Plugged:
        if board.name in self._plugged:
            raise ValueError(f"{board.name} is plugged in already")
        device = usb_device(board.model, board.number)
        silent = [SilentPort() for _ in device.interfaces[1:]]
        ports = [board.power_on(), *(port.path for port in silent)]
        plugged = self._plugged[board.name] = self._rack.plug(device, ports, place=place, first_tty=tty)
        self._silent[board.name] = silent
        return plugged

    async def _do_plug(self, request: Request) -> Answer:
        board = self._boards[request["board"]]
        try:
            plugged = self._plug(board, request.get("place"), request.get("tty"))
        except BaseException:
            if board.name not in self._plugged:
                await board.power_off()
            raise
        return {"ports": [str(tty.node) for tty in plugged.ttys], "place": plugged.place}

    async def _do_unplug(self, request: Request) -> Answer:
        plugged = self._plugged.pop(request["board"])
        await self._boards[request["board"]].power_off()
        for port in self._silent.pop(request["board"]):
            port.close()
        self._rack.unplug(plugged)
        return {}

    async def _do_device(self, request: Request) -> Answer:
        texts = {name: str(request.get(name, "")) for name in ("vendor", "product", "manufacturer", "name", "serial")}
        device = UsbDevice(**texts, interfaces=tuple(request["interfaces"]))
        plugged = self._rack.plug(device, [None] * len(device.interfaces), place=request.get("place"))
        self._devices[plugged.place] = plugged
        return {"place": plugged.place, "ports": [str(tty.node) for tty in plugged.ttys]}

    async def _do_remove(self, request: Request) -> Answer:
        self._rack.unplug(self._devices.pop(request["place"]))
        return {}

    async def _do_list(self, _: Request) -> Answer:
        boards = {
            name: [str(tty.node) for tty in self._plugged[name].ttys] if name in self._plugged else []
            for name in self._boards
        }
        return {"boards": boards}
