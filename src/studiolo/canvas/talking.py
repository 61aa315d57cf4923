"""Threads in the margin and the conversation beside the pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pycrdt import Map, Text

from studiolo.canvas import actions, anchors
from studiolo.canvas.canvas import Canvas, Outcome
from studiolo.canvas.deciding import get, raise_decided
from studiolo.canvas.document import append
from studiolo.canvas.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from studiolo.canvas.participant import Participant
from studiolo.canvas.quotes import Quote
from studiolo.canvas.records import HunkRecord, ThreadRecord, comment, signature
from studiolo.canvas.suggesting import draft, put


def open_thread(canvas: Canvas, action: actions.Comment, by: Participant) -> Outcome:
    """Comment on a passage, perhaps with a suggestion that would settle the matter; or on a suggestion, whoever's."""
    if bool(action.suggestion) == bool(action.page or action.quote):
        raise Invalid(
            "A comment is either on a passage or on a suggestion.", "Send `page` and `quote`, or else `suggestion`."
        )
    if action.suggestion:
        return _about(canvas, action, by)
    if not action.page or not action.quote:
        raise Invalid("A comment on a passage needs `page` and `quote`.", "Quote the words that it is about.")
    text = canvas.live_page(action.page)
    quote = Quote(action.quote, action.before, action.after)
    span = anchors.place(canvas.document.identity, action.page, text, quote, action.start, action.end)
    anchor = anchors.anchor(canvas.document.identity, action.page, text, span)
    now = canvas.clock()
    thread = ThreadRecord(canvas.new_id(), action.page, by.id, anchor)
    fix = None
    if action.replace is not None and action.replace != anchor.quote:
        hunks = [HunkRecord(anchor, action.replace)]
        fix = draft(canvas, action.page, by, hunks, action.text, action.skill, action.run, action.model)
        thread.suggestion = fix.id
    with canvas.document.change() as written:
        if fix:
            put(canvas, fix)
        canvas.threads[thread.id] = thread
        canvas.document.threads[thread.id] = thread.shared(
            by,
            now,
            comment(canvas.new_id(), by, now, action.text),
            suggestion=fix.id if fix else "",
            run=action.run,
        )
    return Outcome("commented", thread.id, {"suggestion": fix.id} if fix else {}, written())


def _about(canvas: Canvas, action: actions.Comment, by: Participant) -> Outcome:
    """Open a thread about a suggestion. It stands where its first change does."""
    record = get(canvas, action.suggestion)
    if not record.undecided:
        raise_decided(record, record.hunks[-1])
    if action.replace is not None:
        raise Invalid(
            "A comment on a suggestion brings no other suggestion.", "Suggest it on the page: both are shown together."
        )
    thread = ThreadRecord(canvas.new_id(), record.page, by.id, record.hunks[0].anchor, about=record.id)
    now = canvas.clock()
    with canvas.document.change() as written:
        canvas.threads[thread.id] = thread
        first = comment(canvas.new_id(), by, now, action.text)
        canvas.document.threads[thread.id] = thread.shared(by, now, first, about=record.id, run=action.run)
    return Outcome("commented", thread.id, {"page": record.page, "about": record.id}, written())


def reply(canvas: Canvas, action: actions.Reply, by: Participant) -> Outcome:
    """Answer in a thread; an answer to a resolved one opens it again, but for an agent's to one that a decision has
    settled: that nobody asked anew."""
    thread = _thread(canvas, action.thread)
    id = canvas.new_id()
    with canvas.document.change() as written:
        shared = canvas.document.threads[thread.id]
        shared["comments"].append(comment(id, by, canvas.clock(), action.text))
        if thread.status != "open" and not (by.kind == "agent" and thread.decision):
            thread.status = shared["status"] = "open"
    return Outcome("replied", thread.id, {"comment": id}, written())


def resolve(canvas: Canvas, action: actions.Resolve, by: Participant) -> Outcome:
    """Close a thread, or open it again. A commenter may do so with their own."""
    thread = _thread(canvas, action.thread)
    if thread.author != by.id and not by.may("editor"):
        raise Forbidden("A commenter may resolve only their own threads.", "Ask an editor to resolve it.")
    status = "open" if action.reopen else "resolved"
    with canvas.document.change() as written:
        if thread.status != status:
            thread.status = canvas.document.threads[thread.id]["status"] = status
    return Outcome("reopened" if action.reopen else "resolved", thread.id, {"status": status}, written())


def say(canvas: Canvas, action: actions.Say, by: Participant) -> Outcome:
    """Say something beside the pages."""
    if not action.text and not action.streaming and not action.ideas:
        raise Invalid("The message is empty.", "Send some text.")
    id = canvas.new_id()
    message: dict[str, Any] = {
        "id": id,
        **signature(by),
        "at": canvas.clock(),
        "text": Text(action.text),
        "status": "writing" if action.streaming else "done",
    }
    if action.run:
        message["run"] = action.run
    message |= _extras(canvas, action.quotes, action.ideas)
    with canvas.document.change() as written:
        canvas.messages[id] = len(canvas.document.chat)
        canvas.document.chat.append(Map(message))
    return Outcome("said", id, {}, written())


def say_more(canvas: Canvas, action: actions.SayMore, by: Participant) -> Outcome:
    """Append to a message of one's own that is still being written."""
    message = _own_writing(canvas, action.message, by)
    if len(message["text"]) + len(action.text) > actions.LONGEST_MESSAGE:
        raise TooLarge("The message has become too long.", "Finish it, and put the rest on a page.")
    with canvas.document.change() as written:
        append(message["text"], action.text)
    return Outcome("extended", action.message, {}, written())


def say_done(canvas: Canvas, action: actions.SayDone, by: Participant) -> Outcome:
    """End a message of one's own that was being written."""
    message = _own_writing(canvas, action.message, by)
    extras = _extras(canvas, action.quotes, action.ideas)
    with canvas.document.change() as written:
        if action.text is not None and action.text != str(message["text"]):
            message["text"].clear()
            append(message["text"], action.text)
        message["status"] = action.status
        for name, value in extras.items():
            message[name] = value
    return Outcome("said", action.message, {"status": action.status}, written())


def listen(canvas: Canvas, action: actions.Listen, by: Participant) -> Outcome:
    """Let agents answer by themselves when they are spoken to, or not."""
    now = "" if action.on else "off"
    with canvas.document.change() as written:
        if (canvas.document.meta.get("listening") or "") != now:
            canvas.document.meta["listening"] = now
    return Outcome("listening" if action.on else "silenced", details={"on": action.on}, update=written())


def pick(canvas: Canvas, action: actions.Pick, by: Participant) -> Outcome:
    """Make a suggestion of one idea in a message, by the participant who had it."""
    message = _message(canvas, action.message)
    ideas: list[str] = json.loads(message.get("ideas") or "[]")
    if not 0 <= action.idea < len(ideas):
        raise Invalid(f"The message has no idea {action.idea}.", f"It has {len(ideas)}, counted from 0.")
    text = canvas.live_page(action.page)
    place = Quote("", action.before, action.after)
    span = anchors.place(canvas.document.identity, action.page, text, place, action.start, None)
    anchor = anchors.anchor(canvas.document.identity, action.page, text, span)
    whose = Participant(message["author"], message["name"], message["author_kind"], message["color"])
    hunks = [HunkRecord(anchor, _set_in(text, span.start, ideas[action.idea]))]
    reason = f"An idea that {by.name} picked"
    record = draft(canvas, action.page, whose, hunks, reason, "brainstorm", message.get("run") or "")
    with canvas.document.change() as written:
        put(canvas, record)
    return Outcome("suggested", record.id, {"status": "open", "hunks": 1}, written())


def _set_in(text: str, at: int, idea: str) -> str:
    """An idea with the blanks or line breaks that its place needs around it."""
    before, after = text[:at], text[at:]
    idea = idea.strip() if before or after else idea
    if before and not before[-1].isspace() and before[-1] not in "([{“‘«—–-/":
        heading = before.rsplit("\n", 1)[-1].lstrip().startswith("#")
        idea = ("\n\n" if heading else " ") + idea
    if after and not after[0].isspace() and after[0] not in ",.;:!?…)]}”’":
        idea += " "
    return idea


def _thread(canvas: Canvas, id: str) -> ThreadRecord:
    thread = canvas.threads.get(id)
    if thread is None:
        raise NotFound(f"There is no thread {id!r} in this canvas.", "Ask for the canvas to see its threads.")
    return thread


def _message(canvas: Canvas, id: str) -> Any:
    at = canvas.messages.get(id)
    if at is None:
        raise NotFound(f"There is no message {id!r} in this canvas.", "Ask for the canvas to see its chat.")
    return canvas.document.chat[at]


def _own_writing(canvas: Canvas, id: str, by: Participant) -> Any:
    message = _message(canvas, id)
    if message["author"] != by.id:
        raise Forbidden("Only its author can write on a message.", "Say something yourself.")
    if message["status"] != "writing":
        raise Conflict("The message is finished.", "Say something more in another message.")
    return message


def _extras(canvas: Canvas, quotes: Sequence[actions.CitedQuote], ideas: Sequence[str]) -> dict[str, str]:
    """A message's quotes and ideas as it keeps them. Whether a quote is found is looked up here, not believed."""
    extras: dict[str, str] = {}
    if quotes:
        extras["quotes"] = json.dumps([_looked_up(canvas, cited) for cited in quotes])
    if ideas:
        extras["ideas"] = json.dumps(list(ideas))
    return extras


def _looked_up(canvas: Canvas, cited: actions.CitedQuote) -> dict[str, Any]:
    if cited.attachment:
        found = canvas.vouched.get((cited.attachment, cited.quote))
        place, section = found or ("", 0)
        told = {"attachment": cited.attachment, "quote": cited.quote, "found": found is not None}
        return {**told, "place": place, "section": section}
    if cited.url and not cited.page:
        return {"url": cited.url, "quote": cited.quote, "found": False}
    known = canvas.document.pages
    found = cited.page in known and cited.quote in canvas.page_text(cited.page)
    return {"page": cited.page, "quote": cited.quote, "found": found}
