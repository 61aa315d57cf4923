"""Documentation of programs, to be asked in words or by name: installed Python packages, Sphinx inventories, folders.

It is read without running anything of it, in a process of its own, and kept in one SQLite file that may be thrown away.
An answer always says where it comes from: the package and its version, the file and the line, or the address.
"""

from studiolo.tools.documentation.documentation import Documentation, Indexed, State
from studiolo.tools.documentation.entry import Entry

__all__ = ["Documentation", "Entry", "Indexed", "State"]
