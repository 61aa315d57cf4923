"""The loop: an agent that plans, reads, acts, checks and asks, in as many steps as its budget has.

It thinks in the model and acts through the toolbox; what it does to a canvas is its role's business and not the
loop's. People may steer it, let it rest, stop it and take over at any step. A loop that waits for a person is a row in
the store and nothing else.
"""

from studiolo.agents.loop.budget import Allowance, allowed
from studiolo.agents.loop.looping import Past, Rest, perform
from studiolo.agents.loop.memory import pack, unpack

__all__ = ["Allowance", "Past", "Rest", "allowed", "pack", "perform", "unpack"]
