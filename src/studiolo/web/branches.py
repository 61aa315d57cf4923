"""Branches of a canvas: making one, seeing where each stands, and bringing back what it has changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from studiolo.canvas import actions
from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.rooms.branching import branch as begin
from studiolo.rooms.homecoming import bring_home, look_home
from studiolo.store.branches import BranchRecord, branch, branches_of
from studiolo.web.access import Commenter, Editor, Here, Seat, Viewer, seat_at
from studiolo.web.account import shown
from studiolo.web.answers import Json
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api/canvases/{canvas}", tags=["branches"])


class NewBranch(BaseModel):
    """`at`: the row of the log to begin at, the last one when it is not given. `pages`: those that are in the list at
    first; all, when they are not given."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[actions.Line, Field(min_length=1, max_length=200)]
    at: Annotated[int | None, Field(ge=1, le=2**53)] = None
    pages: Annotated[list[str] | None, Field(min_length=1, max_length=10_000)] = None


class BringBack(BaseModel):
    """`pages`: which of the pages that the branch has added, renamed or removed are to be so here, too."""

    model_config = ConfigDict(extra="forbid")
    pages: Annotated[list[str], Field(max_length=10_000)] = []


@router.get("/branches")
async def branches(seat: Viewer, studio: Here) -> Json:
    """The canvas's branches that the caller may see, and the canvas that it is itself a branch of."""
    here = await branch(studio.store, seat.canvas)
    parent = None
    if here is not None:
        parent = {"id": here.parent, "seq": here.parent_seq, "title": "", "role": None, "gone": True}
        try:
            there = await seat_at(studio, seat.who, here.parent)
            title = (await studio.store.canvas(here.parent)).title
            parent |= {"title": title, "role": there.participant.role, "gone": False}
        except NotFound:  # it was deleted, or is closed to them
            pass
    listed = [await _told(studio, seat, one) for one in await branches_of(studio.store, seat.canvas)]
    return Json({"parent": parent, "branches": [one for one in listed if one is not None]})


async def _told(studio: Studio, seat: Seat, one: BranchRecord) -> dict[str, Any] | None:
    """A branch as the list shows it, with what became of its suggestions here; None for one that is closed to them."""
    try:
        there = await seat_at(studio, seat.who, one.id)
    except NotFound:
        return None
    room = await studio.rooms.get(seat.canvas)
    counted = {"open": 0, "stale": 0, "accepted": 0, "rejected": 0}
    for record in room.canvas.suggestions.values():
        if record.branch == one.id:
            for hunk in record.hunks:
                if hunk.status in counted:
                    counted[hunk.status] += 1
    made_by = await studio.people.participant(one.created_by)
    return {
        "id": one.id,
        "title": one.title,
        "made": one.created,
        "updated": one.updated,
        "seq": one.parent_seq,
        "by": shown(made_by) if made_by else None,
        "role": there.participant.role,
        "hunks": counted,
    }


@router.post("/branches", status_code=201)
async def make(body: NewBranch, seat: Editor, studio: Here) -> Json:
    """Make a branch: a canvas that begins as this one was, for the same people in the same roles."""
    if seat.who.token_canvas not in (None, "*"):
        raise Forbidden(
            "This token opens one canvas only, and could not open the branch.", "Use one for the whole studio."
        )
    room = await begin(studio.rooms, studio.store, seat.canvas, body.name, seat.participant, body.at, body.pages)
    pages = [{"id": page["id"], "title": page["title"]} for page in room.canvas.outline() if not page["removed"]]
    made = {"id": room.id, "title": room.canvas.title, "parent": seat.canvas, "pages": pages}
    return Json(made, status_code=201, headers={"Location": f"/api/canvases/{room.id}"})


@router.get("/branches/{branch}/changes")
async def changes(branch: str, seat: Viewer, studio: Here) -> Json:
    """What the branch has changed, and where each change stands here."""
    one = await _branch(studio, seat, branch)
    home = await look_home(studio.histories, await studio.rooms.get(seat.canvas), one.id)
    ids = {weighed.change.author for weighed in home.weighed if weighed.change.author}
    known = [await studio.people.participant(id) for id in sorted(ids)]
    people = {found.id: shown(found) for found in known if found is not None}
    return Json({"title": one.title, **home.as_dict(), "participants": people})


@router.post("/branches/{branch}/propose")
async def propose(branch: str, body: BringBack, seat: Commenter, studio: Here) -> Json:
    """Bring the branch's changes back as suggestions. Doing it again brings them up to date."""
    one = await _branch(studio, seat, branch)
    if body.pages and not seat.participant.may("editor"):
        raise Forbidden("Pages can be added, renamed and removed by editors only.", "Propose without them.")
    room = await studio.rooms.get(seat.canvas)
    told = await bring_home(
        studio.histories, room, one.id, one.title, studio.people.participant, seat.participant, body.pages
    )
    return Json(told)


async def _branch(studio: Studio, seat: Seat, id: str) -> BranchRecord:
    """A branch of this canvas that the caller may see. Raises `NotFound`."""
    await seat_at(studio, seat.who, id)
    found = await branch(studio.store, id)
    if found is None or found.parent != seat.canvas:
        raise NotFound("This canvas has no such branch.", "Look at the list of its branches.")
    return found
