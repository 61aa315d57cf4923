"""Three ways at once: what a branch changed, laid beside what its parent says today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studiolo.canvas import Canvas
from studiolo.canvas.errors import StudioloError
from studiolo.canvas.identity.decode import Id
from studiolo.canvas.quotes import Quote, resolve
from studiolo.history.archive import Archive
from studiolo.history.homecoming import Change, position

State = Literal["new", "there", "open", "declined", "clash"]
"""`there`: the parent says so already, or has taken it. `open`: it is proposed just now. `declined`: somebody turned it
down. `clash`: the parent has changed the same words meanwhile. `new`: all others."""

_Key = tuple[str, str, str, str]
_FIRST: tuple[State, ...] = ("open", "declined", "there")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change of the branch, and where it stands in the parent; `home` is the page there."""

    change: Change
    home: str
    state: State

    @property
    def fresh(self) -> bool:
        """Whether it is to be proposed."""
        return self.state in ("new", "clash")


def weigh(canvas: Canvas, branch: str, home: str, shares_ids: bool, found: Sequence[Change]) -> list[Weighed]:
    """Lay the changes of one page beside the page `home` of the parent. `shares_ids`: the parent's page has the same
    items as the branch's; one that the branch made and the parent took over has not."""
    known: defaultdict[_Key, list[State]] = defaultdict(list)
    of_status: dict[str, State] = {"open": "open", "stale": "open", "rejected": "declined", "accepted": "there"}
    for record in canvas.suggestions.values():
        if record.branch == branch and record.page == home:
            for hunk in record.hunks:
                if hunk.status in of_status:
                    key = (home, record.author, hunk.anchor.quote, proposed(hunk.proposed, hunk.replace))
                    known[key].append(of_status[hunk.status])
    text = canvas.page_text(home)
    states: list[State] = [_by_ids(canvas, home, text, one) if shares_ids else _by_quote(text, one) for one in found]
    keys = [(home, one.author, one.find, one.replace) for one in found]
    # The same words may be changed in the same way twice, so each hunk speaks for one change only: first for those
    # that the text shows to be taken. What was taken is taken, whatever the parent has made of it since.
    for key, state in zip(keys, states, strict=True):
        if state == "there" and state in known[key]:
            known[key].remove(state)
    for place, (key, state) in enumerate(zip(keys, states, strict=True)):
        if state != "there" and known[key]:
            spoken: State = next(one for one in _FIRST if one in known[key])
            known[key].remove(spoken)
            states[place] = spoken
    return [Weighed(change, home, state) for change, state in zip(found, states, strict=True)]


def proposed(first: str | None, now: str) -> str:
    """What was proposed at first, where somebody has amended that."""
    return now if first is None else first


def _by_ids(canvas: Canvas, page: str, text: str, change: Change) -> State:
    """What stands now between the characters that stood around the change."""
    low = 0 if change.behind is None else _offset(canvas, page, change.behind, -1)
    high = len(text) if change.beyond is None else _offset(canvas, page, change.beyond, 0)
    if low is None or high is None:
        return _by_quote(text, change)
    there = text[low : max(low, high)]
    if there == change.replace:
        return "there"
    if not change.find:
        return "there" if change.replace in there else "new"
    if there == change.find:
        return "new"
    if change.first and change.last:
        start, end = _offset(canvas, page, change.first, 0), _offset(canvas, page, change.last, -1)
        if start is not None and end is not None:
            if text[start:end] == change.find:
                return "new"
            if start >= end and not change.replace:
                return "there"
    return "there" if change.replace and change.replace in there and change.find not in there else "clash"


def _offset(canvas: Canvas, page: str, id: Id, assoc: int) -> int | None:
    found = canvas.document.identity.locate(position(id, assoc))
    return found[1] if found is not None and found[0] == page else None


def _by_quote(text: str, change: Change) -> State:
    if text and change.before + change.replace + change.after in text:
        return "there"
    try:
        resolve(text, Quote(change.find, change.before, change.after))
    except StudioloError:
        return "clash"
    return "new"


# -- the pages themselves


@dataclass(frozen=True, slots=True)
class PageChange:
    """A page that the branch has added, renamed, moved or taken out, and the parent has not."""

    page: str
    title: str
    kind: Literal["added", "renamed", "removed"]
    was: str = ""
    words: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {"page": self.page, "title": self.title, "kind": self.kind, "was": self.was, "words": self.words}


def page_changes_home(canvas: Canvas, archive: Archive, since: int, homes: Mapping[str, str]) -> list[PageChange]:
    """What is different in the list of pages since row `since` of the branch. `homes`: page of the branch -> that of
    the parent, for those that have one."""
    then, now = archive.outline(since), archive.outline(archive.seq)
    here = {page["id"]: page for page in canvas.outline()}
    found: list[PageChange] = []
    for page in sorted(now.values(), key=lambda one: (one.order, one.id)):
        was, home = then.get(page.id), here.get(homes.get(page.id, ""))
        if home is None:
            if was is None and not page.removed:
                text = archive.text(page.id, archive.seq)
                found.append(PageChange(page.id, page.title, "added", words=len(text.split())))
        elif was is not None:
            if page.removed and not was.removed and not home["removed"]:
                found.append(PageChange(page.id, home["title"], "removed"))
            elif page.title != was.title and page.title != home["title"]:
                found.append(PageChange(page.id, page.title, "renamed", was=home["title"]))
    return found
