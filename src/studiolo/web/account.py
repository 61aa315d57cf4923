"""Signing in and out, and who one is. A browser keeps a session cookie; programs send API tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from studiolo.canvas import Participant
from studiolo.canvas.errors import NotFound
from studiolo.web import bodies
from studiolo.web.access import COOKIE, Caller, Here, identify, set_cookie, studio_role
from studiolo.web.guard import refuse_foreign_origin

router = APIRouter(prefix="/api", tags=["account"])


def shown(participant: Participant) -> dict[str, str]:
    """A participant without the role, which depends on the canvas."""
    return {key: value for key, value in participant.as_dict().items() if key != "role"}


@router.get("/me")
async def me(who: Caller, studio: Here) -> dict[str, Any]:
    """The caller, and their role in the whole studio (null for a guest of single canvases)."""
    return {"participant": shown(who.participant), "role": await studio_role(studio, who)}


@router.patch("/me")
async def change_me(body: bodies.Me, who: Caller, studio: Here) -> dict[str, Any]:
    """Change one's name or colour, as others see them from now on."""
    changed = await studio.people.rename(who.participant.id, body.name, body.color)
    studio.rooms.rename(changed)
    return {"participant": shown(changed), "role": await studio_role(studio, who)}


@router.get("/setup")
async def setup_state(setup: str, studio: Here) -> dict[str, bool]:
    """Whether a setup link is good, and whether it will ask for a name (the first time)."""
    state = await studio.people.setup_state(setup)
    return {"valid": state.valid, "needs_name": state.needs_name}


@router.post("/setup")
async def setup(body: bodies.Setup, request: Request, response: Response, studio: Here) -> dict[str, Any]:
    """Sign in as the studio's owner with the link printed at start; the first time, become the owner."""
    refuse_foreign_origin(request.headers, required=False)
    owner = await studio.people.claim_setup(body.setup, body.name)
    set_cookie(request, response, await studio.people.session(owner))
    return {"participant": shown(owner)}


@router.get("/join/{token}")
async def invitation(token: str, request: Request, studio: Here) -> dict[str, Any]:
    """What a share link leads to, before joining."""
    share = await studio.people.invitation(token)
    if share is None:
        raise NotFound("This link does not work any more.", "Ask whoever sent it for a new one.")
    room = await studio.rooms.get(share.canvas)
    return {
        "canvas": {"id": share.canvas, "title": room.canvas.title},
        "role": share.role,
        "signed_in": await identify(request) is not None,
    }


@router.post("/join")
async def join(body: bodies.Join, request: Request, response: Response, studio: Here) -> dict[str, Any]:
    """Take a share link: a signed-in person gains its role on the canvas, anybody else becomes a guest."""
    refuse_foreign_origin(request.headers, required=False)
    who = await identify(request)
    joined = await studio.people.join(body.token, body.name or "", who.participant if who else None)
    if who is None:
        set_cookie(request, response, await studio.people.session(joined.participant))
    return {"canvas": joined.canvas, "participant": shown(joined.participant), "role": joined.role}


@router.post("/signout")
async def sign_out(request: Request, response: Response, studio: Here) -> dict[str, bool]:
    """Forget this browser's session."""
    refuse_foreign_origin(request.headers, required=False)
    if cookie := request.cookies.get(COOKIE):
        await studio.people.sign_out(cookie)
    response.delete_cookie(COOKIE, path="/")
    return {"signed_out": True}
