"""Programs that start at once: each is forked from a process that has imported what it needs.

A run starts a pytest process and one or two programs of peers for each board. Each would import the same modules,
which takes most of a second of CPU and tens of MB. So the run's own process forks once, before it has a thread. The
copy, called the server, imports the rest and waits. For each program it forks again, and this copy runs the module as
``python -m`` would, in a session of its own, with the descriptors, environment and arguments that were sent.

The run and the programs hold the sending end of a socket, so each of them may start programs. The server ends when none
of them is left. Where it cannot be used, or has died, programs start as usual: see :func:`bench.children.spawn`.
"""

from bench.fork_server.process import UNTOLD
from bench.fork_server.requests import fork
from bench.fork_server.server import ForkServer

__all__ = ["UNTOLD", "ForkServer", "fork"]
