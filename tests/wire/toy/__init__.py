"""A toy firmware for the simulator: another syntax, handles in every command, hex data, and data that come by URC."""
