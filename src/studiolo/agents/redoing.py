"""Asking once more: a suggestion done anew on the text as it reads today, or a whole run.

What was asked the first time is asked again, of the same agent, for the same passage, whatever has become of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studiolo.agents.persona_folder import Personas
from studiolo.agents.toolbox.marks import data
from studiolo.agents.work import Ask
from studiolo.canvas import Canvas
from studiolo.canvas.anchors import Position, between
from studiolo.canvas.errors import Conflict, Decided, NotFound
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import SuggestionRecord
from studiolo.canvas.suggesting import may_replace

_PASSAGE = ("rewrite", "critique", "continue", "work")  # what is done at a place
_ANEW = (
    "Do one change of yours anew, on the text as it reads now, as one suggestion, and nothing else. "
    "It was:\n{reason}\n\nYou were asked for it with these words: {prompt}"
)


def redo(canvas: Canvas, suggestion: str, run: Mapping[str, Any] | None, personas: Personas) -> Ask:
    """What to ask so that an agent's suggestion is made anew; `run` is the one that made it, if it is known.

    Raises `NotFound`, `Decided`, and `Conflict` when nobody here can do it again.
    """
    record = canvas.suggestions.get(suggestion)
    if record is None:
        raise NotFound(f"There is no suggestion {suggestion!r} in this canvas.", "Look at the canvas as it is now.")
    if not record.undecided:
        raise Decided("It was already decided.", "Nothing was asked.", status=record.status)
    if record.status == "streaming":
        raise Conflict("The suggestion is still being written.", "Wait until it is finished, or stop its run.")
    if record.author_kind != "agent":
        raise Conflict("A person made this suggestion.", "Amend it, or ask whoever made it.")
    agent = record.author if record.author in personas else personas.list()[0].id
    if not may_replace(personas.get(agent).participant, record):
        raise Conflict(
            "The agent that made this suggestion cannot be asked here, and its text has not changed.",
            "Decide about it, or ask an agent of the studio for one of its own.",
        )
    skill = record.skill if record.skill in ("rewrite", "continue", "work") else "rewrite"
    same = run is not None and run["skill"] == skill
    prompt = str(run["prompt"]) if run is not None and same else ""
    others: list[str] = []
    options = dict(run["options"]) if run is not None and same else {}
    if skill == "rewrite" and "how" not in options:
        options["how"] = "free"
    if not prompt and options.get("how", "free") == "free":
        prompt = record.reason[:4_000]
    elif skill == "work":
        # An agent wrote the reason, and perhaps what was asked: neither is what the person asks for who asks now.
        reason = data("why it was suggested", record.reason[:2_000] or "without a reason")
        asked_for = prompt[:4_000]
        if run is not None and _by_agent(run):
            asked_for = data("what an agent asked", asked_for)
            others.append(asked_for)
        prompt = _ANEW.format(reason=reason, prompt=asked_for)
        others.append(reason)
    ask = Ask(agent=agent, prompt=prompt, skill=skill, page=record.page, options=options, replaces=record.id)
    ask.others = others
    spans = _spans(canvas, record)
    if skill == "continue":
        at = max((span.end for span in spans), default=len(canvas.live_page(record.page)))
        return _at(canvas, ask, Span(at, at))
    asked = _asked(canvas, record.page, run.get("place")) if run is not None and same else None
    lines = _whole_lines(canvas.live_page(record.page), spans)
    # Of a long passage only a little may be left to decide; of a long paragraph only a little may have been meant.
    passage = min((span for span in (asked, lines) if span), key=lambda span: span.end - span.start, default=None)
    if passage is None:
        raise Conflict("The passage that it was about is gone.", "Reject it, or ask anew where you mean it.")
    return _at(canvas, ask, passage)


def again(canvas: Canvas, run: Mapping[str, Any]) -> Ask:
    """What to ask so that a run is done once more. Raises what `redo` raises."""
    ask = Ask(
        agent=run["agent"],
        prompt=run["prompt"],
        skill=run["skill"],
        page=run.get("page"),
        options=dict(run["options"]),
        say=bool(run.get("say")),
        thread=run.get("thread", ""),
        about=run.get("about", ""),
        others=[str(run["prompt"])] if _by_agent(run) else list(run.get("others", ())),
    )
    if ask.page is None or ask.skill not in _PASSAGE or "place" not in run:
        return ask
    span = _asked(canvas, ask.page, run["place"])
    if span is None:
        raise Conflict("The passage that was asked about is gone.", "Ask anew, where you mean it.")
    return _at(canvas, ask, span)


def _by_agent(run: Mapping[str, Any]) -> bool:
    return run.get("by", {}).get("kind") == "agent"


def _asked(canvas: Canvas, page: str, place: Mapping[str, Position] | None) -> Span | None:
    """Where the passage that was asked about is now."""
    if not place:
        return None
    span = between(canvas.document.identity, page, place["start"], place["end"])
    text = canvas.page_text(page)
    return span if span is not None and text[span.start : span.end].strip() else None


def _spans(canvas: Canvas, record: SuggestionRecord) -> list[Span]:
    """Where the undecided changes of a suggestion stand now, whatever stands there."""
    found = [
        between(canvas.document.identity, record.page, hunk.anchor.start, hunk.anchor.end)
        for hunk in record.hunks
        if hunk.status in ("open", "stale")
    ]
    return [span for span in found if span is not None]


def _whole_lines(text: str, spans: list[Span]) -> Span | None:
    """The paragraphs that these places are in; None when nothing stands there any more."""
    start = min((span.start for span in spans), default=0)
    end = max((span.end for span in spans), default=0)
    start = text.rfind("\n", 0, start) + 1
    end = text.find("\n", end) if text.find("\n", end) >= 0 else len(text)
    return Span(start, end) if spans and text[start:end].strip() else None


def _at(canvas: Canvas, ask: Ask, span: Span) -> Ask:
    identity, page = canvas.document.identity, ask.page or ""
    if span.start == span.end:
        ask.start = identity.position(page, span.start, -1)
    else:
        ask.quote = canvas.page_text(page)[span.start : span.end]
        ask.start, ask.end = identity.position(page, span.start, 0), identity.position(page, span.end, -1)
    return ask
