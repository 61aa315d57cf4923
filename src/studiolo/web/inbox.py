"""The inbox: what waits for the caller in all canvases, and asking agents to do again what has gone stale or failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from studiolo.agents import Ask, again, redo
from studiolo.canvas.errors import Forbidden, Invalid, NotFound
from studiolo.people import Who
from studiolo.rooms import Entry, Key, Reader, Room
from studiolo.store.inbox import item_of, put_away
from studiolo.tasks.meanwhile import made, meanwhile
from studiolo.web import bodies
from studiolo.web.access import Caller, Commenter, Here, hand_on
from studiolo.web.account import shown as participant_shown
from studiolo.web.answers import Json
from studiolo.web.asking import begin, followed, seen
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["inbox"])

Kind = Literal["suggestion", "stale", "question", "run", "waits", "task", "audit"]
MOST = 200


@router.get("/inbox")
async def inbox(
    who: Caller,
    studio: Here,
    canvas: Annotated[str | None, Query(max_length=100)] = None,
    kind: Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    after: Annotated[str | None, Query(max_length=300)] = None,
) -> Json:
    """What waits for the caller, what needs them most first. `next`, given as `after`, goes on where this ends."""
    canvases, readers = await _readers(studio, who)
    entries = await studio.inbox.entries(readers)
    chosen = [entry for entry in entries if canvas in (None, entry.canvas) and kind in (None, entry.kind)]
    waits = [entry for entry in entries if entry.waits]
    rest = [entry for entry in chosen if entry.key > _read(after)] if after else chosen
    page = rest[:limit]
    items = await studio.inbox.shown(page)
    for item in items:
        about = canvases[item["canvas"]]
        item["canvas"] = {"id": about["id"], "title": about["title"], "role": about["role"]}
    return Json(
        {
            "items": items,
            "next": _written(page[-1]) if len(rest) > limit else None,
            "count": len(waits),
            "kinds": Counter(entry.kind for entry in waits),
            "canvases": [
                {"id": id, "title": canvases[id]["title"], "count": number}
                for id, number in Counter(entry.canvas for entry in waits).most_common()
            ],
        }
    )


@router.get("/inbox/count")
async def count(who: Caller, studio: Here) -> Json:
    """How much waits for the caller."""
    _, readers = await _readers(studio, who)
    kinds = await studio.inbox.counts(readers)
    return Json({"count": sum(kinds.values()), "kinds": kinds})


@router.get("/inbox/events", response_class=StreamingResponse)
async def events(who: Caller, studio: Here, request: Request) -> StreamingResponse:
    """Server-sent events `changed` {canvas}: something else may wait for the caller there now. They may come without
    a cause, and what happened before the connection was made is not told: look once it is open. `task` {task}: a task
    that the caller began waits for an answer, is done, or has failed."""

    return followed(request, studio, "", _changes(studio, who))


@router.post("/canvases/{canvas}/suggestions/{suggestion}/redo", status_code=202)
async def redo_suggestion(
    suggestion: str, body: bodies.Redo, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None
) -> Json:
    """Ask the agent to make its suggestion anew, for the passage as it reads now, as it was asked the first time. What
    it makes replaces the old one. Follow the run that is named."""

    async def meant(room: Room) -> Ask:
        record = room.canvas.suggestions.get(suggestion)
        run = None
        if record is not None and record.run:
            try:
                run = await studio.runs.find(record.run)
            except NotFound:
                run = None
            if run is not None and run["canvas"] != seat.canvas:  # whoever suggests says which run it was
                run = None
        ask = redo(room.canvas, suggestion, run, studio.personas)
        known = {info.name for info in studio.models.list() if info.ready}
        ask.model = body.model or (record.model if record is not None and record.model in known else None)
        return ask

    asked = {"redo": suggestion, **body.model_dump(exclude_none=True)}
    return await begin(studio, seat, idempotency_key, asked, meant)


@router.post("/runs/{run}/again", status_code=202)
async def run_again(
    run: str, body: bodies.Redo, who: Caller, studio: Here, idempotency_key: IdempotencyKey = None
) -> Json:
    """Ask an agent once more what it was asked in a run, and put that run away if it failed."""
    seat, found = await seen(studio, who, run)
    if not seat.participant.may("commenter"):
        raise Forbidden("This needs the role commenter.", "Ask an owner of the canvas for that role.")

    async def meant(room: Room) -> Ask:
        ask = again(room.canvas, found)
        known = {info.name for info in studio.models.list() if info.ready}
        ask.model = body.model or (found["model"] if found["model"] in known else None)
        return ask

    answer = await begin(studio, seat, idempotency_key, {"again": run, **body.model_dump(exclude_none=True)}, meant)
    if answer.status_code == 202 and found["by"]["id"] == seat.participant.id:
        await _put_away(studio, found, away=True)
    return answer


@router.post("/runs/{run}/dismiss")
async def dismiss(run: str, body: bodies.Dismiss, who: Caller, studio: Here) -> Json:
    """Put a failed run of one's own out of the inbox, or back into it."""
    seat, found = await seen(studio, who, run)
    if found["by"]["id"] != seat.participant.id:
        raise Forbidden("Somebody else asked for this.", "It waits in their inbox, not in yours.")
    if found["state"] != "failed":
        raise Invalid("The run has not failed.", "Only failed runs wait in the inbox.")
    await _put_away(studio, found, away=body.away)
    return Json({"run": run, "away": body.away})


@router.post("/tasks/{task}/dismiss")
async def dismiss_task(task: str, body: bodies.Dismiss, who: Caller, studio: Here) -> Json:
    """Put a task of one's own that has ended out of the inbox, or back into it."""
    found = await studio.tasks.get(task)
    seat = await hand_on(studio, who, found.canvas, found.by, "see", "task")
    if found.by["id"] != seat.participant.id:
        raise Forbidden("Somebody else began this task.", "It is in their inbox, not in yours.")
    if not found.ended:
        raise Invalid("The task is not over.", "Answer it, or cancel it.")
    await put_away(studio.store, seat.participant.id, seat.canvas, item_of(task, found.leg), away=body.away)
    studio.rooms.ring(seat.canvas)
    return Json({"task": task, "away": body.away})


@router.get("/tasks/{task}/results")
async def results(task: str, who: Caller, studio: Here) -> Json:
    """What a task made: `made`, counted by page, and of what still waits (`items`, as in the inbox) whether the text
    around it is as the task had read it, or who changed what since it began."""
    found = await studio.tasks.get(task)
    seat = await hand_on(studio, who, found.canvas, found.by, "see", "task")
    room = await studio.rooms.get(seat.canvas)
    items = await meanwhile(room.canvas, await studio.inbox.made_by(task, room), found, studio.histories)
    hands = sorted({by for item in items for change in item["changes"] for by in change["by"] if by})
    people = [await studio.people.participant(id) for id in hands]
    names = {one.id: participant_shown(one) for one in people if one is not None}
    return Json({"task": task, "made": made(room.canvas, found.results), "items": items, "participants": names})


async def _put_away(studio: Studio, run: dict[str, Any], away: bool) -> None:
    if run["state"] == "failed":
        kept = {name: value for name, value in run.items() if name != "dismissed"}
        await studio.store.save_run(kept | ({"dismissed": studio.store.clock()} if away else {}))


async def _readers(studio: Studio, who: Who) -> tuple[dict[str, dict[str, Any]], dict[str, Reader]]:
    """The canvases that the caller may see, and who they are in each."""
    canvases = {canvas["id"]: canvas for canvas in await studio.people.canvases(who)}
    me = who.participant
    return canvases, {id: Reader(me.id, me.name, canvas["role"]) for id, canvas in canvases.items()}


async def _changes(studio: Studio, who: Who) -> AsyncIterator[dict[str, Any]]:
    with studio.rooms.bell.listening(who.participant.id) as listener:
        yield {"type": "listening"}
        while True:
            rung, calls = await listener.rung()
            visible = {canvas["id"] for canvas in await studio.people.canvases(who)}
            for canvas in sorted(rung):
                # One that is gone is told to everybody: its id says nothing, and its items must leave the screen.
                if canvas in visible or not await _is_there(studio, canvas):
                    yield {"type": "changed", "canvas": canvas}
            for call in calls:
                if call.get("canvas") in visible:
                    yield call


async def _is_there(studio: Studio, canvas: str) -> bool:
    return bool(await studio.store.list_canvases([canvas]))


def _written(entry: Entry) -> str:
    lead, since, canvas, group, below, score, at, id = entry.key
    return "~".join((str(lead), repr(since), canvas, group, str(int(below)), str(score), repr(at), id))


def _read(after: str) -> Key:
    try:
        lead, since, canvas, group, below, score, at, id = after.split("~", 7)
        return int(lead), float(since), canvas, group, bool(int(below)), int(score), float(at), id
    except ValueError:
        raise Invalid("`after` is none that this studio gave.", "Give the `next` of the page before.") from None
