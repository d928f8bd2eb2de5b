"""Many hosts: boards that labgrid's coordinator lends, tested on the hosts where they hang.

The place in labgrid is the ticket; the lock is the board's own, on its host. A run over several hosts is one stream,
one folder and one verdict here.
"""
