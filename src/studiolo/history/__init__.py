"""History: what a canvas was at any moment, what changed between two, and the way back.

The log of updates is the truth; everything here is worked out from it and can be thrown away. `archive` is the log in
a form that can be asked, `histories` keeps one for each canvas that somebody looks back at, `sessions` and `compare`
say what happened, `plans` and `deeds` turn text back, `forks` and `homecoming` are for branches: how one begins, and
what of it comes back.
"""

from studiolo.history.histories import Histories as Histories
from studiolo.history.histories import Past as Past
