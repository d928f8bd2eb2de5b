"""The command families of Serial Modem, the successor of Serial LTE Modem."""
