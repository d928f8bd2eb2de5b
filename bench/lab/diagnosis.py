"""Diagnosis of a lab of several hosts, without touching a board; each finding names the cure."""

from collections.abc import Iterator

from bench import __version__
from bench.boards.diagnosis import Diagnosis
from bench.config.lab import LabConfig
from bench.errors import BenchError, LabError
from bench.lab.coordinator import Coordinator
from bench.lab.host_session import HostSession, clock_text
from bench.lab.places import LabPlace, Owner, owner_text
from bench.lab.tunnel import way_to_coordinator
from bench.number_text import counted

_PORTS_A_BOARD = 2
_CLOCK_S = 2.0


def diagnose_lab(lab: LabConfig) -> Iterator[Diagnosis]:
    """Yield the findings about coordinator, hosts, and the boards that they lend."""
    try:
        with way_to_coordinator(lab) as way, Coordinator(way) as coordinator:
            places = coordinator.places()
            exporters = coordinator.exporters()
    except BenchError as error:
        yield Diagnosis("the lab cannot be examined", str(error))
        return
    yield Diagnosis(f"labgrid's coordinator answers at {lab.coordinator}: {counted(len(places), 'board')}")
    if not places:
        yield Diagnosis("the lab has no board", "nrf91-bench lab add HOST, once for each host")
    boards: dict[str, list[LabPlace]] = {}
    for place in places:
        boards.setdefault(place.host, []).append(place)
    for host, own in sorted(boards.items()):
        if host not in exporters:
            cure = f"start labgrid-exporter on {host} (systemd: Restart=always)"
            yield Diagnosis(f"the exporter of {host} is down: its {counted(len(own), 'board')} cannot be lent", cure)
            continue
        yield from _host(lab, host, own, len(places))
    for place in places:
        yield from _place(place)


def _host(lab: LabConfig, host: str, own: list[LabPlace], boards: int) -> Iterator[Diagnosis]:
    first = next((place for place in own if place.address), None)
    if first is None:
        yield Diagnosis(
            f"the exporter of {host} does not say where it is", f"nrf91-bench lab add {host} prints its file"
        )
        return
    try:
        with HostSession(lab, first.at) as session:
            yield from _answers(session, lab, own, boards)
    except LabError as error:
        cure = f"try `ssh {first.at.target} {lab.python} -m bench.host --stdio`: it prints one line"
        yield Diagnosis(f"{host} cannot be reached: {error.headline}", cure)


def _answers(session: HostSession, lab: LabConfig, own: list[LabPlace], boards: int) -> Iterator[Diagnosis]:
    hello, host = session.hello, session.where.name
    try:
        session.check()
    except LabError as error:
        found, _, cure = str(error).partition(": ")
        yield Diagnosis(found, cure or "see above")
        return
    yield Diagnosis(f"{host} plays runs: nrf91-bench {__version__}, {hello.free_bytes / 1e9:.1f} GB free")
    if abs(session.clock_off_s) > _CLOCK_S:
        yield Diagnosis(f"the clock of {host} is {clock_text(session.clock_off_s)}", "let both hosts use NTP")
    if hello.ports is not None and hello.ports < _PORTS_A_BOARD * boards:
        cure = f"[peers] ports in its bench.toml: {_PORTS_A_BOARD * boards} or more, for all boards of the lab at once"
        yield Diagnosis(f"the peers of {host} may use {hello.ports} ports", cure)
    names = {board.name for board in hello.boards}
    for place in own:
        if place.name not in names:
            cure = f"nrf91-bench lab add {host}, or labgrid-client -p {place.name} delete"
            yield Diagnosis(f"{host} knows no board {place.name}", cure)
    for board in hello.boards:
        if not board.control and board.name not in {place.name for place in own}:
            yield Diagnosis(f"{board.name} of {host} is not in the lab", f"nrf91-bench lab add {host}")


def _place(place: LabPlace) -> Iterator[Diagnosis]:
    if place.attached is False:
        yield Diagnosis(place.trouble, "plug it in; until then nobody is lent it")
    owner = Owner.parse(place.holder)
    if owner is not None and owner.is_dead:
        cure = f"nrf91-bench lab free {place.name}; whoever waits for it does that too"
        yield Diagnosis(f"{place.name} is held by a run of {owner_text(place.holder)} that has ended", cure)
