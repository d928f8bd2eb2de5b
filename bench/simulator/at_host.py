"""The AT host of the simulated firmware: takes bytes from the UART, runs one command at a time, answers.

It knows no command and no firmware's syntax: a :class:`HostDialect` gives it the framer, the grammar, the command
families and the lines that it prints by itself. Commands that arrive while one blocks wait in the UART.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.simulator.behaviour import Behaviour
from bench.simulator.commands import CommandHandlers, Grammar
from bench.simulator.data_mode import InputMode
from bench.simulator.framing import CommandFramer, CommandLine, Framer
from bench.simulator.journal import Journal
from bench.simulator.log_port import LogPort
from bench.simulator.modem import GRAMMAR, SimulatedModem
from bench.simulator.output import Output
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.refusal import AtError, CmeError, Refused
from bench.simulator.transfer import Transfer
from bench.simulator.uart import Uart

_MODEM_START_S = 0.3
_TIMER_S = 0.002  # a timer of the loop is late by less than this
_NOISE = b'\r\n+CEREG: 2,"00\xff\x00\xfe'
"""What a restart in the middle of a line leaves on a UART."""


@dataclass(frozen=True)
class HostDialect:
    """The AT interface of one firmware, beside the commands of the modem, which all share.

    Attributes:
        grammar: the shape of its commands.
        families: makes its command families, anew at each boot: nothing of theirs outlives one.
        boot_line: printed when it is ready.
        modem_fault_urcs: printed when the modem core crashes; the last one when it has started again.
        log_name: the name of its log module.
        framer: makes what finds command lines, anew at each boot; it may print an echo.
    """

    grammar: Grammar
    families: Callable[["AtHost"], Sequence[object]]
    boot_line: bytes = b""
    modem_fault_urcs: tuple[str, ...] = ()
    log_name: str = "app"
    framer: Callable[["AtHost"], Framer] = field(default=lambda host: frame_lines(host.profile))


def frame_lines(profile: FirmwareProfile) -> Framer:
    """Return the usual framer: command lines up to the profile's terminator and limit."""
    return CommandFramer(profile.command_limit, terminator=profile.terminator)


class AtHost:
    """The firmware of one board, from boot to power off.

    Attributes:
        profile: the limits and habits of the firmware.
        modem: the modem core.
        transfer: what moves the data of its sockets.
        output: where command families print.
        uart: the serial port.
        journal: the board's ground truth.
        commands: all handlers, since the last boot.
    """

    def __init__(
        self,
        dialect: HostDialect,
        profile: FirmwareProfile,
        modem: SimulatedModem,
        transfer: Transfer,
        uart: Uart,
        output: Output,
        journal: Journal,
        log: LogPort,
        behaviour: Behaviour,
    ) -> None:
        self.profile = profile
        self.modem = modem
        self.transfer = transfer
        self.output = output
        self.journal = journal
        self.commands = CommandHandlers((), ())
        self.uart = uart
        self._dialect = dialect
        self._log = log
        self._behaviour = behaviour
        self._guard: asyncio.Timeout | None = None  # around the command that runs
        self._framer = dialect.framer(self)
        self._mode: InputMode | None = None
        self._reset = self._crashed = False
        self._last_words: str | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._quiet: asyncio.TimerHandle | None = None  # until URCs may come again
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Boot and serve until cancelled."""
        try:
            while True:
                await self._boot()
                while not self._reset:
                    if self._mode is not None:
                        await self._serve_mode(self._mode)
                    else:
                        await self._serve_commands(await self.uart.receive())
        finally:
            self._cancel_tasks()

    async def _boot(self) -> None:
        self._reset = self._crashed = False
        self._afterwards.clear()
        self._cancel_tasks()
        self._end_quiet()
        self.uart.restore_rate()
        self.transfer.restart()
        self.commands = CommandHandlers(
            (GRAMMAR, self._dialect.grammar), (*self.modem.families, *self._dialect.families(self))
        )
        self.commands.remove(self.profile.faults.refuses)
        self._framer = self._dialect.framer(self)
        self.journal.add("boot")
        self._log.start_clock()
        await self.modem.power_on()
        self.output.restart()
        if self._behaviour.boot:
            await asyncio.sleep(self._behaviour.boot)
            self.uart.drop_input()  # nobody has read it
        self.output.write(self._dialect.boot_line)

    # ---------------------------------------------------------------- what command families use

    def enter_mode(self, mode: InputMode) -> None:
        """Give the input from the next byte on to ``mode`` until that ends, and hold back URCs."""
        self.output.hold_urcs()
        self._mode = mode

    def start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the commands, such as a poll that reports by URC, at most until the next boot."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _cancel_tasks(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    def reset_after_answer(self, last_words: str | None = None) -> None:
        """Close all sockets and restart after the present command, with a line behind its answer if one is given."""
        self._reset, self._last_words = True, last_words

    def after_answer(self, action: Callable[[], None]) -> None:
        """Call ``action`` when the answer of the present command is printed."""
        self._afterwards.append(action)

    # ---------------------------------------------------------------- what happens to a board

    def crash(self) -> None:
        """Restart in the middle of anything, as after a fault of the application."""
        self._log.say("err", "os", "***** HARD FAULT *****")
        self.transfer.sockets.close_all()
        self.modem.power_off()
        self.output.restart()
        if self._behaviour.noise:
            self.output.write(_NOISE)
        self._crashed = True
        self._end_command()
        self._mode, self._reset = None, True
        self.uart.wake()

    def load(self, dialect: HostDialect, profile: FirmwareProfile) -> None:
        """Become another firmware, and start it; the modem core keeps its settings."""
        self._dialect, self.profile = dialect, profile
        self.transfer.sockets.profile = profile
        self.output.change(blank_line=profile.blank_line, urc_buffer=profile.urc_buffer)
        self.crash()

    def crash_modem(self) -> None:
        """Crash and restart the modem core. The application reports it; the command that runs ends in ERROR."""
        self._log.say("err", self._dialect.log_name, "Modem fault: reason 0x3, pc 0x3e5a2")
        self.transfer.sockets.close_all()
        fault, *more = self._dialect.modem_fault_urcs
        self.output.write(f"\r\n{fault}\r\n".encode())
        self.modem.power_off()
        for line in more[:-1]:
            self.output.write(f"\r\n{line}\r\n".encode())
        self._end_command()
        self.start_task(self._start_modem(more[-1:]))

    def _end_command(self) -> None:
        """End the command that runs, wherever it waits."""
        if self._guard is not None:
            self._guard.reschedule(asyncio.get_running_loop().time())

    async def _start_modem(self, lines: Sequence[str]) -> None:
        await asyncio.sleep(_MODEM_START_S)
        for line in lines:
            self.output.urc(line)

    # ---------------------------------------------------------------- commands

    async def _serve_commands(self, data: bytes) -> None:
        self._end_quiet()
        quiet_s = 0.0
        while data and self._mode is None and not self._reset:
            line, used = self._framer.take(data)
            data = data[used:]
            quiet_s = self._framer.quiet_s if line is None else 0.0
            if line is not None:
                self.output.hold_urcs()
                await self._execute(line)
        self.uart.push_back(data)
        if self._mode is None:
            self._release_urcs(quiet_s)

    def _release_urcs(self, quiet_s: float) -> None:
        """Let URCs come: now, or when the host has typed nothing more for some time."""
        if quiet_s:
            self.output.hold_urcs()
            self._quiet = asyncio.get_running_loop().call_later(quiet_s, self.output.release_urcs)
        else:
            self.output.release_urcs()

    def _end_quiet(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    async def _execute(self, line: CommandLine) -> None:
        self.output.start_answer()
        text = line.text.decode("latin-1")
        self.journal.add("command", text=text)
        self._log.say("dbg", f"{self._dialect.log_name}_at_host", f"RX {text.partition('=')[0]}")
        began = time.monotonic()
        result = await self._result(line)
        await self._lag(time.monotonic() - began)
        if self._crashed:
            return  # a device that has restarted answers nothing
        self.output.finish_answer(result)
        afterwards, self._afterwards = self._afterwards, []
        for action in afterwards:
            action()
        if self._reset:
            self._end_for_reset()

    async def _lag(self, took: float) -> None:
        """Take longer than the command has taken, where the build is a slow one."""
        until = time.monotonic() + took * self.profile.faults.slower
        asleep = until - time.monotonic() - _TIMER_S
        if asleep > 0:
            await asyncio.sleep(asleep)
        time.sleep(max(0.0, until - time.monotonic()))  # the loop's timers count in ms, which would be too coarse

    async def _result(self, line: CommandLine) -> str:
        """Run a command; return its final result code."""
        try:
            async with asyncio.timeout(None) as self._guard:
                await self._dispatch(line)
        except TimeoutError:
            return "ERROR"  # modem or device have crashed meanwhile
        except CmeError as error:
            return f"+CME ERROR: {error.number}" if self.modem.reports_error_numbers else "ERROR"
        except AtError as error:
            for row in error.lines:
                self.output.say(row)
            return "ERROR"
        except Refused:
            return "ERROR"
        finally:
            self._guard = None
        return "OK"

    async def _dispatch(self, line: CommandLine) -> None:
        start = line.text.upper().find(b"AT")  # what stands before it is noise from a host that was just switched on
        if line.overflow or start < 0:
            raise AtError
        command = line.text[start + 2 :].split(b"\0", 1)[0].decode("latin-1")
        if self.modem.dead and (not command or GRAMMAR.pattern.match(command)):
            raise AtError
        if command:
            handler, parameters = self.commands.find(command)
            await handler(parameters)

    def _end_for_reset(self) -> None:
        self.transfer.sockets.close_all()
        line, self._last_words = self._last_words, None
        if line is not None:
            self.output.write(b"\r\n" + line.encode("latin-1") + b"\r\n")

    # ---------------------------------------------------------------- data

    async def _serve_mode(self, mode: InputMode) -> None:
        data = await self.uart.receive(mode.patience_s)
        ended, used = await mode.take(data)
        if ended:
            self._mode = None
            self.uart.push_back(data[used:])
            self.output.release_urcs()
