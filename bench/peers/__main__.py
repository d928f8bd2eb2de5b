"""``python -m bench.peers --stdio``: the peers' program, on this host or on another one by ssh."""

import asyncio
import sys

from bench.children import SHORT_PATIENCE_S, end_without_parent
from bench.peers.service import serve_stdio

if __name__ == "__main__":
    if sys.argv[1:] != ["--stdio"]:
        sys.exit("usage: python -m bench.peers --stdio (by hand: nrf91-bench peers)")
    end_without_parent(SHORT_PATIENCE_S)
    try:
        asyncio.run(serve_stdio())
    except KeyboardInterrupt:
        sys.exit(130)
