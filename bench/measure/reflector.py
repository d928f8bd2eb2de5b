"""The reflector of the noise floor: it echoes data on a pty and on a loopback UDP socket, until its parent ends.

``python -m bench.measure.reflector`` prints one JSON line: {"pty": PATH, "port": NUMBER}.
"""

import json
import os
import select
import socket
import sys
import tty

from bench.children import when_parent_ends


def serve() -> None:
    """Echo data until the parent process ends."""
    when_parent_ends(lambda: os._exit(0))
    master, slave = os.openpty()
    tty.setraw(slave)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        sys.stdout.write(json.dumps({"pty": os.ttyname(slave), "port": udp.getsockname()[1]}) + "\n")
        sys.stdout.flush()
        poll = select.poll()
        for descriptor in (master, udp.fileno()):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == master:
                    os.write(master, os.read(master, 4096))
                else:
                    udp.sendto(*udp.recvfrom(4096))


if __name__ == "__main__":
    serve()
