"""Where a lab's state lies: keys and credentials that are kept from run to run, never results; and the cache."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return ``$XDG_STATE_HOME/nrf91-bench``, by default below ~/.local/state; it need not exist yet."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "nrf91-bench"


def cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/nrf91-bench``, by default below ~/.cache, for what can be fetched again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nrf91-bench"
