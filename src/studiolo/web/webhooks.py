"""Webhooks: who is told of what happens at a canvas, or at all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from studiolo.addresses import LONGEST_URL
from studiolo.canvas.errors import Forbidden
from studiolo.people import Who
from studiolo.web.access import Caller, Here, Owner, studio_role
from studiolo.web.answers import Json
from studiolo.web.studio import Studio
from studiolo.webhooks import Hook
from studiolo.webhooks.hooks import EVERYWHERE
from studiolo.webhooks.targets import check_reachable

router = APIRouter(prefix="/api", tags=["webhooks"])


class NewWebhook(BaseModel):
    """Where to send events, and of which kinds."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(max_length=LONGEST_URL)
    events: list[Literal["suggestion", "decision", "comment", "task"]] = Field(
        default_factory=lambda: ["suggestion", "decision"], min_length=1
    )


async def studio_owner(who: Caller, studio: Here) -> Who:
    """Dependency: an owner of the whole studio."""
    if await studio_role(studio, who) != "owner":
        raise Forbidden("Webhooks of all canvases are for owners of the studio.", "Make one for a canvas of yours.")
    return who


StudioOwner = Annotated[Who, Depends(studio_owner)]


@router.get("/canvases/{canvas}/webhooks")
async def listing(seat: Owner, studio: Here) -> Json:
    """The webhooks of a canvas, without their secrets."""
    return await _listed(studio, seat.canvas)


@router.post("/canvases/{canvas}/webhooks", status_code=201)
async def make(body: NewWebhook, seat: Owner, studio: Here) -> Json:
    """Make a webhook. The answer has the secret that its events are signed with, which is shown only now."""
    return await _made(studio, seat.canvas, body, seat.participant.id)


@router.post("/canvases/{canvas}/webhooks/{webhook}/test")
async def test(webhook: str, seat: Owner, studio: Here) -> Json:
    """Send an event of type `ping` and say how it went."""
    return await _pinged(studio, await studio.hooks.get(seat.canvas, webhook))


@router.get("/canvases/{canvas}/webhooks/{webhook}/deliveries")
async def deliveries(webhook: str, seat: Owner, studio: Here) -> Json:
    """What was sent last, the newest first, and how much of the ledger is still to be looked at."""
    return Json(await studio.hooks.recent(await studio.hooks.get(seat.canvas, webhook)))


@router.delete("/canvases/{canvas}/webhooks/{webhook}", status_code=204)
async def delete(webhook: str, seat: Owner, studio: Here) -> Response:
    """Send nothing more to it."""
    await studio.hooks.delete(seat.canvas, webhook)
    return Response(status_code=204)


@router.get("/webhooks")
async def listing_everywhere(_who: StudioOwner, studio: Here) -> Json:
    """The webhooks that are told of all canvases."""
    return await _listed(studio, EVERYWHERE)


@router.post("/webhooks", status_code=201)
async def make_everywhere(body: NewWebhook, who: StudioOwner, studio: Here) -> Json:
    """Make a webhook that is told of all canvases, also of those to come."""
    return await _made(studio, EVERYWHERE, body, who.participant.id)


@router.post("/webhooks/{webhook}/test")
async def test_everywhere(webhook: str, _who: StudioOwner, studio: Here) -> Json:
    """Send an event of type `ping` and say how it went."""
    return await _pinged(studio, await studio.hooks.get(EVERYWHERE, webhook))


@router.get("/webhooks/{webhook}/deliveries")
async def deliveries_everywhere(webhook: str, _who: StudioOwner, studio: Here) -> Json:
    """What was sent last, the newest first."""
    return Json(await studio.hooks.recent(await studio.hooks.get(EVERYWHERE, webhook)))


@router.delete("/webhooks/{webhook}", status_code=204)
async def delete_everywhere(webhook: str, _who: StudioOwner, studio: Here) -> Response:
    """Send nothing more to it."""
    await studio.hooks.delete(EVERYWHERE, webhook)
    return Response(status_code=204)


async def _listed(studio: Studio, canvas: str) -> Json:
    return Json({"webhooks": [hook.as_dict() for hook in await studio.hooks.of(canvas)]})


async def _made(studio: Studio, canvas: str, body: NewWebhook, by: str) -> Json:
    await check_reachable(body.url, studio.sender.allowed)
    hook = await studio.hooks.make(canvas, body.url, body.events, by)
    studio.courier.look()
    return Json({**hook.as_dict(), "secret": hook.secret}, status_code=201)


async def _pinged(studio: Studio, hook: Hook) -> Json:
    answer = await studio.courier.ping(hook)
    return Json({"delivered": answer.taken, "answer": answer.said})
