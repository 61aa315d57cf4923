"""What a branch has changed comes back to its parent as suggestions by whoever wrote it, and nothing is overwritten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from pycrdt import merge_updates

from studiolo.canvas import Canvas, Outcome, Participant
from studiolo.canvas.anchors import Anchor
from studiolo.canvas.errors import StudioloError
from studiolo.canvas.records import HunkRecord
from studiolo.canvas.suggesting import draft, put
from studiolo.history import Histories, Past
from studiolo.history.homecoming import Change, changes, position
from studiolo.history.weighing import PageChange, Weighed, page_changes_home, proposed, weigh
from studiolo.rooms.room import Room

FORK = 1  # the row of a branch's log that holds the document it began with
Known = Callable[[str], Awaitable[Participant | None]]


@dataclass(slots=True)
class Homecoming:
    """What of a branch is not in its parent."""

    weighed: list[Weighed] = field(default_factory=list)
    pages: list[PageChange] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many changes of each state there are."""
        counted: dict[str, int] = dict.fromkeys(("new", "there", "open", "declined", "clash"), 0)
        for one in self.weighed:
            counted[one.state] += 1
        return counted

    def as_dict(self) -> dict[str, Any]:
        pages = [
            {
                "page": home,
                "changes": [
                    {
                        "find": one.change.find,
                        "replace": one.change.replace,
                        "before": one.change.before,
                        "after": one.change.after,
                        "author": one.change.author,
                        "state": one.state,
                    }
                    for one in of_page
                ],
            }
            for home, of_page in groupby(self.weighed, key=lambda one: one.home)
        ]
        return {"counts": self.counts(), "pages": pages, "page_changes": [page.as_dict() for page in self.pages]}


async def look_home(histories: Histories, parent: Room, branch: str) -> Homecoming:
    """What has changed in a branch, and where each change stands in the parent."""
    homes = _homes(parent.canvas, branch)

    def changed(past: Past) -> tuple[list[tuple[str, bool, list[Change]]], Past]:
        found: list[tuple[str, bool, list[Change]]] = []
        for page in past.archive.order(past.archive.seq):
            if page.id in homes:
                home, since = homes[page.id]
                found.append((home, home == page.id, changes(past.archive, page.id, since, past.owner)))
        return found, past

    found, past = await histories.ask(branch, changed)
    # No await from here on: the parent must not change between the looks at its pages.
    home = Homecoming()
    for page, shares_ids, of_page in found:
        if not parent.canvas.page(page).get("removed"):
            home.weighed += weigh(parent.canvas, branch, page, shares_ids, of_page)
    pages = {page: there for page, (there, _) in homes.items()}
    home.pages = page_changes_home(parent.canvas, past.archive, FORK, pages)
    return home


def _homes(canvas: Canvas, branch: str) -> dict[str, tuple[str, int]]:
    """Page of the branch -> that of the parent, and the row of the branch since which the two differ."""
    homes = {page["id"]: (page["id"], FORK) for page in canvas.outline()}
    for page in canvas.document.pages.values():
        kept = page.get("branch") or ""
        if kept.startswith(f"{branch}:"):
            _, there, since = kept.split(":")
            homes[there] = (page["id"], int(since))
    return homes


async def bring_home(
    histories: Histories,
    parent: Room,
    branch: str,
    title: str,
    known: Known,
    by: Participant,
    pages: Collection[str] = (),
) -> dict[str, Any]:
    """Propose in the parent what the branch has changed; of the changes of the list of pages those of `pages` are done.

    What was proposed before and is still undecided stays when it is still the same, and is withdrawn when the branch
    has gone on. Raises what the actions raise.
    """
    home = await look_home(histories, parent, branch)
    withdrawn = _outdated(parent.canvas, branch, home)
    for id in withdrawn:
        record = parent.canvas.suggestions[id]
        kind = "agent" if record.author_kind == "agent" else "person"
        author = Participant(record.author, record.name, kind, record.color, "commenter")
        await parent.apply({"type": "withdraw", "suggestion": id}, author)
    if withdrawn:  # what is still as it was in one of these is to be proposed again
        home = await look_home(histories, parent, branch)
    made: list[str] = []
    fresh = sorted(
        (one for one in home.weighed if one.fresh),
        key=lambda one: (one.home, one.change.paragraph, one.change.author, one.state),
    )
    for (page, _, author, state), group in groupby(
        fresh, key=lambda one: (one.home, one.change.paragraph, one.change.author, one.state)
    ):
        found = await known(author) if author else None
        writer = replace(found or by, role="commenter")
        hunks = [one.change for one in group]
        made += await _suggest(parent, page, hunks, writer, branch, title, clash=state == "clash")
    done = [await _do_page(histories, parent, branch, change, by) for change in home.pages if change.page in pages]
    action = {"type": "propose", "branch": branch, "title": title}
    told = {"suggestions": made, "withdrawn": withdrawn, "pages": done}
    entry = {"action": action, "outcome": {"outcome": "proposed", "id": branch, **told}}
    await parent.perform(lambda: Outcome("proposed", branch, told, entry=entry), by)
    return {"outcome": "proposed", "id": branch, **told, "counts": home.counts()}


def _outdated(canvas: Canvas, branch: str, home: Homecoming) -> list[str]:
    """The undecided suggestions of a branch that are no longer what it says."""
    still = {
        (one.home, one.change.author, one.change.find, one.change.replace)
        for one in home.weighed
        if one.state == "open"
    }
    outdated: list[str] = []
    for record in canvas.suggestions.values():
        if record.branch != branch or not record.undecided:
            continue
        for hunk in record.hunks:
            key = (record.page, record.author, hunk.anchor.quote, proposed(hunk.proposed, hunk.replace))
            if hunk.status in ("open", "stale") and key not in still:
                outdated.append(record.id)
                break
    return outdated


async def _suggest(
    parent: Room, page: str, hunks: list[Change], writer: Participant, branch: str, title: str, clash: bool
) -> list[str]:
    reason = f"From the branch “{title}”."
    action: dict[str, Any] = {"type": "suggest", "page": page, "branch": branch, "reason": reason}
    action["hunks"] = [change.spec(page) for change in hunks]
    if not clash:
        try:
            outcome = await parent.apply(action, writer)
            return [outcome.id] if outcome.id else []
        except StudioloError:  # the text went on between our look and the canvas's turn
            pass
    done = await parent.perform(lambda: _suggest_stale(parent.canvas, action, hunks, writer), writer)
    return [done.id] if done and done.id else []


def _suggest_stale(canvas: Canvas, action: dict[str, Any], hunks: list[Change], writer: Participant) -> Outcome:
    """A suggestion whose text is not what it was any more: it shows both side by side, and can be done anew."""
    records: list[HunkRecord] = []
    page = action["page"]
    nowhere = canvas.document.identity.position(page, 0)
    for change in hunks:
        first, last = change.first or change.behind, change.last or change.beyond
        if page != change.page:
            first = last = None
        start = position(first, 0) if first else nowhere
        end = position(last, -1) if last else nowhere
        anchor = Anchor(start, end, change.find, change.before, change.after)
        records.append(HunkRecord(anchor, change.replace, "stale"))
    record = draft(canvas, page, writer, records, action["reason"])
    record.branch = action["branch"]
    record.status = record.overall()
    with canvas.document.change() as written:
        put(canvas, record)
    canvas.moved(record.page)  # some of it may stand elsewhere
    update = written()
    if settled := canvas.settle():
        update = merge_updates(update, settled.update)
    outcome = {"outcome": "suggested", "id": record.id, "status": record.status, "hunks": len(records)}
    entry = {"action": action, "outcome": outcome}
    return canvas.claimed(Outcome("suggested", record.id, {"status": record.status}, update, entry=entry))


async def _do_page(
    histories: Histories, parent: Room, branch: str, change: PageChange, by: Participant
) -> dict[str, Any]:
    if change.kind == "removed":
        await parent.apply({"type": "remove_page", "page": change.page}, by)
    elif change.kind == "renamed":
        await parent.apply({"type": "rename_page", "page": change.page, "title": change.title}, by)
    else:
        return await _add_page(histories, parent, branch, change, by)
    return {"page": change.page, "kind": change.kind}


async def _add_page(
    histories: Histories, parent: Room, branch: str, change: PageChange, by: Participant
) -> dict[str, Any]:
    """Add a page that the branch has made: its text by whoever wrote it there, and where it came from."""

    def read(past: Past) -> tuple[str, list[str], list[tuple[str, str]], int]:
        order = [page.id for page in past.archive.order(past.archive.seq)]
        kind = past.archive.outline(past.archive.seq)[change.page].kind
        before = order[: order.index(change.page)]
        pieces = [piece for piece in past.archive.weave(change.page) if piece.alive]
        runs = [
            (author, "".join(piece.text for piece in of_one))
            for author, of_one in groupby(pieces, key=lambda piece: past.owner(piece.client))
        ]
        return kind, before, runs, past.archive.seq

    kind, before, runs, seq = await histories.ask(branch, read)

    def add() -> Outcome:
        canvas = parent.canvas
        homes = {page: home for page, (home, _) in _homes(canvas, branch).items()}
        after = next((homes[page] for page in reversed(before) if page in homes), None)
        action = {"type": "add_page", "title": change.title, "kind": kind, "after": after}
        outcome = canvas.apply(action, by)
        assert outcome.id is not None
        with canvas.document.change() as marked:
            canvas.page(outcome.id)["branch"] = f"{branch}:{change.page}:{seq}"
        composer = canvas.document.identity.compose()
        for author, text in runs:
            composer.replace(outcome.id, 0, 0, text, canvas.writer(author or by.id))
        updates = [outcome.update, marked()]
        if not composer.empty:
            with canvas.document.change() as written:
                canvas.document.write(composer)
            updates.append(written())
        canvas.moved(outcome.id)
        claims = canvas.claimed(replace(outcome, update=merge_updates(*updates)))
        return replace(claims, claims={**outcome.claims, **claims.claims})

    done = await parent.perform(add, by)
    assert done is not None
    return {"page": done.id, "kind": "added"}
