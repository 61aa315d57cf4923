"""Who is at a canvas, the links that invite others, and the tokens by which other programs' agents come in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.people import secret_id
from studiolo.web import bodies
from studiolo.web.access import Here, Owner, Seat, Viewer

router = APIRouter(prefix="/api/canvases/{canvas}", tags=["sharing"])


@router.post("/shares", status_code=201)
async def share(body: bodies.Share, request: Request, seat: Owner, studio: Here) -> dict[str, Any]:
    """Make a link that lets others in with a role. The link is shown once: only its hash is kept."""
    _only_a_person(seat)
    token = await studio.people.share(seat.canvas, body.role, seat.participant, body.days)
    url = f"{request.url.scheme}://{request.url.netloc}/join/{token}"
    return {"id": secret_id(token), "url": url, "role": body.role}


@router.get("/shares")
async def shares(seat: Owner, studio: Here) -> dict[str, Any]:
    """The links that are still good."""
    return {"shares": [share.as_dict() for share in await studio.people.shares(seat.canvas)]}


@router.delete("/shares/{share}", status_code=204)
async def unshare(share: str, seat: Owner, studio: Here) -> Response:
    """Take a link back: nobody joins by it any more, and those who did leave now."""
    for participant in await studio.people.revoke(share, seat.canvas):
        studio.rooms.evict(participant, seat.canvas)
    return Response(status_code=204)


@router.post("/tokens", status_code=201)
async def connect(body: bodies.Connect, seat: Owner, studio: Here) -> dict[str, Any]:
    """Make a token for an agent of another program, which comes in with it by MCP or HTTP under its own name. The token
    is shown once: only its hash is kept."""
    _only_a_person(seat)
    token = await studio.people.create_token(body.role, body.name, seat.canvas, body.days, kind="agent")
    return {"id": secret_id(token), "token": token, "name": body.name, "role": body.role}


@router.get("/tokens")
async def tokens(seat: Owner, studio: Here) -> dict[str, Any]:
    """The tokens for this canvas that are still good, without the tokens themselves."""
    found = await studio.people.tokens()
    return {"tokens": [token.as_dict() for token in found if token.canvas == seat.canvas]}


@router.delete("/tokens/{token}", status_code=204)
async def disconnect(token: str, seat: Owner, studio: Here) -> Response:
    """Take a token of this canvas back: whoever came with it leaves now."""
    if not any(one.id == token and one.canvas == seat.canvas for one in await studio.people.tokens()):
        raise NotFound("There is no such token.", "It may have been taken back already.")
    for participant in await studio.people.revoke(token, seat.canvas):
        studio.rooms.evict(participant, seat.canvas)
    return Response(status_code=204)


@router.get("/members")
async def members(seat: Viewer, studio: Here) -> dict[str, Any]:
    """Everybody who holds a role on this canvas, the highest first."""
    return {"members": [member.as_dict() for member in await studio.people.members(seat.canvas)]}


def _only_a_person(seat: Seat) -> None:
    if seat.participant.kind != "person":
        raise Forbidden("Only a person can let others in.", "Ask an owner of the canvas.")
