"""A way to labgrid's coordinator through ssh, where it listens only on its own host: labgrid has no authentication."""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from bench import children
from bench.config.lab import LabConfig
from bench.errors import LabError, in_words

_PATIENCE_S = 20.0
_LOOK_S = 0.1


@contextlib.contextmanager
def way_to_coordinator(lab: LabConfig) -> Iterator[str]:
    """Yield HOST:PORT by which the coordinator is reached from here; a tunnel lives as long as this.

    Raises:
        LabError: no coordinator is configured, or ssh cannot forward its port.
    """
    if not lab.coordinator:
        raise LabError('no lab is configured: add [lab] coordinator = "HOST:20408" to bench.toml')
    if lab.tunnel is None:
        yield lab.coordinator
        return
    port = _free_port()
    options = ["-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ConnectTimeout=10"]
    command = [*lab.ssh, *options, "-L", f"127.0.0.1:{port}:{lab.coordinator}", lab.tunnel]
    with tempfile.TemporaryFile() as errors:
        try:
            process, pipe = children.spawn(command, stdout=subprocess.DEVNULL, stderr=errors)
        except OSError as error:
            raise LabError(f"cannot start {command[0]} for the tunnel to {lab.tunnel}: {in_words(error)}") from error
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    errors.seek(0)
                    said = errors.read().decode(errors="replace").strip()[-500:]
                    raise LabError(
                        f"there is no tunnel to {lab.coordinator} through {lab.tunnel}: {said or 'no answer'}"
                    )
                time.sleep(_LOOK_S)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            children.end(process, pipe)


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False
