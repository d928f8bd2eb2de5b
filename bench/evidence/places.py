"""Where a board was on its network, for a person."""

from collections.abc import Mapping
from typing import Any


def network_text(network: Mapping[str, Any]) -> str:
    """Where a board is registered, in a few words; empty when it is not known."""
    if not network:
        return ""
    level = network.get("rsrp_dbm")
    power = f", RSRP {level} dBm" if level is not None else ""
    noise = f", SNR {network['snr_db']} dB" if network.get("snr_db") is not None else ""
    state = f", {network['rrc']}" if network.get("rrc") else ""
    return f"{network.get('access')} {network.get('operator')}, band {network.get('band')}{power}{noise}{state}"
