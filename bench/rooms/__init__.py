"""Rooms under load, beside other servers of the Yjs protocol: `python -m bench.rooms` (see bench/README.md)."""
