"""Looking back at a canvas, naming moments of it, and turning text back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from studiolo.canvas import actions
from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.canvas.identity.decode import Range
from studiolo.history import Past
from studiolo.history.compare import pages_between, strips
from studiolo.history.deeds import carry_out, check_may
from studiolo.history.plans import Passage
from studiolo.history.sessions import words
from studiolo.history.turning import Turn, check_moment, restoring, shown, taking_back, undoing, withdrawing
from studiolo.rooms import Room
from studiolo.store.versions import (
    Version,
    delete_version,
    get_version,
    list_versions,
    make_version,
    rename_version,
)
from studiolo.web.access import Editor, Here, Seat, Viewer
from studiolo.web.account import shown as participant_shown
from studiolo.web.answers import Json
from studiolo.web.studio import Studio, new_id

router = APIRouter(prefix="/api/canvases/{canvas}/history", tags=["history"])

Moment = Annotated[int, Field(ge=1, le=2**53)]
Seq = Annotated[int | None, Query(ge=0, le=2**53)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewVersion(_Body):
    """A name for a moment; the present one when `seq` is not given."""

    name: Annotated[actions.Line, Field(min_length=1)]
    seq: Moment | None = None


class VersionName(_Body):
    name: Annotated[actions.Line, Field(min_length=1)]


class _Deed(_Body):
    """With `preview` nothing is done, and what would be done is shown, with the last row that was `seen` for it. Sent
    back with the request to do it, that row says what others have done since: it is left alone."""

    preview: bool = False
    seen: Moment | None = None


class Span(_Body):
    """A passage of a page, in code points of its text at that moment."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class Restore(_Deed):
    """Back to the moment after row `to`: the whole canvas, one page, or a passage of it."""

    to: Moment
    page: str | None = None
    passage: Span | None = None

    @model_validator(mode="after")
    def _whole(self) -> Restore:
        if self.passage and not self.page:
            raise ValueError("a passage needs its page")
        return self


class TakeBack(_Deed):
    """What to take back: what `participant` typed from row `from` to row `to`; or what a `run`, or all suggestions of
    an `author`, brought in."""

    participant: str | None = None
    first: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    run: str | None = None
    author: str | None = None

    @model_validator(mode="after")
    def _one(self) -> TakeBack:
        if sum(one is not None for one in (self.participant, self.run, self.author)) != 1:
            raise ValueError("say exactly one of `participant`, `run` and `author`")
        return self


class UndoDeed(_Deed):
    """The row of the deed that is to be undone."""

    deed: Moment


@router.get("")
async def timeline(seat: Viewer, studio: Here) -> Json:
    """The sessions of the canvas, its named versions, and who is in them. Times are seconds since the epoch."""

    def told(past: Past) -> dict[str, Any]:
        return {
            "tip": past.archive.seq,
            "at": past.archive.at(past.archive.seq),
            "sessions": [session.as_dict(past.archive.at) for session in past.sessions()],
            "titles": {page.id: page.title for page in past.archive.outline(past.archive.seq).values()},
        }

    body = await studio.histories.ask(seat.canvas, told)
    versions = await list_versions(studio.store, seat.canvas)
    ids = {one["participant"] for session in body["sessions"] for one in [*session["people"], *session["notes"]]}
    people = await _people(studio, ids | {version.participant for version in versions})
    return Json({**body, "versions": [version.as_dict() for version in versions], "participants": people})


async def _people(studio: Studio, ids: set[str]) -> dict[str, Any]:
    known = [await studio.people.participant(id) for id in sorted(ids) if id]
    return {one.id: participant_shown(one) for one in known if one is not None}


@router.get("/compare")
async def compare(seat: Viewer, studio: Here, new: Seq = None, old: Seq = None) -> Json:
    """What became of each page between two moments, in words that came and went. Without `new`: until now."""

    def compared(past: Past) -> dict[str, Any]:
        then, now = _moments(past, old, new)
        return {"old": then, "new": now, "pages": pages_between(past.archive, then, now)}

    return Json(await studio.histories.ask(seat.canvas, compared))


@router.get("/pages/{page}")
async def page_then(page: str, seat: Viewer, studio: Here, new: Seq = None, old: Seq = None) -> Json:
    """A page at the moment `new` (now, without it), and with `old` what has changed in it since that moment."""

    def read(past: Past) -> dict[str, Any]:
        then, now = _moments(past, old, new)
        info = past.archive.outline(now).get(page) or past.archive.outline(then).get(page)
        if info is None:
            raise NotFound("There was no such page at that moment.", "Choose another moment, or another page.")
        text = past.archive.text(page, now)
        about = {"page": page, "title": info.title, "kind": info.kind, "new": now, "text": text, "words": words(text)}
        if old is not None:
            found = strips(past.archive, page, then, now, past.owner)
            about |= {"old": then, "strips": [strip.as_dict() for strip in found]}
        return about

    return Json(await studio.histories.ask(seat.canvas, read))


def _moments(past: Past, old: int | None, new: int | None) -> tuple[int, int]:
    now = past.archive.seq if new is None else new
    check_moment(past, now)
    if old:  # 0 is the moment before there was anything
        check_moment(past, old)
    return old or 0, now


# -- named versions


@router.post("/versions", status_code=201)
async def name_version(body: NewVersion, seat: Editor, studio: Here) -> Json:
    """Give a moment a name."""

    def present(past: Past) -> int:
        if body.seq is not None:
            check_moment(past, body.seq)
        return body.seq or past.archive.seq

    seq = await studio.histories.ask(seat.canvas, present)
    version = Version(new_id(), seq, studio.store.clock(), body.name, seat.participant.id)
    await make_version(studio.store, seat.canvas, version)
    return Json(version.as_dict(), status_code=201)


@router.patch("/versions/{version}")
async def call_version(version: str, body: VersionName, seat: Editor, studio: Here) -> Json:
    """Give a version another name: for whoever made it, and owners."""
    await _mine(studio, seat, version)
    await rename_version(studio.store, seat.canvas, version, body.name)
    return Json((await get_version(studio.store, seat.canvas, version)).as_dict())


@router.delete("/versions/{version}", status_code=204)
async def drop_version(version: str, seat: Editor, studio: Here) -> Response:
    """Take a name away; the moment stays in the history."""
    await _mine(studio, seat, version)
    await delete_version(studio.store, seat.canvas, version)
    return Response(status_code=204)


async def _mine(studio: Studio, seat: Seat, id: str) -> None:
    version = await get_version(studio.store, seat.canvas, id)
    if version.participant != seat.participant.id and not seat.participant.may("owner"):
        raise Forbidden("Somebody else named this version.", "They, or an owner of the canvas, can change it.")


# -- turning back


@router.post("/restore")
async def restore(body: Restore, seat: Editor, studio: Here) -> Json:
    """Make the canvas, a page or a passage read as it did, as a new edit that keeps what others type meanwhile."""
    passage = Passage(body.passage.start, body.passage.end) if body.passage else None
    return await _turn(studio, seat, body, lambda past, seen: restoring(past, seen, body.to, body.page, passage))


@router.post("/undo")
async def undo(body: UndoDeed, seat: Editor, studio: Here) -> Json:
    """Undo a restoration, a taking back, or an undoing of either."""
    return await _turn(studio, seat, body, lambda past, seen: undoing(past, seen, body.deed))


@router.post("/take-back")
async def take_back(body: TakeBack, seat: Editor, studio: Here) -> Json:
    """Take back what one participant typed, or what a run or an author's accepted suggestions brought in; what others
    have written since is kept."""
    if body.participant is not None:
        whose = body.participant

        def typed(past: Past, seen: int) -> Turn:
            return taking_back(past, seen, whose, body.first or 1, body.to or seen)

        return await _turn(studio, seat, body, typed)
    check_may(seat.participant)
    which = {"run": body.run} if body.run is not None else {"author": body.author}
    action = {"type": "undo", **which}
    room = await studio.rooms.get(seat.canvas)
    if not body.preview:
        return Json((await room.apply(action, seat.participant)).as_dict())
    came, went = _brought(room, body)
    pages = await studio.histories.ask(seat.canvas, lambda past: shown(past, withdrawing(past, action, came, went)))
    return Json({"pages": pages, "seen": body.seen})


def _brought(room: Room, body: TakeBack) -> tuple[list[Range], list[Range]]:
    """The ids that the accepted suggestions of a run or an author brought in, and those that they deleted."""
    came: list[Range] = []
    went: list[Range] = []
    for record in room.canvas.suggestions.values():
        if record.run == body.run if body.run is not None else record.author == body.author:
            for hunk in record.hunks:
                if hunk.status == "accepted" and hunk.applied:
                    for part in json.loads(hunk.applied):
                        went += [(client, clock, units) for client, clock, units, *_ in part["del"]]
                        came += [(part["ins"][0], part["ins"][1], part["ins"][2])] if part["ins"] else []
    return came, went


async def _turn(studio: Studio, seat: Seat, body: _Deed, plan: Callable[[Past, int], Turn]) -> Json:
    """Show what a plan would do, or do it."""
    check_may(seat.participant)

    def planned(past: Past) -> tuple[Turn, int]:
        seen = min(body.seen or past.archive.seq, past.archive.seq)
        return plan(past, seen), seen

    if body.preview:

        def looked(past: Past) -> dict[str, Any]:
            turn, seen = planned(past)
            return {"pages": shown(past, turn), "seen": seen}

        return Json(await studio.histories.ask(seat.canvas, looked))
    room = await studio.rooms.get(seat.canvas)
    turn, _ = await studio.histories.ask(seat.canvas, planned)
    if turn.empty:
        return Json({"outcome": "unchanged", "id": None, "pages": []})
    done = await room.perform(
        lambda: carry_out(room.canvas, turn.action, turn.plans, turn.pages, seat.participant), seat.participant
    )
    assert done is not None
    return Json(done.as_dict())
