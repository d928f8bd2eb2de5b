"""The simulated Serial LTE Modem: the syntax of its commands, and the lines that it prints."""
