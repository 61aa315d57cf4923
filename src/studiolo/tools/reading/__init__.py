"""Reading files: bytes of any common format become a title, an outline, and sections of text that say where they stood.

`read` is all that others need. What is read is taken for hostile: it happens in a child process that has limits on its
memory and its time, nothing of the studio's environment, and, where the system can do that, no other file, no network
and no other program.
"""

from studiolo.tools.reading.reader import read
from studiolo.tools.reading.sections import MOST_BYTES, MOST_CHARACTERS, Reading, Section

__all__ = ["MOST_BYTES", "MOST_CHARACTERS", "Reading", "Section", "read"]
