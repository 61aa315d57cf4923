"""How steps of tasks are done: each module registers some ways, by the names that kinds and plans use.

A way of doing a step is small: it takes what the step is given, does one thing that can be checked, and says in a line
what came of it. What may not enter: what carries a task out, and anything that reaches the world but by `Job.permit`.
"""

from importlib import import_module
from pathlib import Path

for module in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    import_module(f"{__name__}.{module.stem}")
