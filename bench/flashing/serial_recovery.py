"""Programs a board by MCUboot's serial recovery: ``python -m bench.flashing.serial_recovery PORT RATE IMAGE``.

A program of its own, as every programmer is: it is ended when it takes too long, and what it prints is kept. The board
must be in its bootloader. Needs the extra ``smp``.
"""

import asyncio
import sys
from pathlib import Path

from smpclient import SMPClient
from smpclient.exceptions import SMPUploadError
from smpclient.generics import success
from smpclient.requests.image_management import ImageStatesRead
from smpclient.requests.os_management import ResetWrite
from smpclient.transport import SMPTransportDisconnected
from smpclient.transport.serial import SMPSerialTransport

from bench.errors import in_words

_OPEN_S, _ANSWER_S = 5.0, 5.0
_ERASE_S = 60.0  # the bootloader erases its slot before it answers the first piece
_SHOWN_STEPS = 10


class NotProgrammed(Exception):
    """The bootloader does not answer, or does not take the image."""


async def program(port: str, rate: int, image: bytes) -> None:
    """Bring an image into a board and start it.

    Raises:
        NotProgrammed: the bootloader does not answer, or does not take the image.
    """
    client = SMPClient(SMPSerialTransport(baudrate=rate), port, timeout_s=_ANSWER_S)
    try:
        await client.connect(_OPEN_S)
    except (TimeoutError, OSError) as error:
        raise NotProgrammed(f"{port} cannot be opened: {in_words(error)}") from error
    try:
        await _upload(client, image)
        states = await client.request(ImageStatesRead())
        if not success(states) or not states.images:
            raise NotProgrammed("the bootloader does not accept the image: it is corrupt, or signed by another key")
        _say(f"the bootloader has version {states.images[0].version}")
        await client.request(ResetWrite())
    except TimeoutError as error:
        raise NotProgrammed("the bootloader does not answer: is the board in its serial recovery?") from error
    except (SMPUploadError, SMPTransportDisconnected) as error:
        raise NotProgrammed(f"the upload failed: {error}") from error
    finally:
        await client.disconnect()


async def _upload(client: SMPClient, image: bytes) -> None:
    told = -1
    async for offset in client.upload(image, first_timeout_s=_ERASE_S):
        done = offset * _SHOWN_STEPS // len(image)
        if done > told:
            told = done
            _say(f"{offset} of {len(image)} bytes")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the program; return its exit code."""
    port, rate, path = sys.argv[1:]
    try:
        asyncio.run(program(port, int(rate), Path(path).read_bytes()))
    except (NotProgrammed, OSError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
