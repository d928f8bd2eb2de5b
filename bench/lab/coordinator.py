"""labgrid's coordinator, spoken to by gRPC with the messages that it describes itself: no package of labgrid is needed.

What it knows comes by push, in a stream that this session keeps open. When the coordinator starts again it has
forgotten who has what: the session takes its boards again, where they are still free.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from bench.errors import LabError, UsageError
from bench.lab.labgrid_wire import SERVICE, VERSION, import_grpc, message_types, values_of
from bench.lab.places import LabPlace, Owner

_AT, _RUN = "at", "run"
"""Names of a board's two resources: its presence, and where its tests run."""
_CONNECT_S = 10.0
_CALL_S = 30.0
_POLL_S = 20.0  # a reservation that nobody polls expires after 60 s
_LOOK_S = 2.0
_AGAIN_S = 1.0
_OPTIONS = (
    ("grpc.keepalive_time_ms", 7500),
    ("grpc.keepalive_timeout_ms", 10000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


class NothingLent(LabError):
    """No board was lent in time."""


class Coordinator:
    """A session with the coordinator, open while it is entered.

    Args:
        address: HOST:PORT.
        name: of the holder of what it leases; default this process.
    """

    def __init__(self, address: str, name: str | None = None) -> None:
        self.address = address
        self.name = name or Owner.here().text
        self._changed = threading.Condition()
        self._places: dict[str, Any] = {}
        self._resources: dict[tuple[str, str, str], Any] = {}
        self._held: set[str] = set()
        self._closing = threading.Event()
        self._synced = threading.Event()
        self._session = 0
        self._why = ""
        self._stream: Any = None
        self._out: queue.Queue[Any] = queue.Queue()

    def __enter__(self) -> Self:
        self._grpc = import_grpc()
        self._channel = self._grpc.insecure_channel(self.address, options=_OPTIONS)
        try:
            self._types = message_types(self._channel)
        except Exception as error:
            self._channel.close()
            if isinstance(error, self._grpc.RpcError | KeyError | TypeError):  # no answer, or no such service
                raise self._unreachable(error) from error
            raise
        self._reader = threading.Thread(target=self._read, name="coordinator", daemon=True)
        self._reader.start()
        if not self._synced.wait(_CONNECT_S):
            self.__exit__(None, None, None)
            raise self._unreachable(None)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._out.put(None)
        if self._stream is not None:
            self._stream.cancel()
        self._channel.close()
        self._reader.join(2.0)

    def _unreachable(self, error: Exception | None) -> LabError:
        details = getattr(error, "details", lambda: "")() or self._why or "no answer"
        return LabError(
            f"labgrid's coordinator at {self.address} cannot be reached ({str(details)[:200]}): is it running, and is"
            " [lab] coordinator in bench.toml its address?"
        )

    # ---------------------------------------------------------------- what it knows

    def is_away(self) -> bool:
        """Whether the coordinator is gone just now."""
        return not self._synced.is_set()

    def places(self) -> list[LabPlace]:
        """Return all places, by name."""
        with self._changed:
            return [self._place(self._places[name]) for name in sorted(self._places)]

    def place(self, name: str) -> LabPlace:
        """Return a place by its name.

        Raises:
            UsageError: there is none.
        """
        with self._changed:
            if name in self._places:
                return self._place(self._places[name])
            names = ", ".join(sorted(self._places)) or "none"
        raise UsageError(f"the lab has no board {name!r}; its boards: {names}")

    def exporters(self) -> set[str]:
        """Return the names of the hosts whose exporters are connected."""
        with self._changed:
            return {exporter for exporter, _, _ in self._resources}

    def _place(self, place: Any) -> LabPlace:  # noqa: ANN401 - a message that the coordinator describes
        found: dict[str, tuple[str, Any]] = {}
        for (exporter, group, name), resource in self._resources.items():
            if any(m.exporter in (exporter, "*") and m.group in (group, "*") for m in place.matches):
                found[name] = (exporter, resource)
        exporter, run = found.get(_RUN, ("", None))
        values = values_of(run) if run is not None else {}
        return LabPlace(
            name=place.name,
            tags=dict(place.tags),
            comment=place.comment,
            host=exporter or place.tags.get("host", ""),
            address=str(values.get("address", "")),
            user=str(values.get("username", "")),
            port=int(values.get("port") or 22),
            attached=bool(found[_AT][1].avail) if _AT in found else None,
            holder=place.acquired,
            reservation=place.reservation,
        )

    def _read(self) -> None:
        """Follow the stream; when it ends, open it again until the session closes."""
        while not self._closing.is_set():
            self._out = queue.Queue()
            try:
                self._open_stream()
                for message in self._stream:
                    self._take(message)
            except self._grpc.RpcError as error:
                self._why = str(getattr(error, "details", lambda: "")() or "")
            except ValueError:  # the channel was closed
                break
            self._synced.clear()
            with self._changed:
                self._changed.notify_all()
            self._closing.wait(_AGAIN_S)

    def _open_stream(self) -> None:
        incoming, outgoing = self._types["ClientStream"]
        first, places, resources, sync = incoming(), incoming(), incoming(), incoming()
        first.startup.version, first.startup.name = VERSION, self.name
        places.subscribe.all_places = True
        resources.subscribe.all_resources = True
        sync.sync.id = 1
        for message in (first, places, resources, sync):
            self._out.put(message)
        with self._changed:
            self._places.clear()
            self._resources.clear()
        call = self._channel.stream_stream(f"/{SERVICE}/ClientStream", incoming.SerializeToString, outgoing.FromString)
        self._stream = call(iter(self._out.get, None))

    def _take(self, message: Any) -> None:  # noqa: ANN401
        with self._changed:
            for update in message.updates:
                kind = update.WhichOneof("kind")
                if kind == "place":
                    self._places[update.place.name] = update.place
                elif kind == "del_place":
                    self._places.pop(update.del_place, None)
                elif kind == "resource":
                    path = update.resource.path
                    self._resources[path.exporter_name, path.group_name, path.resource_name] = update.resource
                elif kind == "del_resource":
                    path = update.del_resource
                    self._resources.pop((path.exporter_name, path.group_name, path.resource_name), None)
            if message.HasField("sync"):
                self._session += 1
                self._synced.set()
                if self._held and self._session > 1:
                    threading.Thread(target=self._take_again, daemon=True).start()
            self._changed.notify_all()

    def _take_again(self) -> None:
        """Take what this session holds, where a coordinator that has started again gave it to nobody else."""
        for name in sorted(self._held):
            with contextlib.suppress(LabError):
                self.call("AcquirePlace", placename=name)

    # ---------------------------------------------------------------- what it does

    def call(self, method: str, **fields: Any) -> Any:  # noqa: ANN401
        """Call a method of the coordinator; return its answer.

        Raises:
            LabError: it refuses, or is not there.
        """
        incoming, outgoing = self._types[method]
        invoke = self._channel.unary_unary(f"/{SERVICE}/{method}", incoming.SerializeToString, outgoing.FromString)
        try:
            return invoke(incoming(**fields), timeout=_CALL_S)
        except self._grpc.RpcError as error:
            raise LabError(f"labgrid's coordinator refused {method}: {error.details()}") from error
        except ValueError as error:
            raise LabError(f"the session with labgrid's coordinator is closed ({error})") from error

    def lease(
        self,
        tags: Mapping[str, str],
        *,
        wait: float,
        waiting: Callable[[], None] = lambda: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> LabPlace:
        """Lease a board that has the tags; return its place.

        The reservation is cancelled as soon as the place is acquired: it has done its work, and would pin the place
        after a crash, and delay the hand-over by the scheduler's tick.

        Args:
            tags: that its place must have.
            wait: seconds.
            waiting: is called every two seconds or so.
            stopped: whether to wait no longer.

        Raises:
            NothingLent: nothing was free in time.
            LabError: the coordinator is not there, or refuses.
        """
        deadline = time.monotonic() + wait
        with self._reservation(tags) as reserved:
            while True:
                name = reserved.wait(min(_LOOK_S, max(0.0, deadline - time.monotonic())))
                if name and self._acquire_allotted(name):
                    return self.place(name)
                if stopped() or time.monotonic() >= deadline:
                    raise NothingLent(f"no board was lent within {wait:g} s")
                if not name:
                    waiting()

    def _acquire_allotted(self, name: str) -> bool:
        try:
            self.acquire(name)
        except LabError:
            if self.is_away():
                return False
            raise
        return True

    @contextlib.contextmanager
    def _reservation(self, tags: Mapping[str, str]) -> "Iterator[_Reservation]":
        reserved = _Reservation(self, tags)
        try:
            yield reserved
        finally:
            reserved.cancel()

    def acquire(self, name: str) -> None:
        """Acquire a place by its name.

        Raises:
            LabError: somebody else has it.
        """
        self.call("AcquirePlace", placename=name)
        self._held.add(name)

    def release(self, name: str, owner: str | None = None) -> None:
        """Release a place that an owner has, by default this session; nothing happens when another has it meanwhile.

        Raises:
            LabError: the coordinator is not there.
        """
        if owner is None:
            self._held.discard(name)
        self.call("ReleasePlace", placename=name, fromuser=owner or self.name)

    def reservations(self) -> list[tuple[str, str]]:
        """Return token and owner of each reservation."""
        return [(one.token, one.owner) for one in self.call("GetReservations").reservations]

    def add_place(self, name: str, pattern: str, tags: Mapping[str, str]) -> bool:
        """Make a place, or set the tags of the one that is there; return whether it is new.

        Args:
            name: of the board.
            pattern: ``EXPORTER/GROUP/*``, the resources that belong to it.
            tags: of the place; others are removed.
        """
        with self._changed:
            known = self._places.get(name)
            matches = {f"{m.exporter}/{m.group}/{m.cls}" for m in known.matches} if known is not None else set()
            old = dict(known.tags) if known is not None else {}
        if known is None:
            self.call("AddPlace", name=name)
        for other in matches - {pattern}:
            self.call("DeletePlaceMatch", placename=name, pattern=other)
        if pattern not in matches:
            self.call("AddPlaceMatch", placename=name, pattern=pattern)
        self.call("SetPlaceTags", placename=name, tags={**dict.fromkeys(old, ""), **tags})
        return known is None

    def remark(self, name: str, comment: str) -> None:
        """Set the comment of a place."""
        self.call("SetPlaceComment", placename=name, comment=comment)


class _Reservation:
    """A wait for a place with some tags; a coordinator that starts again is asked again."""

    def __init__(self, coordinator: Coordinator, tags: Mapping[str, str]) -> None:
        self._coordinator = coordinator
        self._tags = dict(tags)
        self._token = ""
        self._session = -1
        self._polled = 0.0

    def wait(self, seconds: float) -> str:
        """Return the place that was allotted within some seconds; empty for none."""
        one = self._coordinator
        if one.is_away():
            with one._changed:
                one._changed.wait(seconds or _AGAIN_S)
            return ""
        if self._session != one._session:
            try:
                self._make()
            except LabError:
                if one.is_away():
                    return ""
                raise
        elif time.monotonic() - self._polled > _POLL_S:
            self._polled = time.monotonic()
            try:
                one.call("PollReservation", token=self._token)
            except LabError:  # it expired, or the coordinator started again
                self._session = -1
                return ""
        deadline = time.monotonic() + seconds
        with one._changed:
            while True:
                mine = [place.name for place in one._places.values() if place.reservation == self._token]
                left = deadline - time.monotonic()
                if mine or left <= 0 or not one._synced.is_set():
                    return mine[0] if mine else ""
                one._changed.wait(left)

    def _make(self) -> None:
        one = self._coordinator
        incoming, _ = one._types["CreateReservation"]
        request = incoming()
        request.filters["main"].filter.update(self._tags)
        self._session = one._session
        self._token = one.call("CreateReservation", filters=request.filters).reservation.token
        self._polled = time.monotonic()

    def cancel(self) -> None:
        """Give up waiting, or end what has done its work."""
        if self._token:
            with contextlib.suppress(LabError):
                self._coordinator.call("CancelReservation", token=self._token)
