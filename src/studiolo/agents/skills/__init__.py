"""What an agent can do in one go, each with a typed result that is checked before anybody sees it.

A skill is a coroutine that takes a `Work` and acts through it. It raises a `StudioloError` when it has nothing to show.
"""

from collections.abc import Awaitable, Callable

from studiolo.agents.intent import Skill
from studiolo.agents.skills import asking, brainstorming, continuing, critiquing, rewriting
from studiolo.agents.work import Work

PERFORM: dict[Skill, Callable[[Work], Awaitable[None]]] = {
    "continue": continuing.perform,
    "rewrite": rewriting.perform,
    "critique": critiquing.perform,
    "brainstorm": brainstorming.perform,
    "ask": asking.perform,
}
