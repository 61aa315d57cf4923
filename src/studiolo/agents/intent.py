"""Which skill a prompt asks for, when the person did not choose one. Rules, so that it is quick and can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

Skill = Literal["continue", "rewrite", "critique", "brainstorm", "ask"]

SKILLS: dict[Skill, str] = {
    "continue": "Continue writing",
    "rewrite": "Rewrite",
    "critique": "Comment",
    "brainstorm": "Brainstorm",
    "ask": "Ask",
}

_FLAGS = re.IGNORECASE
_CONTINUE = re.compile(
    r"^\W*(please\s+|can you\s+|could you\s+)?"
    r"(continue|go on|carry on|write on|keep (going|writing)|extend the (story|text|scene)"
    r"|what (happens|comes) next\W*$"
    r"|write (the )?next"
    r"|(write|add|draft) (me )?(a|an|another|one|two|three|some|\d+|the)"
    r"( (more|new|short|long|opening|closing|first|final|last|next|few))*"
    r" (sentence|paragraph|line|scene|chapter|page|opening|ending|beginning|section|story|poem)s?\b)",
    _FLAGS,
)
_CRITIQUE = re.compile(
    r"\b(critique|critici[sz]e|criticism|review (this|the|my)|feedback|comment on|(leave|add|make|give)( me| "
    r"some| your| a| one| two| three| \d+)* comments?"
    r"|what do you think|what('s| is) (weak|wrong|missing)|weak (points?|spots?|places?)|how can (i|we) improve"
    r"|notes on|editorial notes|beta.?read)\b",
    _FLAGS,
)
_BRAINSTORM = re.compile(
    r"\b(brainstorm|ideas?|alternatives?|options|suggestions? for|possible (titles?|names?|endings?|plots?)"
    r"|what (could|might|if)"
    r"|come up with|(give|suggest|propose|list|find)( me)? (\w+ )?(\d+|two|three|four|five|six|seven|eight|nine"
    r"|ten|some|several|a few|more)\b"
    r"|(title|name)s for)\b",
    _FLAGS,
)
_EDIT = re.compile(
    r"^\W*(please\s+|can you\s+|could you\s+|now\s+)?(make|shorten|cut|trim|condense|tighten|compress|expand"
    r"|lengthen|elaborate|enrich|flesh"
    r"|rewrite|rephrase|reword|paraphrase|revise|edit|polish|improve|fix|correct|proofread|simplify|clarify|change|turn|convert|translate"
    r"|replace|remove|delete|add|insert|use|put|write (it|this|that|the|her|him)|split|merge|combine|reorder"
    r"|tone|strengthen|soften|vary|show"
    r"|capitali[sz]e|format|smooth|modernize|modernise|punch|spice|clean|rename)\b",
    _FLAGS,
)
_QUESTION = re.compile(
    r"^\W*(who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|am|should"
    r"|would|will|can (we|i|he|she|they|it)"
    r"|could (we|i|he|she|they|it)|explain|summari[sz]e|tell me|describe what|define|find out|remind me)\b",
    _FLAGS,
)
_MENTION = re.compile(r"(?:^|\s)@[\w-]+[,:]?")
_SHORTEN = re.compile(
    r"\b(shorten|shorter|cut|trim|condense|tighten|tighter|compress|concise|brief(er)?|less wordy|fewer words"
    r"|half the length)\b",
    _FLAGS,
)
_EXPAND = re.compile(r"\b(expand|longer|lengthen|elaborate|flesh|more detail|enrich|in more depth)\b", _FLAGS)
_FIX = re.compile(r"\b(fix|correct|proofread|typos?|spelling|grammar|punctuation|mistakes?|errors?)\b", _FLAGS)
_SIMPLIFY = re.compile(
    r"\b(simplif\w+|simpler|plain(er)? (language|english|words)|easier to (read|understand)|clearer|for (a "
    r")?(child|children|kids|beginners))\b",
    _FLAGS,
)
_TONE = re.compile(
    r"\b(?:more|less|sound|tone|in an?)\s+(?:\w+\s+){0,2}?(formal|casual|friendly|polite|serious|funny|humorous"
    r"|playful|warm|cold|neutral|tense"
    r"|professional|confident|dramatic|gentle|angry|sad|lyrical|poetic|ironic|direct|suspenseful|informal)\b",
    _FLAGS,
)
_TONE_OF = re.compile(r"\btone\b", _FLAGS)
_NOTHING = re.compile(
    r"^\W*(thanks?\b|thank you\b|danke\b|merci\b|gracias\b|grazie\b|never ?mind\b"
    r"|leave (it|this|that|everything) (alone|as))[^?]{0,60}$",
    _FLAGS,
)
_NOT_A_FIX = re.compile(
    r"\b(fix|correct) (the )?(ending|plot|scene|pacing|dialogue|opening|beginning|story|structure)\b", _FLAGS
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A skill, and the options that the prompt implies."""

    skill: Skill
    options: dict[str, Any] = field(default_factory=dict)


def rewriting(prompt: str) -> dict[str, Any]:
    """The way to rewrite that a prompt asks for, as the options of the skill `rewrite`."""
    if _FIX.search(prompt) and not _NOT_A_FIX.search(prompt):
        return {"how": "fix"}
    if _SHORTEN.search(prompt):
        return {"how": "shorten"}
    if _EXPAND.search(prompt):
        return {"how": "expand"}
    if found := _TONE.search(prompt):
        return {
            "how": "tone",
            "tone": ("less " if "less " in found.group().lower() else "") + found.group(1).lower(),
        }
    if _SIMPLIFY.search(prompt):
        return {"how": "simplify"}
    if _TONE_OF.search(prompt):
        return {"how": "tone", "tone": prompt.strip()[:80]}
    return {"how": "free"}


def intent(prompt: str, *, page: bool, selection: bool) -> Intent:
    """What a prompt asks for, given whether a page is open and a passage of it selected."""
    said = " ".join(_MENTION.sub(" ", prompt).split())
    if not said:
        return Intent("rewrite", {"how": "free"}) if selection else Intent("continue" if page else "ask")
    if _NOTHING.match(said):
        return Intent("ask")  # nothing is to be written; a word in the conversation is enough
    if _BRAINSTORM.search(said) and not (_EDIT.match(said) and selection):
        return Intent("brainstorm")
    if _CRITIQUE.search(said):
        return Intent("critique") if page else Intent("ask")
    if page and _CONTINUE.match(said):
        return Intent("continue")
    if page and _EDIT.match(said):
        return Intent("rewrite", rewriting(said))
    if _QUESTION.match(said) or said.endswith("?") or not page:
        return Intent("ask")
    if selection:
        return Intent("rewrite", rewriting(said))
    how = rewriting(said)
    if how["how"] != "free":
        return Intent("rewrite", how)
    # "The storm breaks and the mast goes overboard": something to be written.
    return Intent("continue")
