"""What a run asks of people before it goes on: questions, and calls of tools that somebody must allow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Literal, cast

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.messages import ToolCallPart

from studiolo.agents.steps import Step, Steps
from studiolo.agents.toolbox.marks import data
from studiolo.canvas import Participant
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound

Card = dict[str, Any]
Allow = Literal["once", "run", "no"]

LONGEST_ANSWER = 8_000  # characters
LARGEST_ARGUMENTS = 100_000
LONGEST_ID = 100  # characters of a provider's id by which a card can be called
_SHOWN = ("run", "call", "kind", "question", "choices", "tool", "title", "detail")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person answers: a text to a question; to an approval `allow`, with a sentence or other arguments."""

    text: str = ""
    allow: Allow | None = None
    arguments: dict[str, Any] | None = None


def cards(run: str, leg: int, asked: DeferredToolRequests, before: Iterable[Card] = ()) -> list[Card]:
    """A card for each thing that the run asks. `about` is what the tool said of it, and goes back to the tool.

    `call` names the card, and no other of the run: providers give the same id to many calls, and who answers a card
    that somebody was quicker with must not have answered the next one.
    """
    made: list[Card] = []
    used = {card["call"] for card in before}

    def named(id: str) -> dict[str, str]:
        others = (f"{leg}.{n}" for n in count(1))
        name = next(one for one in chain((id,) if len(id) <= LONGEST_ID else (), others) if one not in used)
        used.add(name)
        return {"call": name, "id": id}

    for call in asked.approvals:
        about = asked.metadata.get(call.tool_call_id, {})
        title = str(about.get("title") or f"Use {call.tool_name}")
        detail = {
            "will": about.get("will", ""),
            "arguments": about.get("arguments") or _arguments(call),
            "host": about.get("host", ""),
            "warnings": list(about.get("warnings", ())),
            "grant": about.get("grant_words", "") if about.get("grant") else "",
        }
        card: Card = {
            "kind": "approval",
            "tool": call.tool_name,
            "title": title,
            "question": f"This needs a yes: {title}",
        }
        made.append(
            {
                "run": run,
                **named(call.tool_call_id),
                "leg": leg,
                **card,
                "detail": {name: value for name, value in detail.items() if value},
                "about": about,
            }
        )
    for call in asked.calls:
        about = asked.metadata.get(call.tool_call_id, {})
        question = str(about.get("question") or _arguments(call).get("question") or "How shall I go on?")
        card = {"kind": "question", "tool": call.tool_name, "question": question}
        if choices := [str(choice) for choice in about.get("choices") or ()]:
            card["choices"] = choices
        made.append({"run": run, **named(call.tool_call_id), "leg": leg, **card, "about": about})
    return made


def _arguments(call: ToolCallPart) -> dict[str, Any]:
    try:
        return call.args_as_dict()
    except ValueError:
        return {}


def shown(card: Mapping[str, Any]) -> Card:
    """The card as everybody in the conversation sees it."""
    return {name: card[name] for name in _SHOWN if name in card}


def check_may_answer(card: Mapping[str, Any], by: Participant) -> None:
    """Questions are answered by people who may comment. What costs something or leaves the machine is allowed by
    people who may edit. No agent ever answers either, whatever its role. Raises `Forbidden`."""
    if by.kind != "person":
        raise Forbidden("Agents cannot answer for people.", "A person of this canvas has to answer.")
    needed = "editor" if card["kind"] == "approval" else "commenter"
    if not by.may(needed):
        raise Forbidden(f"This needs the role {needed}.", "Ask an owner of the canvas for that role.")


def find(run: Mapping[str, Any], call: str) -> Card:
    """The card of that name. Raises `NotFound`."""
    for card in reversed(run.get("cards", ())):
        if card["call"] == call:
            return card
    raise NotFound("The run does not ask this.", "Look at the run as it is now.")


def answered(run: dict[str, Any], call: str, reply: Reply, by: Participant, at: float) -> Card:
    """Write an answer on a card of a run's JSON; the card. Raises what is wrong with it, and then nothing is written.

    Of two answers the first counts: the second is a `Conflict`.
    """
    card = find(run, call)
    check_may_answer(card, by)
    if "answer" in card:
        raise Conflict(
            f"{card.get('name') or 'Somebody'} has answered this already.",
            "Look at what was answered.",
            answer=card["answer"],
            by=card.get("by", ""),
        )
    if run["state"] != "waiting":
        raise Conflict("The run does not wait for an answer.", "Look at the run as it is now.")
    said: Card = {"by": by.id, "name": by.name, "answered": at}
    text = reply.text.strip()
    if len(text) > LONGEST_ANSWER:
        raise Invalid(f"The answer is longer than {LONGEST_ANSWER:,} characters.", "Put long material on a page.")
    if card["kind"] == "question":
        if reply.allow is not None or reply.arguments is not None:
            raise Invalid("This is a question, nothing to be allowed.", "Send `text`.")
        if not text:
            raise Invalid("The answer is empty.", "Write one, or choose one of the choices.")
        said |= {"answer": "answered", "text": text}
    else:
        if reply.allow is None:
            raise Invalid("Nothing is said about whether it may.", "Send `allow`: once, run or no.")
        if reply.allow == "run" and not card["about"].get("grant"):
            raise Invalid("This can be allowed only once at a time.", "Send `allow`: once.")
        if reply.arguments is not None:
            if reply.allow != "once":
                raise Invalid("Changed arguments are for this one call.", "Send `allow`: once with them.")
            if len(json.dumps(reply.arguments)) > LARGEST_ARGUMENTS:
                raise Invalid("The arguments are too large.", "Send fewer.")
            said["arguments"] = reply.arguments
        said |= {"answer": reply.allow} | ({"text": text} if text else {})
    card |= said
    return card


def written(card: Mapping[str, Any]) -> Card:
    """What is written on the card in the conversation."""
    return {name: card[name] for name in ("answer", "text", "by", "name", "answered") if name in card}


def results(asked: Iterable[Mapping[str, Any]]) -> DeferredToolResults:
    """What the loop goes on with."""
    made = DeferredToolResults()
    for card in asked:
        call, name, text = card.get("id", card["call"]), card.get("name", "Somebody"), card.get("text", "")
        if card["kind"] == "question":
            made.calls[call] = data(f"answer of {name}", text)
        elif card["answer"] in ("once", "run"):
            made.approvals[call] = ToolApproved(override_args=card.get("arguments"))
        else:
            says = f" They say:\n{data(f'what {name} says', text)}" if text else " Go on without it."
            made.approvals[call] = ToolDenied(f"{name} does not allow this.{says}")
        made.metadata[call] = dict(card["about"])
    return made


def begin_steps(steps: Steps, asked: Sequence[Card]) -> None:
    """Show that the run waits: the step of each thing that it asks."""
    waiting = [step for step in steps.running.values() if step.state == "waiting"]
    for card in asked:
        if card["kind"] == "approval":
            step = steps.begin("approval", card["title"], tool=card["tool"], detail=card.get("detail"))
        else:
            step = next((one for one in waiting if one.tool == card["tool"]), None)
            if step is None:
                step = steps.begin("question", card["question"], tool=card["tool"])
            else:
                waiting.remove(step)
                step.kind, step.title = "question", card["question"]
        steps.end(step, "waiting")
        card["step"] = step.as_dict()


def end_steps(steps: Steps, asked: Iterable[Card]) -> None:
    """Show what was answered."""
    for card in asked:
        kept = cast("dict[str, Any] | None", card.pop("step", None))
        if kept is None:
            continue
        refused = card["answer"] == "no"
        words = {"once": "allowed it", "run": "allowed it for the rest of the run", "no": "did not allow it"}
        said = words.get(card["answer"], "")
        text = card.get("text", "")
        result = f"{card.get('name', 'Somebody')} {said}: {text}" if said and text else text or f"{card['name']} {said}"
        steps.end(Step.read(kept), "refused" if refused else "done", result)
