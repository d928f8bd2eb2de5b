"""The simulated Serial Modem: the syntax of its commands, and the lines that it prints."""
