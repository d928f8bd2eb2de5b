"""Diagnosis of one board, by touching it; each finding names the cure."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import serial

from bench.at import AtLink, PortBusy, PortNotFound
from bench.boards.board import Board
from bench.boards.lease import BoardLeased, holder_of
from bench.boards.provisioning import TAGS
from bench.boards.recovery import BoardUnusable, synchronise
from bench.boards.spec import BoardSpec
from bench.config.lab import Config
from bench.config.named_files import unusable
from bench.errors import BenchError, LabError
from bench.modem import DialectUnsupported, NotRegistered, SimFault
from bench.modem.sim_card import READY, WANTS_PIN
from bench.peers import Peer
from bench.privacy import Concealer
from bench.processes import programs_with

_RADIO_ON = ("1", "21")
_SCAN_SECONDS = 2.5


@dataclass(frozen=True)
class Diagnosis:
    """One finding. ``cure`` is empty when nothing is wrong."""

    what: str
    cure: str = ""


def diagnose(spec: BoardSpec, config: Config, concealer: Concealer, peer: Peer | None) -> Iterator[Diagnosis]:
    """Yield the findings about one board; a board in use is left alone."""
    if not spec.port:
        yield Diagnosis(f"{spec.slot} is not attached", "plug it in, or leave it out of bench.toml")
        return
    holder = holder_of(spec.key)
    if holder is not None:
        yield Diagnosis(f"{spec.slot} is in use by {holder.text}: not diagnosed")
        return
    if spec.port.startswith("/"):
        denied = _permission(spec)
        others = programs_with(spec.port) if spec.hardware else []  # behind a pty there is a program by nature
        if denied:
            yield denied
            return
        if others:
            what = f"{spec.slot}: {', '.join(others)} has {spec.port} open"
            yield Diagnosis(what, "end that program; keep it off the port with the udev rule (doctor --fix-udev)")
            return
    board = Board(spec, concealer, job="nrf91-bench doctor")
    try:
        board.open()
    except BoardUnusable as error:
        yield _why_unusable(spec, config, error)
    except DialectUnsupported as error:
        yield Diagnosis(f"{spec.slot} runs another firmware", str(error).partition("\n")[0])
    except (PortBusy, PortNotFound, BoardLeased) as error:
        yield Diagnosis(f"{spec.slot} cannot be opened", str(error).partition("\n")[0])
    except BenchError as error:
        yield Diagnosis(f"{spec.slot} does not behave", str(error))
    else:
        try:
            yield from _diagnose_open(board, peer)
        except BenchError as error:
            yield Diagnosis(f"{board.slot} does not behave", str(error))
        finally:
            board.close()


def _permission(spec: BoardSpec) -> Diagnosis | None:
    if os.access(spec.port, os.R_OK | os.W_OK):
        return None
    try:
        group = Path(spec.port).group()
    except (OSError, KeyError):
        group = "dialout"
    cure = f"sudo usermod -a -G {group} $USER, then log in again; or install the udev rule (doctor --fix-udev)"
    return Diagnosis(f"{spec.slot}: no permission to open {spec.port}", cure)


def _why_unusable(spec: BoardSpec, config: Config, error: BoardUnusable) -> Diagnosis:
    if error.rate_is_right:
        return Diagnosis(f"{spec.slot} at {spec.port} does not behave", error.headline)
    what = f"{spec.slot} does not answer at {spec.port}, {spec.baudrate} baud"
    if spec.flow_control and _clear_to_send(spec) is False:
        return Diagnosis(f"{what}: CTS is low", "wire RTS and CTS, or say flow_control = false in bench.toml")
    if not spec.port.startswith("tcp://"):
        for rate in config.recovery.baudrates:
            if rate != spec.baudrate and _answers(replace(spec, baudrate=rate)):
                return Diagnosis(f"{what}, but at {rate} baud", f"set baudrate = {rate} for it in bench.toml")
    return Diagnosis(what, str(error).partition("\n")[0])


def _answers(spec: BoardSpec) -> bool:
    with AtLink.open(spec.port, baudrate=spec.baudrate, flow_control=spec.flow_control, dtr=spec.dtr) as link:
        try:
            synchronise(link, timeout=_SCAN_SECONDS)
        except LabError:
            return False
        return True


def _clear_to_send(spec: BoardSpec) -> bool | None:
    """Return the CTS line; None where the port has none, as a pseudo-terminal."""
    try:
        with serial.Serial(spec.port, spec.baudrate, rtscts=False, timeout=0) as port:
            return bool(port.cts)
    except (OSError, serial.SerialException):
        return None


def _diagnose_open(board: Board, peer: Peer | None) -> Iterator[Diagnosis]:
    identity = board.identity
    firmware = f"{identity.modem_firmware}, {identity.application_text}"
    yield Diagnosis(f"{board.slot} answers: {identity.part}, {firmware}")
    mode = board.modem.registration.functional_mode()
    if mode not in _RADIO_ON:
        yield Diagnosis(f"{board.slot} has its radio off (+CFUN: {mode}), as many builds have after a start")
    sim = board.modem.sim.examine()
    locked = sim.state not in ("", READY)
    if locked or not (sim.state or identity.iccid):
        yield Diagnosis(f"{board.slot} has no SIM that it can use: {sim.text}", _sim_cure(sim.state, board.spec))
        return
    if mode not in _RADIO_ON:
        yield Diagnosis(f"{board.slot} has a SIM that is ready")
        return
    try:
        board.modem.registration.check()
    except (NotRegistered, SimFault) as error:
        found, _, cure = error.headline.removeprefix(f"{board.link.name} ").rpartition("; ")
        yield Diagnosis(f"{board.slot} {found}", cure)
        return
    yield Diagnosis(f"{board.slot} is registered")
    if peer is not None:
        yield _reaches(board, peer)


def _sim_cure(state: str, spec: BoardSpec) -> str:
    if not state:
        return "insert one, the right way round; a SIM that is not activated yet reads alike"
    if state != WANTS_PIN:
        return f"it wants {state}: unlock it by hand"
    if spec.pin:
        return f"a run gives it the PIN that bench.toml names ({spec.pin})"
    return 'say where its PIN is kept, pin = "file:PATH" or "env:NAME" of the board in bench.toml'


def _reaches(board: Board, peer: Peer) -> Diagnosis:
    try:
        with board.modem.tcp_client(peer.host, peer.port) as client:
            client.send(b"doctor")
            client.receive_exactly(6, timeout=20)
    except BenchError:
        cure = "name an address that the board's network reaches ([peers] address), and open its ports in the firewall"
        return Diagnosis(f"{board.slot} does not reach the peer at {peer.host} port {peer.port}", cure)
    return Diagnosis(f"{board.slot} reaches the peer at {peer.host}")


def check_config(config: Config) -> Iterator[Diagnosis]:
    """Yield the findings about the inventory."""
    ranges = [config.credentials.sec_tags, *(board.sec_tags for board in config.boards)]
    for tags in ranges:
        if tags is not None and tags[1] - tags[0] + 1 < len(TAGS):
            cure = f"set aside {len(TAGS)} tags, such as [{tags[0]}, {tags[0] + len(TAGS) - 1}]"
            yield Diagnosis(f"sec_tags = [{tags[0]}, {tags[1]}] are too few for the TLS and DTLS suites", cure)
    for found in unusable(config, [board.name for board in config.boards], config.history):
        yield Diagnosis(f"{found.key}: {found.what}", found.cure)
    if config.credentials.sec_tags is None and config.boards and not all(board.sec_tags for board in config.boards):
        yield Diagnosis(
            "no security tags are set aside for the bench: TLS and DTLS are skipped",
            f"[credentials] sec_tags = [35100, {35100 + len(TAGS) - 1}] in bench.toml, tags that nobody else uses",
        )
