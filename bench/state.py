"""Where a lab's state lies: keys and credentials that are kept from run to run, never results."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return ``$XDG_STATE_HOME/nrf91-bench``, by default below ~/.local/state; it need not exist yet."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "nrf91-bench"
