"""Threads that are about a suggestion: they stand where it does, and are settled when it is decided.

A decision that is taken back brings back what it settled; what a person had resolved by hand stays resolved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from studiolo.canvas.canvas import Canvas
from studiolo.canvas.records import SuggestionRecord, ThreadRecord, write_anchor


def threads_about(canvas: Canvas, suggestions: Collection[str]) -> Iterator[ThreadRecord]:
    """The threads about any of these suggestions."""
    return (thread for thread in canvas.threads.values() if thread.about in suggestions)


def settle_threads(canvas: Canvas, records: Iterable[SuggestionRecord], decision: str) -> None:
    """Inside `change()`: resolve what is still said about those that nobody can decide about any more."""
    decided = {record.id for record in records if not record.undecided}
    for thread in threads_about(canvas, decided) if decided else ():
        if thread.status == "open":
            _set(canvas, thread, status="resolved", decision=decision)


def reopen_threads(canvas: Canvas, records: Iterable[SuggestionRecord], decision: str) -> None:
    """Inside `change()`: after `records` were taken back by `decision`, open what deciding them had settled; where
    they were withdrawn instead, it stays settled, by that."""
    known = {record.id: record for record in records}
    for thread in threads_about(canvas, known):
        if not thread.decision or thread.status != "resolved":
            continue
        if known[thread.about].undecided:
            _set(canvas, thread, status="open")
        else:
            _set(canvas, thread, decision=decision)


def carry_threads(canvas: Canvas, old: SuggestionRecord, new: SuggestionRecord) -> None:
    """Inside `change()`: let what is still said about a suggestion be about the one that does it anew."""
    for thread in threads_about(canvas, (old.id,)):
        if thread.status == "open":
            thread.about = canvas.document.threads[thread.id]["about"] = new.id
            _place(canvas, thread, new)


def place_threads(canvas: Canvas, suggestions: Collection[str]) -> None:
    """Inside `change()`: let what is said about suggestions that have moved stand where they do now."""
    for thread in threads_about(canvas, suggestions) if suggestions else ():
        _place(canvas, thread, canvas.suggestions[thread.about])


def _place(canvas: Canvas, thread: ThreadRecord, record: SuggestionRecord) -> None:
    shared = canvas.document.threads[thread.id]
    if thread.page != record.page:
        thread.page = shared["page"] = record.page
    thread.anchor = record.hunks[0].anchor
    write_anchor(shared, thread.anchor)


def _set(canvas: Canvas, thread: ThreadRecord, **fields: str) -> None:
    shared = canvas.document.threads[thread.id]
    for name, value in fields.items():
        if getattr(thread, name) == value:
            continue
        setattr(thread, name, value)
        if value:
            shared[name] = value
        else:
            del shared[name]
