"""What changed around the results of a task since it began: whether people can decide them on what it had read.

A result is held against the paragraph that it is about and its neighbours, as they read when the task began and as
they read now, and against the passages that it names as what it rests on. What came of the task's own results does not
count.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studiolo.canvas import Canvas, anchors
from studiolo.canvas.identity.decode import Range
from studiolo.canvas.quotes import Span
from studiolo.canvas.records import HunkRecord
from studiolo.history.histories import Histories, Past
from studiolo.history.meanwhile import Changed, Meanwhile, row_at
from studiolo.tasks.task import Task

Item = dict[str, Any]
FURTHEST = 1_500  # characters on either side of a passage that are looked at
LONGEST = 1_200  # characters of a text that is shown
MOST_SHOWN = 4  # changes of one result
PATIENCE = 20  # looks, until what is in the room has been stored
MOMENT = 0.05  # seconds between them


@dataclass(slots=True)
class _About:
    """Where a result stands, and what it rests on."""

    item: str
    at: float
    stale: bool
    spans: list[tuple[str, Span]] = field(default_factory=list[tuple[str, Span]])
    quotes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


async def meanwhile(canvas: Canvas, items: Sequence[Item], task: Task, histories: Histories) -> list[dict[str, Any]]:
    """Of each item: {item, state, changes}. `state` is `as_read`; `changed` since the step that made it began;
    `earlier`, when all that changed had changed before that; or `stale`. A change is {page, was, now, by, at}, with
    `rests` where it is not the text around but a passage that the result names."""
    began = min((step.started for step in task.plan if step.started and step.state != "coming"), default=task.made)
    began = min(began, task.started or began)
    for patient in (True,) * PATIENCE + (False,):
        look = _Look(canvas, items, task, began, patient)
        found = await histories.ask(task.canvas, look)
        if found is not None:
            return found
        await asyncio.sleep(MOMENT)
    raise AssertionError


class _Look:
    """What is asked in the canvas at one moment, to be held against its past in another thread."""

    def __init__(self, canvas: Canvas, items: Sequence[Item], task: Task, began: float, patient: bool) -> None:
        self._task, self._began, self._patient = task, began, patient
        self._abouts = [_about(canvas, item) for item in items]
        pages = {page for about in self._abouts for page, _ in (*about.spans, *about.quotes)}
        self._texts = {page: canvas.page_text(page) for page in pages}
        self._came, self._went = _brought(canvas, {result["id"] for result in task.results})

    def __call__(self, past: Past) -> list[dict[str, Any]] | None:
        """What there is to say; None while not all that stands in the canvas has been stored, for those with time."""
        since = row_at(past, self._began)
        known = {page: Meanwhile(past, page, since, self._came, self._went) for page in self._texts}
        if self._patient and any(known[page].text != text for page, text in self._texts.items()):
            return None
        return [_said(about, known, self._texts, self._task) for about in self._abouts]


def _said(about: _About, known: Mapping[str, Meanwhile], texts: Mapping[str, str], task: Task) -> dict[str, Any]:
    read = max((step.started for step in task.plan if step.started and step.started <= about.at), default=0.0)
    changes: list[tuple[str, Changed, bool]] = []
    seen: set[tuple[str, int, int]] = set()
    for page, span in about.spans:
        around = _around(texts[page], span)
        if (page, *around) not in seen and (changed := known[page].of(*around)):
            changes.append((page, changed, False))
        seen.add((page, *around))
    for page, quote in about.quotes:
        if changed := known[page].of_old(quote):
            changes.append((page, changed, True))
    if about.stale:
        state = "stale"
    elif not changes:
        state = "as_read"
    else:
        state = "changed" if any(changed.at > read for _, changed, _ in changes) else "earlier"
    return {
        "item": about.item,
        "state": state,
        "changes": [
            {"page": page, **_cut(changed), "by": changed.by, "at": changed.at, **({"rests": True} if rests else {})}
            for page, changed, rests in changes[:MOST_SHOWN]
        ],
    }


def _about(canvas: Canvas, item: Item) -> _About:
    about = _About(item["id"], item["at"], item["kind"] == "stale")
    for option in item.get("options", ()):
        record = canvas.suggestions.get(option["suggestion"])
        if record is not None:
            about.at = max(about.at, record.at)
            for hunk in record.hunks:
                if hunk.status in ("open", "stale") and (span := _place(canvas, record.page, hunk)):
                    about.spans.append((record.page, span))
            about.quotes += [
                (one.get("page") or record.page, one["quote"])
                for one in option["evidence"]
                if one.get("quote") and one.get("found") is False and (one.get("page") or record.page) in _live(canvas)
            ]
    if not about.spans and (thread := canvas.threads.get(item.get("thread", {}).get("id", ""))):
        identity = canvas.document.identity
        if span := anchors.between(identity, thread.page, thread.anchor.start, thread.anchor.end):
            about.spans.append((thread.page, span))
    return about


def _live(canvas: Canvas) -> set[str]:
    return {page["id"] for page in canvas.outline() if not page["removed"]}


def _place(canvas: Canvas, page: str, hunk: HunkRecord) -> Span | None:
    """Where a change would be made, or would have been."""
    if hunk.status == "open" and (span := canvas.find(page, canvas.page_text(page), hunk.anchor)):
        return span
    identity, renewed = canvas.document.identity, canvas.origins.returns.renewed
    return anchors.between(identity, page, renewed(identity, hunk.anchor.start), renewed(identity, hunk.anchor.end))


def _around(text: str, span: Span) -> tuple[int, int]:
    """The paragraph of a place and one on either side."""
    start, end = span
    for _ in range(2):
        start = text.rfind("\n\n", 0, max(0, start - 2 if start < span.start else start)) + 2
        start = 0 if start == 1 else start
    for _ in range(2):
        stop = text.find("\n\n", end + 2 if end > span.end else end)
        end = len(text) if stop < 0 else stop
    return max(start, span.start - FURTHEST), min(end, span.end + FURTHEST)


def _brought(canvas: Canvas, results: set[str]) -> tuple[list[Range], list[Range]]:
    """The ids that taking a task's results brought in, and those that it deleted."""
    came: list[Range] = []
    went: list[Range] = []
    brought: defaultdict[str, list[HunkRecord]] = defaultdict(list)
    for id in results:
        if record := canvas.suggestions.get(id):
            brought[id] = [hunk for hunk in record.hunks if hunk.status == "accepted" and hunk.applied]
    for hunk in (hunk for hunks in brought.values() for hunk in hunks):
        for part in json.loads(hunk.applied):
            went += [(client, clock, units) for client, clock, units, *_ in part["del"]]
            came += [(part["ins"][0], part["ins"][1], part["ins"][2])] if part["ins"] else []
    return came, went


def _cut(changed: Changed) -> dict[str, Any]:
    """Both texts around what differs first, as long as can be read."""
    was, now = changed.was, changed.now
    same = next((at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    begin = max(0, same - LONGEST // 4)
    begin = 0 if max(len(was), len(now)) <= LONGEST else begin
    cut = {"was": was[begin : begin + LONGEST], "now": now[begin : begin + LONGEST]}
    return cut | ({"cut": True} if begin or max(len(was), len(now)) > LONGEST else {})


def made(canvas: Canvas, results: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """What a task made, by pages in their order: {page, title, new, suggestions, comments, open}. What stands on a page
    that is gone is left out."""
    counted: dict[str, dict[str, Any]] = {
        page["id"]: {"page": page["id"], "title": page["title"], "new": 0, "suggestions": 0, "comments": 0, "open": 0}
        for page in sorted(canvas.outline(), key=lambda page: page["order"])
        if not page["removed"]
    }
    for result in results:
        kind, id = result["type"], result["id"]
        if kind == "page" and id in counted:
            counted[id]["new"] = 1
        elif kind == "suggestion" and (record := canvas.suggestions.get(id)) and record.page in counted:
            counted[record.page]["suggestions"] += 1
            counted[record.page]["open"] += record.undecided
        elif kind == "thread" and (thread := canvas.threads.get(id)) and thread.page in counted:
            counted[thread.page]["comments"] += 1
            counted[thread.page]["open"] += thread.status == "open"
    return [one for one in counted.values() if one["new"] or one["suggestions"] or one["comments"]]
