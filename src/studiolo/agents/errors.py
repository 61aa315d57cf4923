"""What can go wrong between asking an agent and having something on the page."""

from __future__ import annotations

from typing import Any

from pydantic_ai.exceptions import AgentRunError, UnexpectedModelBehavior

from studiolo.canvas.errors import StudioloError

LARGER = "Try again, ask for less at once, or choose a larger model (`studiolo models` lists them)."


class RunFailed(StudioloError):
    """The model answered, but what it wrote did not pass the checks; nothing of it is on the page.

    `checks` in the details names the checks that failed, each with a sentence.
    """

    code = "model_result"
    status = 502


class TooSlow(StudioloError):
    """The run used up its time before there was anything to show."""

    code = "model_slow"
    status = 504


def failed_checks(what: str, failed: list[tuple[str, str]], **details: Any) -> RunFailed:
    """A `RunFailed` from (check, why) pairs. `what` is the thing that was asked for: "a shorter version"."""
    why = " ".join(dict.fromkeys(sentence for _, sentence in failed)) or "It wrote nothing."
    checks = [{"check": name, "why": sentence} for name, sentence in dict(failed).items()]
    return RunFailed(f"The model did not manage {what}. {why}", LARGER, checks=checks, **details)


def explained(error: Exception, model: str) -> Exception:
    """An error of a model call as one with a sentence that helps, where there is more to say than it says itself."""
    if isinstance(error, UnexpectedModelBehavior):
        return RunFailed(
            f"{model} did not answer in the form that was asked for.",
            LARGER,
            checks=[{"check": "form", "why": str(error)[:300]}],
        )
    if isinstance(error, AgentRunError):
        return RunFailed(f"{model} broke off: {str(error)[:300]}", LARGER, checks=[])
    return error
