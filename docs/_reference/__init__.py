"""The reference part of the manual, written from the code when the manual is built: no page can go stale."""
