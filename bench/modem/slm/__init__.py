"""The socket commands of Serial LTE Modem."""
