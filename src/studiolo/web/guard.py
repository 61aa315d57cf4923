"""What is checked and added around every request: body size, security headers, the content security policy."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studiolo.canvas.errors import Forbidden
from studiolo.web.failures import answer, too_large

TEXT_LIMIT = 8 * 2**20
IMPORT_LIMIT = 32 * 2**20
FILE_LIMIT = 51 * 2**20  # a file beside the pages, with the form around it; it is kept on the disk while it arrives
# A client that is still sending does not read an answer, so a body somewhat over the limit is read and dropped.
DRAIN_LIMIT = 128 * 2**20

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")

PLAIN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it browsers send `Origin: null` on some same-origin requests.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def content_security_policy(host: str) -> str:
    """The page's policy: its own scripts only; style attributes are needed by the editor; sockets to this host only.

    Remote images are refused, because an image address in a text written by an agent could carry the text away.
    """
    sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )


def same_origin(headers: Headers) -> bool:
    """Whether the `Origin` header names the host that was asked. The scheme is left out: a proxy may end TLS."""
    origin = headers.get("origin", "")
    return "://" in origin and origin.split("://", 1)[1].lower() == headers.get("host", "").lower()


def refuse_foreign_origin(headers: Headers, required: bool) -> None:
    """Raise `Forbidden` for a request another site made the browser send. `required`: no `Origin` is also refused."""
    if ("origin" in headers or required) and not same_origin(headers):
        raise Forbidden(
            "This request does not come from the studio's own page.",
            "Open the studio in the browser, or use an API token instead of the cookie.",
        )


class SecurityHeaders:
    """Adds the headers to every response that has not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in PLAIN_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", content_security_policy(host))
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuses bodies over the limit with 413, by their declared length or while they arrive."""

    def __init__(self, app: ASGIApp, text: int = TEXT_LIMIT, imports: int = IMPORT_LIMIT) -> None:
        self.app, self.text, self.imports = app, text, imports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        limit = self.imports if path.endswith("/import") else self.text
        if path.endswith("/attachments"):
            limit = FILE_LIMIT
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            if int(length) <= DRAIN_LIMIT:
                while (await receive()).get("more_body"):
                    pass
            await answer(too_large(limit))(scope, receive, send)
            return
        seen = 0

        async def receive_within() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                # FastAPI lets only HTTP exceptions through while it reads a body.
                raise HTTPException(413) from too_large(limit)
            return message

        await self.app(scope, receive_within, send)
