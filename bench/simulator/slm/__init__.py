"""The simulated Serial LTE Modem: its commands' syntax and printing."""
