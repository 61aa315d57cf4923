"""Webhooks: what becomes of suggestions and comments, told to other programs over HTTP.

There is no queue beside the ledger. Each webhook has a place in the ledger of each canvas, and a courier tells it what
comes after that place, in order, until it has said that it has it. So what was committed is told, also after a crash,
and an event has the same id however often it is sent.
What may not enter: rooms, and whose request it was. What a suggestion looks like now is asked through `Look`.
"""

from studiolo.webhooks.courier import Courier
from studiolo.webhooks.events import GROUPS, Look, Scene
from studiolo.webhooks.hooks import Hook, Hooks
from studiolo.webhooks.sending import Sender

__all__ = ["GROUPS", "Courier", "Hook", "Hooks", "Look", "Scene", "Sender"]
