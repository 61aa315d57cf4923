"""A small web on loopback about something that does not exist, with all that the real one has: see `vesper`."""
