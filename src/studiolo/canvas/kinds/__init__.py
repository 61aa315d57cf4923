"""What kind of change a hunk makes, and how much could be wrong with it: decided by code alone.

`kinds_of` looks at what changes word by word, in its surroundings. Its one rule is that nothing is called low that may
change what the text says: low is only what is proved to be setting (quotes, dashes, blanks, a capital after a full
stop, code whose syntax tree stays the same). What cannot be told is `wording`, and never less than medium.

Nothing here knows a canvas, a policy or a model.
"""

from studiolo.canvas.kinds.prose import LONGEST_CONTEXT, kinds_of
from studiolo.canvas.kinds.verdict import RISKS, Kinds, no_riskier

__all__ = ["LONGEST_CONTEXT", "RISKS", "Kinds", "kinds_of", "no_riskier"]
