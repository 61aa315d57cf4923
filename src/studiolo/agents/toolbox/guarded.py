"""Every call of a tool, on its way: is it offered, may it be made, is it seen, and what comes back as data.

There is one way from a model to a tool, and it is this one. A call that a person must approve is not begun before they
have; one that was approved is judged again when it is made, for the owner may have changed their mind and a tool of
somebody else's server its description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic_ai import ModelRetry, RunContext
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from studiolo.agents.toolbox.marks import data
from studiolo.agents.toolbox.offers import Arguments, Offer, short
from studiolo.agents.toolbox.permits import PolicyFile, Verdict, judge, permitted
from studiolo.agents.work import Work
from studiolo.canvas.errors import Forbidden, QuoteAmbiguous, QuoteNotFound, StudioloError

RESULT = 300  # characters of a result that a step tells


@dataclass
class Guarded(WrapperToolset[Work]):
    """Tools behind their permissions. `offers` says of each what the studio knows."""

    offers: Mapping[str, Offer]
    policy: PolicyFile

    async def get_tools(self, ctx: RunContext[Work]) -> dict[str, ToolsetTool[Work]]:
        """The tools that this agent may use, or ask to use, with its role and its persona in this studio."""
        work, policy = ctx.deps, self.policy.now
        return {
            name: tool
            for name, tool in (await super().get_tools(ctx)).items()
            if (offer := self.offers.get(name)) is not None
            and work.persona.participant.may(offer.role)
            and permitted(offer, work.persona.permissions, policy) != "off"
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Work], tool: ToolsetTool[Work]
    ) -> Any:
        """Make one call. Raises `ApprovalRequired` when a person is to be asked first."""
        work, offer = ctx.deps, self.offers[name]
        await work.pace.turn()
        self._check(ctx, offer, tool_args)
        where = tool_args.get(offer.page) if offer.page else None
        step = work.steps.begin(
            "tool", offer.title(work, tool_args), tool=name, detail={"arguments": shown(tool_args)}, page=where
        )
        try:
            result = await super().call_tool(name, tool_args, ctx, tool)
        except (CallDeferred, ApprovalRequired):
            work.steps.end(step, state="waiting")
            raise
        except ModelRetry as error:
            work.steps.end(step, state="failed", result=short(error.message, RESULT))
            raise _again(ctx, error) from None
        except (QuoteNotFound, QuoteAmbiguous) as error:
            work.steps.end(step, state="failed", result=short(error.message, RESULT))
            raise _again(ctx, ModelRetry(_with_candidates(error))) from None
        except StudioloError as error:
            refused = isinstance(error, Forbidden)
            work.steps.end(step, state="refused" if refused else "failed", result=short(error.message, RESULT))
            raise ToolFailed(f"{error.message} {error.hint}".strip()) from None
        except ToolFailed as error:
            work.steps.end(step, state="failed", result=short(error.message, RESULT))
            raise
        except BaseException as error:
            work.steps.end(step, state="failed", result=type(error).__name__)
            raise
        if isinstance(result, Told):
            state = "failed" if result.failed else "done"
            work.steps.end(step, state, short(result.told, RESULT), detail=result.detail)
            return result.content
        work.steps.end(step, result=_first(result))
        return result

    def _check(self, ctx: RunContext[Work], offer: Offer, arguments: Arguments) -> None:
        """Raise what keeps the call from being made now."""
        work = ctx.deps
        verdict = judge(work, offer, arguments, self.policy.now)
        if verdict.level == "ask" and not approved(ctx, offer):
            raise ApprovalRequired(asking(offer, work, arguments, verdict))
        if verdict.level == "off":
            step = work.steps.begin(
                "tool", offer.title(work, arguments), tool=offer.name, detail={"arguments": shown(arguments)}
            )
            work.steps.end(step, state="refused", result=verdict.why)
            raise ToolFailed(f"{verdict.why} Go on without it, and say so if it matters.")


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool gives back: `content` for the model, and `told` and `detail` for the people who watch its steps."""

    content: Any
    told: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failed: bool = False


def _first(result: Any) -> str:
    """A result for people: what a tool says itself, or that it was data, which its step need not repeat."""
    text = str(result)
    return "" if text.startswith("<data ") else short(text, RESULT)


def approved(ctx: RunContext[Work], offer: Offer) -> bool:
    """Whether a person has approved this call, of this tool as it is now."""
    if not ctx.tool_call_approved:
        return False
    said = ctx.tool_call_metadata
    before = cast("Mapping[str, Any]", said).get("fingerprint", "") if isinstance(said, Mapping) else ""
    return before == offer.fingerprint


def asking(offer: Offer, work: Work, arguments: Arguments, verdict: Verdict) -> dict[str, Any]:
    """What a person is shown who is to approve a call: everything that would be done and sent, in full."""
    leaving = offer.leaving(arguments)
    return {
        "tool": offer.name,
        "title": offer.title(work, arguments),
        "will": offer.will(arguments) if offer.will else "",
        "arguments": dict(arguments),
        "host": leaving.host if leaving else "",
        "warnings": list(verdict.warnings),
        "grant": verdict.grant,
        "grant_words": verdict.grant_words,
        "fingerprint": offer.fingerprint,
    }


def shown(arguments: Arguments, most: int = 2_000) -> dict[str, Any]:
    """Arguments as a step keeps them: long texts are cut."""
    return {name: _cut(value, most) for name, value in arguments.items() if value not in (None, "", [])}


def _cut(value: Any, most: int) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, str):
        return value if len(value) <= most else f"{value[:most]}… ({len(value):,} characters)"
    if isinstance(value, Mapping):
        return {str(name): _cut(one, most) for name, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence):
        return [_cut(one, most) for one in cast("Sequence[Any]", value)[:50]]
    return value


def _again(ctx: RunContext[Work], error: ModelRetry) -> ModelRetry | ToolFailed:
    """Another try, as long as there are some: a run is not to break off because of a misquotation."""
    return error if ctx.retry < ctx.max_retries else ToolFailed(error.message)


def _with_candidates(error: StudioloError) -> str:
    hunk = error.details.get("hunk")
    found = [
        f"…{one['before']}[{one['text']}]{one['after']}…" for one in error.details.get("candidates", []) if one["text"]
    ]
    where = f" (hunk {hunk})" if hunk is not None else ""
    nearest = f"\n{data('the page as it is now, the nearest passages in [ ]', chr(10).join(found))}" if found else ""
    return f"{error.message}{where} {error.hint}{nearest}"


def guarded(inner: AbstractToolset[Work], offers: Sequence[Offer], policy: PolicyFile) -> Guarded:
    """`inner`, whose tools are these offers', behind their permissions."""
    return Guarded(inner, {offer.name: offer for offer in offers}, policy)
