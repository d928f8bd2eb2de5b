"""The AT host of the simulated firmware: takes bytes from the UART, runs one command at a time, answers.

Commands that arrive while one blocks wait in the UART. Byte for byte after the recorded AT layer of nRF Connect SDK
v3.1; where versions differ a row of :mod:`bench.simulator.profiles` says so.
"""

import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.simulator.air import Air
from bench.simulator.framing import Command as Line
from bench.simulator.framing import CommandFramer, DataFramer
from bench.simulator.journal import Journal
from bench.simulator.log_port import LogPort
from bench.simulator.modem import Modem
from bench.simulator.names import Names, is_literal
from bench.simulator.parameters import AtError, CmeError, Parameters
from bench.simulator.profiles import Firmware as Profile
from bench.simulator.radio import NO_DATA
from bench.simulator.sockets import Socket, SocketTable
from bench.simulator.uart import Uart

_FORM = re.compile(r"(#X[A-Z]+)(=\?|\?|=.*|)$", re.DOTALL)

EOVERFLOW = 139
"""picolibc's number, as #XDATAMODE prints it."""

DataSender = Callable[[bytes], Awaitable[None]]
Handler = Callable[["Firmware", Parameters], Awaitable[None]]


@dataclass(frozen=True)
class Command:
    """The three forms of a command; a missing one answers ERROR."""

    set: Handler | None = None
    read: Handler | None = None
    test: Handler | None = None


@dataclass
class DataMode:
    """Data mode: what collects the data, where they go, and whether one datagram holds them all or nothing."""

    framer: DataFramer
    send: DataSender
    datagrams: bool
    overflowed: bool = False


class Firmware:
    """One board's firmware, from boot to power off."""

    def __init__(
        self,
        profile: Profile,
        commands: Mapping[str, Command],
        modem: Modem,
        names: Names,
        air: Air,
        uart: Uart,
        journal: Journal,
        key_log: Path | None = None,
        log: LogPort | None = None,
    ) -> None:
        self.profile = profile
        self.commands = commands
        self.modem = modem
        self.air = air
        self._names = names
        self.journal = journal
        self.sockets = SocketTable(profile, journal, air)
        self.sessions: dict[tuple[int, str, int, int], bytes] = {}
        self._key_log = key_log
        self._log = log or LogPort()
        self._uart = uart
        self._framer = self._new_framer()
        self._output = bytearray()
        self._urcs: list[str] = []
        self._busy = False
        self._reset = False
        self.data_mode: DataMode | None = None
        self.time_limit = 0

    async def run(self) -> None:
        """Boots and serves until cancelled."""
        while True:
            await self._boot()
            while not self._reset:
                if self.data_mode is not None:
                    await self._serve_data(self.data_mode)
                else:
                    await self._serve_commands(await self._uart.receive())

    def _new_framer(self) -> CommandFramer:
        return CommandFramer(self.profile.command_limit, terminator=self.profile.terminator)

    async def _boot(self) -> None:
        self._reset = False
        self.sockets.forget()
        self.sessions.clear()
        self.time_limit = 0
        self._framer = self._new_framer()
        self.journal.add("boot")
        self._log.booted()
        await self.modem.power_on()
        self._urcs.clear()
        self._uart.send(b"Ready\r\n")

    # ---------------------------------------------------------------- what commands use

    def say(self, line: str | bytes) -> None:
        """An information line of the present command."""
        self._output += b"\r\n" + (line.encode("latin-1") if isinstance(line, str) else line) + b"\r\n"

    def say_raw(self, data: bytes) -> None:
        """Raw bytes behind the line that announced them."""
        self._output += data

    def urc(self, line: str) -> None:
        """An unsolicited line: at once when idle, else after the command or data mode that holds it back."""
        self._urcs.append(line)
        if not self._busy and self.data_mode is None:
            self._flush_urcs()

    async def addresses(self, name: str, family: int) -> list[str]:
        """What the network's DNS server answers, after a round trip; a literal address needs none."""
        found = await self._names.addresses(name, family)
        if not is_literal(name):
            try:
                await self.air.round_trip()
            except TimeoutError:
                return []
        return found

    def announce_traffic(self, row: Socket, value: int) -> None:
        """A socket says how its traffic goes on (SO_RAI)."""
        self.journal.add("announced", handle=row.handle, value=value)
        if row.host is not None:
            row.host.assistance.announce(value)
        if value == NO_DATA:
            self.air.radio.ended(time.monotonic_ns())
            self.air.watch_radio()

    def keep_secret(self, line: str) -> None:
        """Appends a handshake's secret to the key log, if there is one."""
        if self._key_log is None:
            return
        with contextlib.suppress(OSError):  # a full disk is no fault of the board
            descriptor = os.open(self._key_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a") as file:
                file.write(line + "\n")

    def reset(self) -> None:
        """Restarts after the present command."""
        self._reset = True

    def restart(self) -> None:
        """Restarts by itself, whatever it does, as after a fault of the application."""
        self._log.say("err", "os", "***** HARD FAULT *****")
        self.sockets.close_all()
        self.data_mode, self._reset = None, True
        self._uart.wake()

    def modem_fault(self) -> None:
        """The modem core crashes and starts anew; the application says so, and lives."""
        self._log.say("err", "slm", "Modem fault: reason 0x3, pc 0x3e5a2")
        self.sockets.close_all()
        self.urc("#XMODEM: FAULT,0x3,0x3e5a2")
        self.urc("#XMODEM: INIT,0")

    def enter_data_mode(self, send: DataSender, *, datagrams: bool) -> None:
        """From the next byte on, input is data for ``send``."""
        self.time_limit = self.time_limit or self.profile.minimum_time_limit
        self.data_mode = DataMode(DataFramer(), send, datagrams)

    # ---------------------------------------------------------------- command mode

    async def _serve_commands(self, data: bytes) -> None:
        while data and self.data_mode is None and not self._reset:
            line, used = self._framer.take(data)
            data = data[used:]
            if line is not None:
                self._busy = True
                await self._execute(line)
                self._busy = False
        self._uart.push_back(data)
        if self.data_mode is None:
            self._flush_urcs()

    async def _execute(self, line: Line) -> None:
        self._output.clear()
        text = line.text.decode("latin-1")
        start = line.text.upper().find(b"AT")  # what stands before it is noise from a host that was just switched on
        self.journal.add("command", text=text)
        self._log.say("dbg", "slm_at_host", f"RX {text.partition('=')[0]}")
        try:
            if line.overflow or start < 0:
                raise AtError
            await self._dispatch(text[start + 2 :].split("\0", 1)[0])
            self._finish("OK")
        except CmeError as error:
            self._finish(f"+CME ERROR: {error.number}" if self.modem.reports_error_numbers else "ERROR")
        except AtError as error:
            for row in error.lines:
                self.say(row)
            self._finish("ERROR")
        if self._reset:
            self._close_for_reset()

    async def _dispatch(self, command: str) -> None:
        if not command:
            return
        if command[0] in "+%":
            for row in await self.modem.answer(command):
                self.say(row)
            return
        match = _FORM.match(command)
        entry = self.commands.get(match[1]) if match else None
        if match is None or entry is None:
            raise AtError
        mark = match[2]
        if mark in ("?", "=?"):
            handler = entry.read if mark == "?" else entry.test
            parameters = Parameters(())
        else:
            handler = entry.set
            parameters = Parameters.parse(mark[1:].encode("latin-1")) if mark else Parameters(())
        if handler is None:
            raise AtError
        await handler(self, parameters)

    def _finish(self, result: str) -> None:
        output = bytes(self._output)
        self._output.clear()
        if output and not self.profile.blank_line and output.endswith(b"\r\n"):
            output = output[:-2]  # the page's examples have no empty line
        self._uart.send(output + b"\r\n" + result.encode() + b"\r\n")

    def glue(self) -> None:
        """Takes back the last line end of the present answer."""
        if self.profile.blank_line and self._output.endswith(b"\r\n"):
            del self._output[-2:]

    def _close_for_reset(self) -> None:
        active = self.sockets.active
        self.sockets.close_all()
        if active is not None:
            self._uart.send(b'\r\n#XSOCKET: 0,"closed"\r\n')

    def _flush_urcs(self) -> None:
        for line in self._urcs:
            self._uart.send(b"\r\n" + line.encode("latin-1") + b"\r\n")
        self._urcs.clear()

    # ---------------------------------------------------------------- data mode

    async def _serve_data(self, mode: DataMode) -> None:
        data = await self._uart.receive(self.time_limit / 1000 if mode.framer.buffer else None)
        if not data:
            await self._send_data(mode, mode.framer.expire())
            return
        ended, used = mode.framer.take(data)
        if mode.datagrams:
            if len(mode.framer.buffer) > self.profile.data_mode_buffer:
                mode.overflowed = True
        else:
            while len(mode.framer.buffer) >= self.profile.data_mode_buffer:
                piece = bytes(mode.framer.buffer[: self.profile.data_mode_buffer])
                del mode.framer.buffer[: len(piece)]
                await self._send_data(mode, piece)
        if mode.overflowed:
            mode.framer.buffer.clear()
        if ended:
            await self._send_data(mode, mode.framer.expire())
            self.data_mode = None
            self._uart.send(b"\r\n#XDATAMODE: %d\r\n" % (-EOVERFLOW if mode.overflowed else 0))
            self.journal.add("data mode ended", overflowed=mode.overflowed)
            self._uart.push_back(data[used:])
            self._flush_urcs()

    async def _send_data(self, mode: DataMode, data: bytes) -> None:
        if data and not mode.overflowed:
            await mode.send(data)
        if data and self.profile.reports_flushes:  # also of data that went nowhere
            self._uart.send(b"\r\n#XDATAMODE: %d\r\n" % len(data))
