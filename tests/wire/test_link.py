"""The link against a small device: order, stamps, silence, late answers, loss, data mode."""

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from bench.at import (
    SLM,
    AtLink,
    CommandError,
    CommandTimeout,
    LinkBlocked,
    LinkState,
    MalformedAnswer,
    PortBusy,
    PortLost,
    PortNotFound,
    ReplayMismatch,
    UrcTimeout,
)
from bench.at.transcript import to_jsonl
from bench.clock import NS_PER_MS, now_ns
from bench.errors import DeviceError, LabError, UsageError
from tests.support.responder import Answer, Device, device


def test_an_answer_has_lines_final_and_ordered_stamps() -> None:
    with device({b"AT+CGMR": b"\r\nmfw_nrf91x1_2.0.2\r\n\r\nOK\r\n"}) as board, AtLink.open(board.path) as link:
        before = now_ns()
        response = link.command("AT+CGMR")
        assert (response.command, response.lines, response.final) == ("AT+CGMR", ("mfw_nrf91x1_2.0.2",), "OK")
        assert before <= response.sent_ns <= response.first_byte_ns <= response.final_ns <= now_ns()
        assert board.heard == b"AT+CGMR\r\n"


def test_the_first_byte_is_stamped_when_it_comes_not_when_the_answer_ends() -> None:
    def slowly(board: Device) -> None:
        board.say(b"\r\n#XSE", b"ND: 3\r\n", b"\r\nOK\r\n", gap=0.05)

    with device({b'AT#XSEND="abc"': slowly}) as board, AtLink.open(board.path) as link:
        response = link.command(b'AT#XSEND="abc"')
        assert response.lines == ("#XSEND: 3",)
        assert response.final_ns - response.first_byte_ns >= 80 * NS_PER_MS


def test_a_payload_that_looks_like_an_answer() -> None:
    answer = b"\r\n#XRECV: 13\r\n\r\nOK\r\nERROR\r\n\r\nOK\r\n"
    with device({b"AT#XRECV=1": answer}) as board, AtLink.open(board.path) as link:
        response = link.command("AT#XRECV=1")
        assert response.payload == b"\r\nOK\r\nERROR\r\n"
        assert link.command("AT").lines == ()


def test_errors_carry_the_response() -> None:
    answers: dict[bytes, Answer] = {
        b"AT+CFUN=1": b"\r\n+CME ERROR: 13\r\n",
        b'AT#XSEND="x"': b"\r\n#XSEND: 0\r\n\r\nERROR\r\n",
    }
    with device(answers) as board, AtLink.open(board.path) as link:
        with pytest.raises(CommandError, match=r"AT\+CFUN=1 answered \+CME ERROR: 13") as failure:
            link.command("AT+CFUN=1")
        assert failure.value.cme == 13
        with pytest.raises(CommandError) as failure:
            link.command('AT#XSEND="x"')
        assert failure.value.cme is None
        assert failure.value.response.lines == ("#XSEND: 0",)
        assert isinstance(failure.value, DeviceError)


class TestUrcs:
    def test_before_inside_and_after_an_answer(self) -> None:
        def chatty(board: Device) -> None:
            board.say(b"\r\n+CSCON: 1\r\n\r\nanswer\r\n\r\n#XAPOLL: 1,4\r\n\r\nOK\r\n\r\n+CSCON: 0\r\n")

        with device({b"AT+CGMR": chatty}) as board, AtLink.open(board.path) as link:
            response = link.command("AT+CGMR")
            assert response.lines == ("answer",)
            assert [urc.line for urc in response.urcs] == ["+CSCON: 1", "#XAPOLL: 1,4", "+CSCON: 0"]
            assert link.wait_for_urc("+CSCON").line == "+CSCON: 1"
            assert link.wait_for_urc("+CSCON").line == "+CSCON: 0"
            assert link.wait_for_urc("#XAPOLL").line == "#XAPOLL: 1,4"
            with pytest.raises(UrcTimeout):
                link.wait_for_urc("+CSCON", timeout=0.05)

    @pytest.mark.parametrize("seconds", [0, 0.3])
    def test_while_idle_they_are_stamped_when_they_arrive(self, seconds: float) -> None:
        """After a short command, and after a long one, during which the drain sleeps."""

        def answer(board: Device) -> None:
            threading.Timer(seconds, board.say, [b"\r\nOK\r\n"]).start()

        with device({b"AT": answer}) as board, AtLink.open(board.path) as link:
            link.command("AT")
            time.sleep(0.1)  # the drain has taken the port back
            said = now_ns()
            board.say(b"\r\n+CEREG: 5\r\n")
            time.sleep(2)
            urc = link.wait_for_urc("+CEREG")
            assert urc.received_ns < said + 1500 * NS_PER_MS

    def test_since_leaves_the_older_ones(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            board.say(b"\r\n+CSCON: 1\r\n")
            link.wait_for_urc("+CSCON")
            board.say(b"\r\n+CSCON: 0\r\n")
            time.sleep(0.1)
            with pytest.raises(UrcTimeout, match=r"no \+CSCON came within"):
                link.wait_for_urc("+CSCON", timeout=0.05, since_ns=now_ns())
            assert link.wait_for_urc("+CSCON").line == "+CSCON: 0"

    def test_one_that_comes_while_waited_for(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            threading.Timer(0.2, board.say, [b"\r\n%RAI: 1\r\n"]).start()
            assert link.wait_for_urc("%RAI", timeout=10).line == "%RAI: 1"

    def test_the_backlog_can_be_emptied(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            board.say(b"\r\nReady\r\n")
            link.wait_for_urc("Ready")
            board.say(b"\r\n+CEREG: 2\r\n\r\n+CEREG: 1\r\n")
            time.sleep(0.1)
            assert [urc.line for urc in link.urcs()] == ["+CEREG: 2", "+CEREG: 1"]
            assert link.urcs() == ()


class TestSilence:
    def test_a_late_answer_is_not_the_next_commands(self) -> None:
        def late(board: Device) -> None:
            threading.Timer(0.4, board.say, [b"\r\nlate answer\r\n\r\nERROR\r\n"]).start()

        answers: dict[bytes, Answer] = {b"AT#XRECV=9": late, b"AT+CGMR": b"\r\nnext answer\r\n\r\nOK\r\n"}
        with device(answers) as board, AtLink.open(board.path) as link:
            with pytest.raises(CommandTimeout, match=r"AT#XRECV=9 had no final result after 0\.1 s"):
                link.command("AT#XRECV=9", timeout=0.1)
            assert link.command("AT+CGMR", timeout=10).lines == ("next answer",)
            assert any(b"late: ERROR of AT#XRECV=9" in entry.data for entry in link.transcript.entries)

    def test_a_command_is_not_sent_while_another_hangs(self) -> None:
        with device({b"AT#XRECV=0": b""}) as board, AtLink.open(board.path) as link:
            with pytest.raises(CommandTimeout):
                link.command("AT#XRECV=0", timeout=0.1)
            with pytest.raises(LinkBlocked, match="AT was not sent: AT#XRECV=0"):
                link.command("AT", timeout=0.1)
            assert board.heard == b"AT#XRECV=0\r\n"
            board.say(b"\r\nERROR\r\n")
            assert link.command("AT").ok

    def test_a_half_payload_is_silence_too(self) -> None:
        with device({b"AT#XRECV=1": b"\r\n#XRECV: 10\r\nabc"}) as board, AtLink.open(board.path) as link:
            with pytest.raises(CommandTimeout):
                link.command("AT#XRECV=1", timeout=0.2)
            board.say(b"defghij\r\nOK\r\n")
            assert link.command("AT", timeout=10).ok

    def test_an_answer_against_the_rules(self) -> None:
        with device({b"AT#XRECV=1": b"\r\n#XRECV: many\r\n\r\nOK\r\n"}) as board, AtLink.open(board.path) as link:
            with pytest.raises(MalformedAnswer, match="#XRECV: many"):
                link.command("AT#XRECV=1")
            assert link.command("AT").ok


class TestInterrupted:
    """A command that something cut short hangs until its own answer is there."""

    def test_by_an_exception_of_the_caller(self) -> None:
        class Cut(Exception):
            pass

        def cut(*_: object) -> None:
            raise Cut

        def late(board: Device) -> None:
            threading.Timer(0.4, board.say, [b"\r\n#XRECV: 2\r\nhi\r\nOK\r\n"]).start()

        answers: dict[bytes, Answer] = {b"AT#XRECV=9": late, b"AT+CFUN?": b"\r\n+CFUN: 1\r\n\r\nOK\r\n"}
        with device(answers) as board, AtLink.open(board.path) as link:
            previous = signal.signal(signal.SIGALRM, cut)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            try:
                with pytest.raises(Cut):
                    link.command("AT#XRECV=9")
            finally:
                signal.signal(signal.SIGALRM, previous)
            assert link.blocked
            response = link.command("AT+CFUN?", timeout=10)
            assert (response.lines, response.payload) == (("+CFUN: 1",), None)

    def test_in_the_middle_of_its_own_bytes(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            board.stall()
            with pytest.raises(CommandTimeout, match="flow control"):
                link.write_raw(b"x" * 1_000_000, timeout=0.2)
            with pytest.raises(CommandTimeout):
                link.command("AT", timeout=0.2)
            assert link.blocked

    def test_a_late_ok_has_entered_data_mode(self) -> None:
        with device({b"AT#XSEND": b""}) as board, AtLink.open(board.path) as link:
            with pytest.raises(CommandTimeout):
                link.enter_data_mode("AT#XSEND", timeout=0.1)
            board.say(b"\r\nOK\r\n")
            with pytest.raises(LinkState, match="a late OK has entered data mode"):
                link.command("AT")
            assert link.in_data_mode
            assert board.heard == b"AT#XSEND\r\n"

    def test_a_storm_does_not_outlast_a_timeout(self) -> None:
        stop = threading.Event()

        def storm(board: Device) -> None:
            while not stop.is_set():
                board.say(b"\r\n+CSCON: 1\r\n" * 100)

        with device() as board, AtLink.open(board.path) as link:
            thread = threading.Thread(target=storm, args=(board,))
            thread.start()
            try:
                started = now_ns()
                with pytest.raises(UrcTimeout):
                    link.wait_for_urc("+CEREG", timeout=0.5)
                # The storm would go on for as long as we let it; ten times the patience says that it did not decide.
                assert now_ns() - started < 5_000 * NS_PER_MS
            finally:
                stop.set()
                while thread.is_alive():
                    link.urcs()
                thread.join()


class TestPort:
    def test_unplugged_in_the_middle_of_a_command(self) -> None:
        def vanish(board: Device) -> None:
            board.say(b"\r\n#XRE")
            board.unplug()

        with device({b"AT#XRECV=9": vanish}) as board, AtLink.open(board.path) as link:
            with pytest.raises(PortLost, match="vanished") as failure:
                link.command("AT#XRECV=9")
            assert isinstance(failure.value, LabError)
            assert "#XRE" in str(failure.value)
            with pytest.raises(PortLost):
                link.command("AT")

    def test_unplugged_while_idle(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            link.command("AT")
            time.sleep(0.1)
            board.unplug()
            time.sleep(0.1)
            with pytest.raises(PortLost):
                link.command("AT")

    def test_a_wrong_name(self, tmp_path: Path) -> None:
        with pytest.raises(PortNotFound, match="there is no port /dev/ttyNOSUCH"):
            AtLink.open("/dev/ttyNOSUCH")
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(PortNotFound, match="is not a serial port"):
            AtLink.open(str(file))
        with pytest.raises(PortNotFound, match="is not a serial port"):
            AtLink.open("/dev/null")
        with pytest.raises(UsageError, match="tcp://HOST:PORT"):
            AtLink.open("tcp://nowhere")

    def test_a_busy_one_says_who_has_it(self) -> None:
        with device() as board, AtLink.open(board.path) as link:
            with pytest.raises(PortBusy, match="in use"):
                AtLink.open(board.path)
            assert link.command("AT").ok
        with device() as board:
            AtLink.open(board.path).close()
            AtLink.open(board.path).close()

    def test_through_tcp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with AtLink.open(f"tcp://127.0.0.1:{port}") as link:
                board, _ = server.accept()
                with board:
                    threading.Timer(0.1, board.sendall, [b"\r\nOK\r\n"]).start()
                    assert link.command("AT").ok
                    assert board.recv(100) == b"AT\r\n"
                with pytest.raises(PortLost):
                    link.command("AT")

    def test_a_closed_link_says_so(self) -> None:
        with device() as board:
            link = AtLink.open(board.path)
            link.close()
            link.close()
            with pytest.raises(LinkState, match="is closed"):
                link.command("AT")


ENTERS_DATA_MODE: dict[bytes, Answer] = {b"AT#XSEND": b"\r\nOK\r\n"}


class TestDataMode:
    def test_bytes_go_out_raw_and_commands_are_refused(self) -> None:
        with device(ENTERS_DATA_MODE) as board, AtLink.open(board.path) as link:
            link.enter_data_mode("AT#XSEND")
            assert link.in_data_mode
            link.write(bytes(range(256)))
            with pytest.raises(LinkState, match="data mode"):
                link.command("AT")
            threading.Timer(0.1, board.say, [b"\r\n#XDATAMODE: 0\r\n"]).start()
            assert link.leave_data_mode() == 0
            assert board.heard == b"AT#XSEND\r\n" + bytes(range(256)) + b"+++"
            assert not link.in_data_mode

    def test_sizes_of_flushes_are_not_its_end(self) -> None:
        with device(ENTERS_DATA_MODE) as board, AtLink.open(board.path) as link:
            link.enter_data_mode("AT#XSEND")
            reports = b"\r\n#XDATAMODE: 512\r\n\r\n#XDATAMODE: -139\r\n"
            threading.Timer(0.1, board.say, [reports]).start()
            assert link.leave_data_mode() == -139

    def test_it_does_not_end(self) -> None:
        with device(ENTERS_DATA_MODE) as board, AtLink.open(board.path) as link:
            link.enter_data_mode("AT#XSEND")
            with pytest.raises(CommandTimeout, match="data mode did not end"):
                link.leave_data_mode(timeout=0.1)
            assert link.in_data_mode

    def test_what_it_hands_on_is_heard_however_it_came(self) -> None:
        """Behind the OK in one piece, before more was written, and while it is listened to."""
        answers: dict[bytes, Answer] = {b"AT#XSEND": b"\r\nOK\r\nfirst\r\nse", b"ping": b"\r\nthird"}
        with device(answers) as board, AtLink.open(board.path) as link:
            link.enter_data_mode("AT#XSEND")
            board.say(b"cond")
            link.hear()
            link.write(b"ping\r\n")
            heard = link.listen(lambda heard: heard.endswith(b"third"), timeout=5)
            assert heard == b"first\r\nsecond\r\nthird"
            assert link.listen(bool, timeout=0.05) == b""
            threading.Timer(0.1, board.say, [b"\r\n#XDATAMODE: 0\r\n"]).start()
            assert link.leave_data_mode() == 0
            assert link.listen(bool, timeout=0.05) == b""

    def test_raw_bytes_need_data_mode(self) -> None:
        with device() as board, AtLink.open(board.path) as link, pytest.raises(LinkState):
            link.write(b"x")

    def test_a_device_that_reads_nothing(self) -> None:
        with device(ENTERS_DATA_MODE) as board, AtLink.open(board.path) as link:
            link.enter_data_mode("AT#XSEND")
            board.stall()
            with pytest.raises(CommandTimeout, match="flow control"):
                link.write(b"x" * 1_000_000, timeout=0.2)


class TestReplay:
    def test_a_recorded_session_answers_again(self, tmp_path: Path) -> None:
        with device({b"AT+CGMR": b"\r\nmfw\r\n\r\nOK\r\n"}) as board, AtLink.open(board.path) as link:
            link.command("AT")
            link.command("AT+CGMR")
            recording = tmp_path / "session.jsonl"
            recording.write_text(to_jsonl(link.transcript.entries))
        with AtLink.open(f"replay:{recording}") as link:
            assert link.command("AT").ok
            assert link.command("AT+CGMR").lines == ("mfw",)
            with pytest.raises(ReplayMismatch, match="has ended"):
                link.command("AT")
        with AtLink.open(f"replay:{recording}") as link, pytest.raises(ReplayMismatch, match=r"recorded AT\\r\\n"):
            link.command("AT+CGMM")

    def test_secrets_are_not_in_it_and_it_still_replays(self, tmp_path: Path) -> None:
        command = 'AT%CMNG=0,42,3,"deadbeef"'
        with device({command.encode(): b"\r\nOK\r\n"}) as board, AtLink.open(board.path) as link:
            assert "deadbeef" not in link.command(command).command
            text = to_jsonl(link.transcript.entries)
        assert "deadbeef" not in text
        recording = tmp_path / "session.jsonl"
        recording.write_text(text)
        with AtLink.open(f"replay:{recording}") as link:
            assert link.command(command).ok


def test_sixteen_links_share_one_thread() -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        boards = [stack.enter_context(device()) for _ in range(16)]
        links = [stack.enter_context(AtLink.open(board.path)) for board in boards]
        assert threading.active_count() == before + 16 + 1
        for link in links:
            assert link.command("AT").ok
        for board in boards:
            board.say(b"\r\n+CSCON: 1\r\n")
        for link in links:
            assert link.wait_for_urc("+CSCON").line == "+CSCON: 1"
    assert threading.active_count() == before


def test_a_closed_links_descriptor_is_not_read_by_the_drain() -> None:
    with device() as keeper, AtLink.open(keeper.path):  # keeps the drain running
        for _ in range(100):
            with device() as board:
                link = AtLink.open(board.path)
                board.say(b"\r\n+CSCON: 1\r\n")
                link.close()
                reused, other = socket.socketpair()
                with reused, other:
                    other.send(b"precious")
                    assert reused.recv(100) == b"precious"


def test_commands_end_as_the_dialect_says() -> None:
    with device() as board, AtLink.open(board.path, dialect=SLM.ending_in(b"\r")) as link:
        threading.Timer(0.2, board.say, [b"\r\nOK\r\n"]).start()
        assert link.command("AT").ok
        assert board.heard == b"AT\r"


def test_a_port_that_vanishes_while_it_is_opened_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second open fails, as it does when the cable is drawn between the two."""
    master, slave = os.openpty()
    path = os.ttyname(slave)
    real = os.open

    def opens(name: str, *arguments: int) -> int:
        if str(name).startswith("/proc/self/fd/"):
            raise OSError(6, "No such device or address")
        return real(name, *arguments)

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "open", opens)
    with pytest.raises(PortNotFound, match="vanished while it was opened"):
        AtLink.open(path)
    monkeypatch.undo()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with AtLink.open(path):  # nothing holds its lock
        pass
    os.close(master)
    os.close(slave)
