"""The command families of Serial LTE Modem (SLM)."""
