"""Log and trace ports: kept with what failed, masked; a fault collects what support asks for."""

import os
import pty
import time
import tty
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.boards import AuxPort, BoardSpec, SimulatedBoards, ask_simulator
from bench.clock import Anchor, now_ns
from bench.privacy import Concealer
from tests.support.lab import Lab

IMEI = b"359404230000000"
SUITE = """
import time
from bench.boards import ask_simulator

def test_passes(modem):
    modem.link.command("AT+CGMI")
    time.sleep(0.2)  # what comes within 20 ms of a test's end may be told of the next

def test_fails(modem):
    modem.link.command("AT+CGMM")
    assert False, "this device is bad"

def test_faults(modem, bench_session):
    ask_simulator(bench_session.spec, {"op": "trouble", "what": "fault"})
    modem.link.wait_for_urc("#XMODEM: INIT", timeout=5)

def test_goes_on(modem):
    modem.link.command("AT")
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestPort:
    def test_what_comes_is_kept_with_its_time(self) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        with AuxPort("log", os.ttyname(slave), baudrate=115200) as port:
            os.write(master, b"before\r\n")
            until(port.since)
            middle = now_ns()
            os.write(master, b"after\r\n")
            until(lambda: port.since(middle))
            assert b"".join(chunk for _, chunk in port.since()) == b"before\r\nafter\r\n"
            assert b"".join(chunk for _, chunk in port.since(middle)) == b"after\r\n"
        os.close(master)
        os.close(slave)

    def test_only_the_last_bytes_are_kept(self) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        with AuxPort("log", os.ttyname(slave), baudrate=115200, ring_bytes=5000) as port:
            sent = b"".join(b"%07d\n" % number for number in range(5000))
            for start in range(0, len(sent), 1000):
                os.write(master, sent[start : start + 1000])
            until(lambda: b"0004999" in b"".join(chunk for _, chunk in port.since()))
            kept = b"".join(chunk for _, chunk in port.since())
        assert sent.endswith(kept)
        assert len(kept) < 5000 + 65536
        assert b"0000000" not in kept
        os.close(master)
        os.close(slave)

    def test_a_port_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with AuxPort("log", str(tmp_path / "none"), baudrate=115200) as port:
            assert "there is no port" in port.trouble
            assert port.since() == []

    def test_a_port_that_vanishes_is_told(self) -> None:
        with SimulatedBoards(1) as boards:
            spec = boards.specs[0]
            with AuxPort("log", spec.aux_ports["log"], baudrate=115200) as port:
                ask_simulator(spec, {"op": "trouble", "what": "vanish"})
                until(lambda: port.trouble)
        assert "vanished" in port.trouble or "hung up" in port.trouble

    @given(st.lists(st.integers(1, 20), max_size=6))
    def test_an_identity_cut_in_two_is_concealed(self, cuts: list[int]) -> None:
        concealer, said = Concealer(b"k" * 32), b"modem +CGSN: " + IMEI + b" is up\xff"
        concealer.learn("imei", IMEI.decode())
        port = AuxPort("log", "/dev/null", baudrate=115200)
        rest = said
        for size in [*cuts, len(said)]:
            piece, rest = rest[:size], rest[size:]
            if piece:
                port._keep(piece)
        text = port.text(Anchor(), concealer.conceal)
        assert IMEI.decode() not in "".join(line for line in text.splitlines() if not line.startswith("-- "))
        assert text.count("\\xff") == 1


def test_logs_are_kept_with_what_failed_and_a_fault_collects_more(lab: Lab) -> None:
    run = lab.run(SUITE)
    assert run.code == 1, run.output
    rows = {row["test"].partition("::")[2]: row for row in run.rows if row["type"] == "finish"}
    assert "log" not in rows["test_passes"]
    log = (run.folder / rows["test_fails"]["log"]).read_text()
    assert "<dbg> slm_at_host: RX AT+CGMM" in log
    assert "AT+CGMI" not in log, "that was another test's"
    assert "simulated-1's modem crashed: #XMODEM: FAULT" in rows["test_faults"]["message"]
    folder = run.folder / rows["test_faults"]["support"]
    assert {path.name for path in folder.iterdir()} == {"identity.json", "answers.txt", "log.txt"}
    assert "AT+CEER" in (folder / "answers.txt").read_text()
    assert "Modem fault: reason 0x3" in (folder / "log.txt").read_text()
    assert "RX AT+CGMI" in (folder / "log.txt").read_text(), "all that there is, not only of this test"
    assert IMEI.decode() not in "".join(path.read_text() for path in folder.iterdir())
    assert rows["test_goes_on"]["outcome"] == "passed"
    page = (run.folder / "verdict.html").read_text()
    assert ">log</a>" in page
    assert ">collected for support</a>" in page
    attached = [path.read_text(errors="replace") for path in (run.folder / "allure-results").glob("*-attachment.*")]
    assert not any("slm_at_host" in text for text in attached), "never in Allure unless asked"


@pytest.mark.parametrize("asked", [True, False])
def test_a_lab_decides_what_becomes_of_logs(lab: Lab, asked: bool) -> None:
    (lab.folder / "bench.toml").write_text(f"[logs]\n{'in_allure = true' if asked else 'capture = false'}\n")
    run = lab.run(
        "def test_fails(modem):\n    modem.link.command('AT')\n    assert False\n",
        ("--simulate", "1", "--config", str(lab.folder / "bench.toml")),
    )
    attached = [path.read_text(errors="replace") for path in (run.folder / "allure-results").glob("*-attachment.*")]
    assert any("slm_at_host" in text for text in attached) is asked
    assert (run.folder / "logs").exists() is asked


def test_a_spec_keeps_its_ports_on_its_way_to_the_process_that_tests_it() -> None:
    spec = BoardSpec("dk-1", "/dev/ttyACM0", aux_ports={"log": "/dev/ttyACM1"})
    assert BoardSpec.from_json(spec.to_json()) == spec
