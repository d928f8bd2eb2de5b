"""``python -m bench.peers --stdio``: the peers' program, here or at the other end of ssh."""

import asyncio
import sys

from bench.peers.service import serve_stdio

if __name__ == "__main__":
    if sys.argv[1:] != ["--stdio"]:
        sys.exit("usage: python -m bench.peers --stdio (by hand: nrf91-bench peers)")
    try:
        asyncio.run(serve_stdio())
    except KeyboardInterrupt:
        sys.exit(130)
