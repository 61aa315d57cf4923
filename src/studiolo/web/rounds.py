"""Rounds over HTTP: several agents at one thing, which people begin, change, pause and stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from studiolo.agents import place as places
from studiolo.agents.recipes import LONGEST_INSTRUCTION, MOST_TURNS, RECIPES, Turn, recipe
from studiolo.canvas.actions import Text
from studiolo.canvas.errors import Forbidden, Invalid, NotFound, StudioloError
from studiolo.people import Who
from studiolo.web.access import Caller, Commenter, Here, Seat, Viewer, seat_at
from studiolo.web.answers import Json
from studiolo.web.asking import check_theirs, followed, may_use
from studiolo.web.canvases import IdempotencyKey
from studiolo.web.repeats import Keep
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["agents"])

LONGEST = 6_000  # characters of what is asked


class TurnBody(BaseModel):
    """One agent's part. With the `id` of a turn that has not begun it is that turn, otherwise a new one."""

    model_config = ConfigDict(extra="forbid")
    id: str | None = Field(default=None, max_length=100)
    agent: str = Field(max_length=100)
    do: Literal["draft", "alternative", "critique", "revise", "polish", "check", "other"]
    instruction: Text = Field(default="", max_length=LONGEST_INSTRUCTION)

    def turn(self) -> Turn:
        return Turn(self.agent, self.do, self.instruction)


class RoundBody(BaseModel):
    """A round: a recipe by its id, or turns; and where."""

    model_config = ConfigDict(extra="forbid")
    recipe: str | None = Field(default=None, max_length=100)
    name: str = Field(default="", max_length=100)
    turns: list[TurnBody] | None = Field(default=None, min_length=1, max_length=MOST_TURNS)
    prompt: Text = Field(default="", max_length=LONGEST)
    page: str | None = None
    quote: str | None = Field(default=None, max_length=2_000_000)
    before: str = Field(default="", max_length=2_000)
    after: str = Field(default="", max_length=2_000)
    start: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    model: str | None = Field(default=None, max_length=200)


class ArrangeBody(BaseModel):
    """The turns that are still to come, in order."""

    model_config = ConfigDict(extra="forbid")
    turns: list[TurnBody] = Field(max_length=MOST_TURNS)


class SayBody(BaseModel):
    """What the turns to come are to know."""

    model_config = ConfigDict(extra="forbid")
    text: Text = Field(min_length=1, max_length=4_000)


@router.get("/recipes")
async def recipes(_who: Caller) -> Json:
    """The rounds that can be begun by name."""
    return Json({"recipes": [one.as_dict() for one in RECIPES]})


@router.post("/canvases/{canvas}/rounds", status_code=202)
async def begin(body: RoundBody, seat: Commenter, studio: Here, idempotency_key: IdempotencyKey = None) -> Json:
    """Begin a round; each of its turns is a run. Answers with the round."""
    known = recipe(body.recipe) if body.recipe else None
    if body.recipe and known is None:
        raise NotFound("There is no such recipe.", "GET /api/recipes lists them; or send `turns`.")
    if body.turns is None and known is None:
        raise Invalid("Neither a recipe nor turns were given.", "Send one of both.")
    turns = [turn.turn() for turn in body.turns] if body.turns else list(known.turns if known else ())

    async def work(keep: Keep | None) -> dict[str, Any]:
        await may_use(studio, seat.who, body.model)
        room = await studio.rooms.get(seat.canvas)
        where = places.asked(room.canvas, body.page, body.quote, body.before, body.after, body.start, body.end)
        place: dict[str, Any] = {}
        if where is not None:
            place = {"page": where.page}
            if where.chosen:
                # Its positions move with the text until its turn comes.
                place |= {"quote": where.selection, "start": where.anchor.start, "end": where.anchor.end}
                place |= {"before": where.anchor.before, "after": where.anchor.after}
        await studio.meet_agents()
        round = await studio.rounds.begin(
            room,
            seat.participant,
            name=body.name or (known.name if known else "Round"),
            turns=turns,
            prompt=body.prompt.strip(),
            place=place,
            model=body.model,
        )
        if keep:
            answer = keep(round)
            with suppress(StudioloError):  # it has begun, and saying otherwise would have it begun twice
                await studio.store.remember(answer.key, seat.participant.id, seat.canvas, answer.response)
        return round

    asked = body.model_dump(exclude_unset=True)
    status, answer = await studio.repeats.once(idempotency_key, seat.participant.id, seat.canvas, asked, work)
    return Json(answer, status_code=202 if status == 200 else status)


@router.get("/canvases/{canvas}/rounds")
async def rounds(seat: Viewer, studio: Here) -> Json:
    """The rounds of a canvas, the newest first."""
    return Json({"rounds": await studio.rounds.of_canvas(seat.canvas)})


@router.get("/rounds/{round}")
async def one(round: str, who: Caller, studio: Here) -> Json:
    """A round: its turns, and what came of each."""
    _, found = await _seen(studio, who, round)
    return Json(found)


@router.get("/rounds/{round}/events", response_class=StreamingResponse)
async def events(round: str, who: Caller, studio: Here, request: Request) -> StreamingResponse:
    """The round whenever it changes, as server-sent events, until it ends."""
    seat, _ = await _seen(studio, who, round)
    return followed(request, studio, seat.canvas, studio.rounds.watch(round))


@router.post("/rounds/{round}/pause")
async def pause(round: str, who: Caller, studio: Here) -> Json:
    """Begin no more turns; the one under way goes to its end."""
    return await _change(studio, who, round, lambda _: studio.rounds.pause(round))


@router.post("/rounds/{round}/resume")
async def resume(round: str, who: Caller, studio: Here) -> Json:
    """Go on; a turn that failed is begun again."""
    await studio.meet_agents()
    return await _change(studio, who, round, lambda _: studio.rounds.resume(round))


@router.post("/rounds/{round}/stop")
async def stop(round: str, who: Caller, studio: Here) -> Json:
    """End it, and the turn under way. What was proposed and said stays."""
    return await _change(studio, who, round, lambda _: studio.rounds.stop(round))


@router.post("/rounds/{round}/say")
async def say(body: SayBody, round: str, who: Caller, studio: Here) -> Json:
    """Say something that the turns to come read."""
    return await _change(studio, who, round, lambda seat: studio.rounds.say(round, seat.participant, body.text.strip()))


@router.patch("/rounds/{round}/turns")
async def arrange(body: ArrangeBody, round: str, who: Caller, studio: Here) -> Json:
    """Add, take out, change and reorder the turns that have not begun."""
    turns = [(turn.id, turn.turn()) for turn in body.turns]
    return await _change(studio, who, round, lambda _: studio.rounds.arrange(round, turns))


async def _seen(studio: Studio, who: Who, round: str) -> tuple[Seat, dict[str, Any]]:
    """The caller's seat at the round's canvas, and the round. One of a canvas that one may not see is not there."""
    found = await studio.rounds.get(round)
    try:
        return await seat_at(studio, who, found["canvas"]), found
    except NotFound:
        raise NotFound("There is no such round.", "Rounds are listed with their canvas.") from None


async def _change(studio: Studio, who: Who, round: str, change: Callable[[Seat], Awaitable[dict[str, Any]]]) -> Json:
    """A round is for whoever began it to change, and for editors."""
    seat, found = await _seen(studio, who, round)
    if not seat.participant.may("commenter"):
        raise Forbidden("A viewer may not change a round.", "Ask the canvas's owner for the role commenter.")
    check_theirs(seat.participant, found)
    return Json(await change(seat))
