"""Runs Python that nobody has read, so that it can compute and do nothing else.

A program gets files and gives back text, tables, pictures and files. It runs in a child process that locks itself in
before it looks at the program: kernel limits, Landlock and seccomp, and bubblewrap's namespaces around them where they
work. What is stopped, and what is not: docs/sandbox.md. `inside` is the child's half and stands alone.
"""

from studiolo.tools.sandbox.ran import Image, Limits, Ran, Table
from studiolo.tools.sandbox.sandbox import Sandbox

__all__ = ["Image", "Limits", "Ran", "Sandbox", "Table"]
