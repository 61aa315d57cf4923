"""Searching the web: one interface over the service that a studio has chosen, or several, the next when one fails.

What is sent is the words of a query, to the service alone; what comes back is titles, addresses and a few words of
strangers. No key appears in an error, a log line or a result.
"""

from studiolo.tools.searching.found import Found
from studiolo.tools.searching.search import Search

__all__ = ["Found", "Search"]
