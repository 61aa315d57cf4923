"""What requests to a model cost, in US dollars: by the prices of its provider, or those that its owner wrote down.

What is not known stays unknown. A cost is never given as 0 because a price is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studiolo.models import Model, ModelInfo

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage, RunUsage

CURRENCY = "USD"
_A_MILLION = 1_000_000
_HERE = ("embedded", "gguf")  # run by the studio itself: nobody is paid


@dataclass(slots=True)
class Usage:
    """What one run has used. `cost` is what is known of it; `priced` whether every request's was."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0  # of work, not of waiting
    cost: float = 0.0
    priced: bool = True

    def add(self, input_tokens: int, output_tokens: int, cost: float | None) -> None:
        """One more request."""
        self.requests += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost is None:
            self.priced = False
        else:
            self.cost += cost

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def as_dict(self) -> dict[str, Any]:
        """As JSON: `cost` is null when nothing is known of it, `priced` false when it is a lower bound."""
        known = self.requests and (self.priced or self.cost > 0)
        return {
            "requests": self.requests,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "seconds": round(self.seconds, 3),
            "cost": round(self.cost, 8) if known else None,
            "currency": CURRENCY,
            **({} if self.priced else {"priced": False}),
        }

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Usage:
        """From what `as_dict` made, or an older run's."""
        return cls(
            requests=kept.get("requests", 0),
            input_tokens=kept.get("input_tokens", 0),
            output_tokens=kept.get("output_tokens", 0),
            seconds=kept.get("seconds", 0.0),
            cost=kept.get("cost") or 0.0,
            priced=kept.get("priced", True) and (not kept.get("requests") or kept.get("cost") is not None),
        )


def price(info: ModelInfo) -> tuple[float, float] | None:
    """What a million tokens read and written cost, where the studio knows it by itself."""
    if info.input_price is not None and info.output_price is not None:
        return info.input_price, info.output_price
    return (0.0, 0.0) if info.provider in _HERE else None


def cost(model: Model, usage: RequestUsage | RunUsage) -> float | None:
    """What one request cost; None when nobody knows."""
    known = price(model.info)
    if known is not None:
        return (usage.input_tokens * known[0] + usage.output_tokens * known[1]) / _A_MILLION
    from genai_prices import calc_price  # it reads a large table

    try:
        address = model.pydantic.base_url
    except (AttributeError, RuntimeError):
        address = None
    if not address:
        return None
    try:
        # By its address, not its name: the same model costs something else elsewhere, or nothing at home.
        found = calc_price(usage, model.pydantic.model_name, provider_api_url=address)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)
