"""A firmware that nobody makes: another syntax, explicit handles, events by URC. It shows what a dialect takes."""

from dataclasses import dataclass
from typing import Any

from bench.at import AtLink, Dialect, Response, UrcTimeout
from bench.at.dialects import PayloadField
from bench.errors import UsageError
from bench.modem import (
    CommandFamilies,
    CommandTiming,
    Family,
    FirmwareDialect,
    Opened,
    Polled,
    PollEvent,
    Received,
    ReceiveFlag,
    Role,
    Sent,
    SocketType,
)
from bench.modem.answers import Answers, fields_of
from bench.modem.dialects import Recognition
from bench.modem.slm.families import slm_families

_TRANSPORTS = {SocketType.STREAM: ("tcp", 6), SocketType.DATAGRAM: ("udp", 17)}


class ToyUnsupported(UsageError):
    """A call for which the toy has no command."""


@dataclass
class ToySockets:
    """+SOCK opens and closes, +DIAL connects, +TX sends; +RX comes by itself, with its data behind it."""

    link: AtLink
    timing: CommandTiming

    def open(
        self,
        type: SocketType,  # noqa: A002 - as in the protocol
        *,
        family: Family | None = None,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Opened:
        del family, role, cid
        transport, protocol = _TRANSPORTS[type]
        response = self.link.command(f'AT+SOCK="{transport}"')
        answers = Answers(self.link, response)
        return Opened(answers.number(answers.one("+SOCK")[0], "the handle"), type, protocol, response)

    def close(self, handle: int) -> Response:
        return self.link.command(f"AT+SOCK=-{handle}")

    def connect(self, handle: int, host: str, port: int, *, at_most: float | None = None) -> Response:
        return self.link.command(f'AT+DIAL={handle},"{host}:{port}"', timeout=at_most or self.timing.connect_timeout)

    def fits_string(self, data: bytes) -> bool:
        return b'"' not in data

    def send(self, handle: int, data: bytes, flags: int | None = None) -> Sent:
        del flags
        return Sent(len(data), self.link.command(b'AT+TX=%d,"%b"' % (handle, data)))

    def receive(
        self, handle: int, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None
    ) -> Received:
        del flags
        urc = self.link.wait_for_urc(f"+RX: {handle},", timeout=at_most or timeout)
        response = Response("", (urc.line,), urc.payload, "OK", urc.received_ns, urc.received_ns, urc.received_ns, ())
        return Received(urc.payload or b"", None, response)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - every other member of the protocol
        raise ToyUnsupported(f"the toy has no {name}")


@dataclass
class ToyPolling:
    """A poll that waits on the host: +READY says which handle has data."""

    link: AtLink

    def poll(self, timeout_ms: int, *handles: int, at_most: float | None = None) -> Polled:
        response = self.link.command("AT+READY=1")
        try:
            urc = self.link.wait_for_urc("+READY", timeout=at_most or timeout_ms / 1000)
        except UrcTimeout:
            return Polled((), response)
        handle = int(fields_of(urc.line)[0])
        return Polled(((handle, PollEvent.IN),) if not handles or handle in handles else (), response)


def _families(link: AtLink, timing: CommandTiming) -> CommandFamilies:
    rest = slm_families(link, timing)  # the toy has no commands of its own for these
    return CommandFamilies(
        sockets=ToySockets(link, timing),
        server=rest.server,
        polling=ToyPolling(link),
        options=rest.options,
        data_mode=rest.data_mode,
        names=rest.names,
    )


TOY = FirmwareDialect(
    application="toy",
    title="Toy Modem",
    recognition=Recognition("AT+TOYVER", "+TOYVER"),
    wire=Dialect("Toy Modem", b"\r", payloads={b"+RX": PayloadField(1)}, restarts=(b"HELLO",)),
    terminators=(b"\r",),
    reset="AT+AGAIN",
    ready=b"HELLO",
    families=_families,
    blocks=lambda _: False,
    enters_data_mode=lambda _: False,
    features={"toy": ">=2"},
)
