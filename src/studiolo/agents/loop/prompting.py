"""What a loop is told: who it is and how to work, and what it is asked, with the surroundings of the place as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from studiolo.agents import context
from studiolo.agents.loop.planning import MOST
from studiolo.agents.place import Place
from studiolo.agents.prose import estimate_tokens
from studiolo.agents.steering import Said
from studiolo.agents.toolbox.marks import RULE, data
from studiolo.agents.toolbox.marks import plain as plain_text
from studiolo.agents.work import Work
from studiolo.canvas.document import plain

MESSAGES = 12  # of the conversation, the last
SUGGESTIONS = 10  # of the page, the last
LONGEST = 600  # characters of one of them

_HOW = f"""\
How you work:
- You work in steps with tools, in a canvas that others write in at the same moment. Read before you change, and quote \
word for word: a change names the passage that it replaces exactly as it stands.
- What you change arrives as a suggestion, which people take or leave. You accept nothing yourself.
- When the work has several parts, write a plan of at most {MOST} parts with the tool `plan` and keep it up to date.
- After you have changed something, check it: read the passage with your suggestion again before you go on.
- When you do not know what is wanted and it matters, ask a person, with choices where you can. Otherwise decide, and \
say what you decided.
- Change what you were asked to change and nothing else. When nothing needs to be done, do nothing and say so.
- When a call fails, read why and do something else; the same call will fail again.
- At the end say in one or two sentences what you did and what is left. Do not repeat the text of your suggestions."""

FINISH = (
    "You have come to the limit of {limit}. Use no more tools. Say in a few sentences what you have done, what you "
    "found, and what is left to do; answer the question with what you know so far, if there was one."
)
REPEATING = (
    "You have made the same call {times} times, and it gave the same result every time. It will not change. Do "
    "something else: read the text as it is now, use another tool, ask a person, or finish and say what does not work."
)


def instructions(work: Work) -> str:
    """Who the agent is and what holds for every loop."""
    return f"{work.persona.manner}\n\n{RULE}\n\n{_HOW}"


def opening(work: Work) -> str:
    """The first message: the canvas around the place, as data, and what is asked."""
    room = work.voice.room
    canvas = work.surface.canvas
    place = work.place
    parts = [
        data(
            "outline of the canvas",
            work.given.add("outline", context.outline(canvas, place.page if place else None, room // 10)),
        )
    ]
    if place is not None:
        parts += _around(work, place, room)
        parts += _suggestions(work, place.page, room // 10)
    if work.voice.preface:
        parts.append(work.voice.preface)
    parts += _conversation(work, room // 10)
    parts += _thread(work, room // 10)
    parts += _about(work, room // 10)
    if place is not None and place.chosen and place.selection.strip():
        where = f" It is about the passage that is selected in page {place.page}."
    elif place is not None:
        where = f" Page {place.page} is open."  # a title is somebody else's text, and stands above
    else:
        where = ""
    name = plain_name(work.ask_by)
    parts.append(f"{name} asks you:{where}\n\n{work.ask.prompt.strip()}")
    return "\n\n".join(parts)


def plain_name(name: str) -> str:
    """A name within a sentence: one line, and not long; "You" is who sits at a terminal."""
    said = " ".join(plain_text(name).split())[:60]
    return said if said and said != "You" else "The person"


def steered(said: Said) -> str:
    """What somebody says to the agent while it works."""
    return f"{plain_name(said.name)} says to you while you work, and you follow it: {said.text}"


def _around(work: Work, place: Place, room: int) -> list[str]:
    chosen = context.head(place.selection, room // 4) if place.selection.strip() else ""
    before, after = context.tail(place.before, room // 5), context.head(place.after, room // 10)
    about = {"page": place.page, "title": place.title}
    start = place.span.start
    work.given.add("before", before, **about, start=start - len(before), cut=len(place.before) - len(before))
    work.given.add("selection", chosen, **about, start=start, cut=len(place.selection) - len(chosen))
    work.given.add("after", after, **about, start=place.span.end, cut=len(place.after) - len(after))
    found: list[str] = []
    if chosen:
        found.append(data(f"selected passage of “{place.title}”", chosen, page=place.page))
    around = before + (chosen or "") + after
    if around.strip():
        whole = len(before) + len(after) == len(place.before) + len(place.after)
        part = "whole page" if whole and not (place.selection and not chosen) else "part of the page around the place"
        found.append(data(f"page “{place.title}”, {part}", around, page=place.page))
    return found


def _suggestions(work: Work, page: str, room: int) -> list[str]:
    waiting = work.surface.canvas.register.waiting(page)[-SUGGESTIONS:]
    lines = [
        f"{record.id} by {record.name}: "
        + "; ".join(f"“{_line(hunk.anchor.quote)}” → “{_line(hunk.replace)}”" for hunk in record.hunks[:4])
        + (f" ({_line(record.reason)})" if record.reason else "")
        for record in waiting
    ]
    return _lines(work, "open suggestions on this page", "suggestions", lines, room, page)


def _conversation(work: Work, room: int) -> list[str]:
    chat = plain(work.surface.canvas.document.chat)
    said = [message for message in chat if str(message.get("text", "")).strip() and message.get("run") != work.run]
    lines = [f"{message['name']}: {_line(message['text'])}" for message in said[-MESSAGES:]]
    return _lines(work, "the last messages of the conversation", "conversation", lines, room)


def _thread(work: Work, room: int) -> list[str]:
    shared = work.surface.canvas.document.threads.get(work.ask.thread) if work.ask.thread else None
    if shared is None:
        return []
    thread = plain(shared)
    lines = [f"Thread {work.ask.thread}, about the passage “{_line(thread.get('quote', ''))}”:"]
    lines += [f"{comment['name']}: {_line(comment['text'], 1_500)}" for comment in thread["comments"][-MESSAGES:]]
    return _lines(work, "the thread in which you are asked, and in which your answer will stand", "thread", lines, room)


def _about(work: Work, room: int) -> list[str]:
    record = work.surface.canvas.suggestions.get(work.ask.about) if work.ask.about else None
    if record is None:
        return []
    lines = [f"Suggestion {record.id} by {record.name} on page {record.page}: {_line(record.reason)}"]
    lines += [f"“{_line(hunk.anchor.quote, 2_000)}” → “{_line(hunk.replace, 2_000)}”" for hunk in record.hunks[:20]]
    for thread in work.surface.canvas.threads.values():
        if thread.about == record.id and thread.status == "open":
            comments = plain(work.surface.canvas.document.threads[thread.id])["comments"][-MESSAGES:]
            said = " | ".join(f"{comment['name']}: {_line(comment['text'], 1_500)}" for comment in comments)
            lines.append(f"Comment in thread {thread.id}: {said}")
    return _lines(work, "the suggestion that you are asked about", "suggestion", lines, room)


def _lines(work: Work, source: str, kind: str, lines: Sequence[str], room: int, page: str = "") -> list[str]:
    """As many of the last lines as there is room for, as one piece of data."""
    kept: list[str] = []
    for line in reversed(lines):
        if (room := room - estimate_tokens(line)) < 0 and kept:
            break
        kept.insert(0, line)
    if not kept:
        return []
    return [data(source, work.given.add(kind, "\n".join(kept), page=page, cut=_length(lines) - _length(kept)))]


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) for line in lines)


def _line(text: Any, longest: int = LONGEST) -> str:
    said = " ".join(str(text).split())
    return said if len(said) <= longest else said[: longest - 1] + "…"
