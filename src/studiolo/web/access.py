"""Who is calling, and what they may do here: the one place that decides it for HTTP and websockets.

A bearer token speaks for itself. The session cookie rides along with requests that other sites cause, so with it every
unsafe method and every websocket must name this studio as its `Origin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from studiolo.canvas import Participant
from studiolo.canvas.errors import Forbidden, NotFound, StudioloError, Unauthenticated
from studiolo.canvas.participant import ROLES, Role, rank
from studiolo.people import Who
from studiolo.web.guard import SAFE_METHODS, refuse_foreign_origin
from studiolo.web.studio import Studio

COOKIE = "studiolo_session"
MAKERS: tuple[Role, ...] = ("editor", "owner")
"""The roles in the whole studio that make canvases and choose any model."""
# The longest that browsers allow: when a session ends is for the studio to say, not for the cookie.
COOKIE_SECONDS = 400 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Seat:
    """A caller at one canvas: the participant carries the role held there."""

    who: Who
    canvas: str
    participant: Participant


def studio_of(connection: HTTPConnection) -> Studio:
    """The running studio behind this request."""
    return connection.app.state.studio


async def identify(connection: HTTPConnection) -> Who | None:
    """The caller, or None when no token or cookie is given or it is not (or no longer) good. Raises `Forbidden`."""
    who = await _whose(connection)
    if who is not None:
        connection.state.participant = who.participant.id  # for the log
    return who


async def still_allowed(request: HTTPConnection, canvas: str = "") -> bool:
    """Whether the caller of something that goes on may still see it: what is the studio's, or a canvas's."""
    try:
        who = await identify(request)
        return who is not None and (not canvas or bool(await seat_at(studio_of(request), who, canvas)))
    except (NotFound, Forbidden):
        return False
    except StudioloError:
        return True  # the database is busy; the next look will tell


async def _whose(connection: HTTPConnection) -> Who | None:
    people = studio_of(connection).people
    websocket = connection.scope["type"] == "websocket"
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await people.who(bearer.strip())
    if websocket and (token := connection.query_params.get("token")):
        return await people.who(token)
    cookie = connection.cookies.get(COOKIE)
    if not cookie:
        return None
    if websocket or connection.scope["method"] not in SAFE_METHODS:
        refuse_foreign_origin(connection.headers, required=True)
    return await people.who(cookie)


async def signed_in(request: Request) -> Who:
    """Dependency: the caller. Raises `Unauthenticated`."""
    who = await identify(request)
    if who is None:
        raise Unauthenticated(
            "You are not signed in, or the token is wrong, expired or revoked.",
            "Open the link the studio printed when it started, or send an API token as 'Authorization: Bearer ...'.",
        )
    return who


Caller = Annotated[Who, Depends(signed_in)]
Here = Annotated[Studio, Depends(studio_of)]


async def seat_at(studio: Studio, who: Who, canvas: str, needed: Role = "viewer") -> Seat:
    """The caller at a canvas. Raises `NotFound` for one they may not see, `Forbidden` below the needed role."""
    participant = await studio.people.as_in(who, canvas)
    if participant is None:
        raise NotFound("There is no such canvas.", "Ask for a link to it, or look at your list of canvases.")
    if not participant.may(needed):
        raise Forbidden(
            f"This needs the role {needed}; here you are {participant.role}.",
            "Ask an owner of the canvas for that role.",
        )
    return Seat(who, canvas, participant)


class Needs:
    """Dependency: the caller's seat at the canvas in the path, with at least this role."""

    def __init__(self, role: Role) -> None:
        self.role: Role = role

    async def __call__(self, request: Request, canvas: str, studio: Here) -> Seat:
        seat = await seat_at(studio, await signed_in(request), canvas, self.role)
        request.state.canvas = seat.canvas  # for the log, now that it is known to be one
        return seat


Viewer = Annotated[Seat, Depends(Needs("viewer"))]
Commenter = Annotated[Seat, Depends(Needs("commenter"))]
Editor = Annotated[Seat, Depends(Needs("editor"))]
Owner = Annotated[Seat, Depends(Needs("owner"))]


Hand = Literal["see", "steer", "plan", "own"]
"""What somebody wants with a task or a schedule: look; say something, answer, pause and resume, try again; change what
it will do; end it, or change a schedule."""


async def hand_on(studio: Studio, who: Who, canvas: str, by: Mapping[str, str], hand: Hand, what: str) -> Seat:
    """The caller's seat at the canvas of a task or schedule that is somebody's (`by`: id and role), when this is theirs
    to do. What a plan says is done with the rights of whoever wants it: so nobody with less may change it.

    Raises `NotFound` for one of a canvas that they may not see, `Forbidden` for what is not theirs.
    """
    try:
        seat = await seat_at(studio, who, canvas)
    except NotFound:
        raise NotFound(f"There is no such {what}.", f"A {what} is listed with its canvas.") from None
    if hand == "see":
        return seat
    me = seat.participant
    if not me.may("commenter"):
        raise Forbidden("This needs the role commenter.", "Ask an owner of the canvas for that role.")
    if hand == "steer" or me.id == by["id"]:
        return seat
    if hand == "plan" and rank(me.role) < rank(_role(by)):
        raise Forbidden(
            f"This {what} works with more rights than yours, so its plan is not yours to change.",
            "Say what you would change: it takes that up at its next step. Or ask whoever began it.",
        )
    if hand == "own" and not me.may("editor"):
        raise Forbidden(f"Somebody else made this {what}.", "They, or an editor, can do that.")
    return seat


def _role(by: Mapping[str, str]) -> Role:
    known: dict[str, Role] = {role: role for role in ROLES}
    return known.get(by.get("role", ""), "owner")


async def studio_role(studio: Studio, who: Who) -> Role | None:
    """The caller's role in the whole studio, above any single canvas."""
    return await studio.people.role_in(who, "*")


def set_cookie(request: Request, response: Response, session: str) -> None:
    """Keep the caller signed in on this browser."""
    response.set_cookie(
        COOKIE,
        session,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
