"""Pages before they have an id: their text, what is proposed to change in it, and what was said about it.

Every format is read into these and written from these. Offsets are code points of the page's text, which is the text
as it stands when nothing that is proposed has been taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from studiolo.formats.kinds import PageKind

AuthorKind = Literal["person", "agent"]


@dataclass(frozen=True, slots=True)
class Change:
    """Replace `[start, end)` by `replace`. Changes with the same `group` belong to one suggestion."""

    start: int
    end: int
    replace: str
    author: str
    at: float | None = None
    kind: AuthorKind = "person"
    reason: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One comment of a thread."""

    author: str
    text: str
    at: float | None = None
    kind: AuthorKind = "person"


@dataclass(frozen=True, slots=True)
class Remark:
    """A thread about `[start, end)`, or about the changes there of one `group`: its first comment and the answers."""

    start: int
    end: int
    said: tuple[Said, ...]
    resolved: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class PageDraft:
    """A page before it has an id."""

    title: str
    text: str
    kind: PageKind = "prose"
    changes: tuple[Change, ...] = ()
    remarks: tuple[Remark, ...] = ()
    authors: tuple[dict[str, Any], ...] = ()
    """Who wrote which run of the text, where the file said so: see `authorship`."""

    def as_dict(self) -> dict[str, str]:
        return {"title": self.title, "text": self.text, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a set of files became: a title for the canvas, its pages in order, and what could not be kept."""

    title: str
    pages: list[PageDraft]
    notes: tuple[str, ...] = field(default=())

    @property
    def marked(self) -> bool:
        """Whether anything is proposed or said, or it is known who wrote what."""
        return any(page.changes or page.remarks or page.authors for page in self.pages)


def cut(page: PageDraft, bounds: Sequence[tuple[int, int, str]]) -> list[PageDraft]:
    """The page as several, one for each `(start, end, title)` in order; what crosses a bound is divided there, and
    what is put in just where one begins belongs to the one before if there is something between the two."""
    pages: list[PageDraft] = []
    for number, (start, end, title) in enumerate(bounds):
        closed = number + 1 == len(bounds) or bounds[number + 1][0] > end
        changes = _between(page.changes, start, end, closed)
        remarks = [
            replace(remark, start=max(remark.start, start) - start, end=max(min(remark.end, end), remark.start) - start)
            for remark in page.remarks
            if start <= remark.start < end or (closed and remark.start == end)
        ]
        pages.append(PageDraft(title, page.text[start:end], page.kind, tuple(changes), tuple(remarks)))
    return pages


def _between(changes: Iterable[Change], start: int, end: int, closed: bool) -> Iterable[Change]:
    for change in changes:
        if change.start == change.end:
            if start <= change.start < end or (closed and change.start == end):
                yield replace(change, start=change.start - start, end=change.end - start)
        elif change.start < end and change.end > start:
            # What is put in its place stands where the change begins.
            new = change.replace if change.start >= start else ""
            yield replace(change, start=max(change.start, start) - start, end=min(change.end, end) - start, replace=new)


def trimmed(page: PageDraft) -> PageDraft:
    """The page without blank lines at its end that nothing hangs on, and with one line end."""
    used = max([0, *(change.end for change in page.changes), *(remark.end for remark in page.remarks)])
    end = max(len(page.text.rstrip("\n")), used)
    return replace(page, text=page.text[:end] + ("" if page.text[:end].endswith("\n") or not end else "\n"))


def with_changes(page: PageDraft, how: Literal["keep", "accept", "reject"]) -> PageDraft:
    """The page with its changes left open, taken into the text, or dropped."""
    if how == "keep" or (how == "reject" and not page.changes):
        return page
    if how == "reject":
        return replace(page, changes=())
    from studiolo.formats.weaving import taken

    return taken(page)
