"""Mail: where one is written to and about what, and the links that mails have."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from studiolo.canvas.errors import Forbidden, NotFound
from studiolo.people import Who
from studiolo.people.mail import ABOUT
from studiolo.web.access import Caller, Here
from studiolo.web.answers import Json
from studiolo.web.bodies import Body
from studiolo.web.studio import Studio

router = APIRouter(tags=["account"])

Of = Annotated[str, Query(max_length=100)]
Token = Annotated[str, Query(max_length=100)]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ background: light-dark(#fdfcfa, #16171a); color: light-dark(#1f2023, #e6e4df); }}
a {{ color: light-dark(#1d5fb8, #82b4ff); }}
main {{ max-width: 30rem; margin: 15vh auto; padding: 0 1.5rem; font: 1rem/1.55 system-ui, sans-serif; }}
h1 {{ font: 600 1.9rem/1.2 Georgia, serif; overflow-wrap: anywhere; }}
p {{ overflow-wrap: anywhere; }}
button {{ min-height: 2.75rem; padding: 0 1.1rem; font: inherit; font-weight: 550; cursor: pointer; }}
</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{form}<p><a href="/">Open the studio</a></p></main></body></html>"""
FORM = '<form method="post" action="/api/mail/{purpose}?of={of}&amp;token={token}"><button>{button}</button></form>'


class WantedMail(Body):
    """Where one wants to be written to, about what of one's tasks, and whether with more than titles."""

    address: str = Field(min_length=3, max_length=320)
    about: list[Literal["waiting", "done", "failed"]] = Field(default_factory=lambda: list(ABOUT), max_length=3)
    detail: Literal["titles", "more"] = "titles"


@router.get("/api/me/mail")
async def mine(who: Caller, studio: Here) -> Json:
    """Where the caller is written to: `mailbox`, null for nowhere; `available`: whether this studio sends mail."""
    _themselves(who)
    return await _mine(studio, who)


@router.put("/api/me/mail")
async def set_mine(body: WantedMail, who: Caller, studio: Here) -> Json:
    """Say where, and about what. A new address is sent a link, and nothing else until that is followed."""
    _themselves(who)
    box, unconfirmed = await studio.mailboxes.set(who.participant.id, body.address, list(body.about), body.detail)
    if unconfirmed:
        await studio.post.ask(box)
    return await _mine(studio, who)


@router.post("/api/me/mail/confirm", status_code=202)
async def ask_again(who: Caller, studio: Here) -> Json:
    """Send the link that confirms the address once more."""
    _themselves(who)
    box = await studio.mailboxes.get(who.participant.id)
    if box is None:
        raise NotFound("There is no address yet.", "PUT one first.")
    await studio.post.ask(box)
    return Json({"sent": True}, status_code=202)


@router.delete("/api/me/mail", status_code=204)
async def forget_mine(who: Caller, studio: Here) -> Response:
    """Write no more, and forget the address."""
    _themselves(who)
    await studio.mailboxes.forget(who.participant.id)
    return Response(status_code=204)


# A mail's links are opened by programs, too, that look for what is dangerous: so a link asks, and a button does it.


@router.get("/mail/confirm", include_in_schema=False)
async def confirm_page(of: Of, token: Token, studio: Here) -> HTMLResponse:
    if not await studio.mailboxes.works(of, token, "confirm"):
        return _old()
    return _page("Confirm your address", "News of your tasks will be sent to it.", "confirm", of, token, "Confirm")


@router.get("/mail/end", include_in_schema=False)
async def end_page(of: Of, token: Token, studio: Here) -> HTMLResponse:
    if not await studio.mailboxes.works(of, token, "end"):
        return _old()
    return _page("No more mails", "Nothing will be sent to your address any more.", "end", of, token, "No more mails")


@router.post("/api/mail/confirm")
async def confirm(of: Of, token: Token, studio: Here) -> HTMLResponse:
    """What the link of a mail that asks for a confirmation leads to; no token of the API is needed."""
    box = await studio.mailboxes.confirm(of, token)
    return _page("Confirmed", f"News of your tasks will be sent to {box.address}.")


@router.post("/api/mail/end")
async def end(of: Of, token: Token, studio: Here) -> HTMLResponse:
    """What the link that ends mails leads to, also with one click (RFC 8058); no token of the API is needed."""
    await studio.mailboxes.end(of, token)
    return _page("No more mails", "Your address was forgotten.")


def _page(
    title: str, text: str, purpose: str = "", of: str = "", token: str = "", button: str = "", status: int = 200
) -> HTMLResponse:
    form = ""
    if purpose:
        form = FORM.format(purpose=purpose, of=quote(of, safe=""), token=quote(token, safe=""), button=escape(button))
    return HTMLResponse(
        PAGE.format(title=escape(title), text=escape(text), form=form),
        status,
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


def _old() -> HTMLResponse:
    text = "The address was forgotten, or set again since then. What is so now stands in the studio, at “News by mail”."
    return _page("This link does not work any more", text, status=404)


def _themselves(who: Who) -> None:
    """Mail tells of all that a person does, so a token that gives less than they have does not say where it goes."""
    if who.participant.kind != "person":
        raise Forbidden("Agents get no mail.", "A webhook tells a program.")
    whole = who.via == "session" or (who.token_canvas == "*" and who.token_role == who.participant.role)
    if not whole:
        raise Forbidden("This token may not say where mail goes.", "Sign in, or use a token with all that you may do.")


async def _mine(studio: Studio, who: Who) -> Json:
    box = await studio.mailboxes.get(who.participant.id)
    shown: dict[str, Any] = {"available": studio.post.available, "mailbox": box.as_dict() if box else None}
    return Json(shown)
