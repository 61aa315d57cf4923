"""What one run of the loop may use up, and which limit it has come to."""

from __future__ import annotations

from dataclasses import dataclass

from studiolo.agents.money import Usage
from studiolo.agents.persona import Limits

RESERVE = 400  # tokens that are kept for saying what there is


@dataclass(frozen=True, slots=True)
class Allowance:
    """`steps` are requests to the model, `tokens` those read and written together, `seconds` those of work (waiting
    does not count), `money` US dollars; None: no limit."""

    steps: int = 40
    tokens: int = 500_000
    seconds: float = 900.0
    money: float | None = 2.0


def allowed(studio: Allowance, agent: Limits) -> Allowance:
    """The studio's limits, with the agent's own in their place where it has some."""
    return Allowance(
        steps=agent.steps or studio.steps,
        tokens=agent.tokens or studio.tokens,
        seconds=agent.seconds or studio.seconds,
        money=agent.money if agent.money is not None else studio.money,
    )


class Spent(Exception):
    """A limit was reached. `words` names it in a sentence: "40 steps"."""

    def __init__(self, words: str, *, last_word: bool) -> None:
        super().__init__(words)
        self.words = words
        self.last_word = last_word
        """Whether there is enough left for one request in which the agent says what it has."""


def check(allowance: Allowance, usage: Usage, coming: int) -> None:
    """Raise `Spent` when there is not enough left for another step. `coming`: tokens that the model would read."""
    if usage.requests >= allowance.steps:
        raise Spent(f"{allowance.steps:,} steps", last_word=usage.tokens + coming + RESERVE <= 2 * allowance.tokens)
    left = allowance.tokens - usage.tokens
    if left < coming + 2 * RESERVE:
        raise Spent(f"{allowance.tokens:,} tokens", last_word=left >= coming + RESERVE)
    if allowance.money is not None and usage.cost > 0:
        usual = usage.cost / max(1, usage.requests)
        if usage.cost + usual > allowance.money:
            raise Spent(f"{allowance.money:g} US dollars", last_word=usage.cost < allowance.money)
    if usage.seconds >= allowance.seconds:
        raise Spent(f"{allowance.seconds:,.0f} seconds of work", last_word=True)
