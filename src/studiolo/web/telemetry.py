"""What is noted around every request: its id, which route it took, how it ended and how long that took."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studiolo import metrics
from studiolo.web.logs import REQUEST

log = logging.getLogger("studiolo.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOWHERE = "(none)"


class Telemetry:
    """Outermost of all. It sees no body, and of an address only the pattern of its route: the rest may be a secret."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        REQUEST.set(request)
        began = time.perf_counter()
        if scope["type"] == "websocket":
            try:
                await self.app(scope, receive, send)
            finally:
                self._note(scope, "WEBSOCKET", None, time.perf_counter() - began)
            return
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        status = 500  # what the server answers for an application that does not

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request
                metrics.ANSWER_SECONDS.labels(method, route(scope)).observe(time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            metrics.REQUESTS.labels(method, route(scope), status).inc()
            self._note(scope, method, status, time.perf_counter() - began)

    @staticmethod
    def _note(scope: Scope, method: str, status: int | None, seconds: float) -> None:
        if not log.isEnabledFor(logging.DEBUG):
            return
        client, known = scope.get("client"), scope.get("state", {})
        log.debug(
            "answered" if status else "left",
            extra={
                "method": method,
                "route": route(scope),
                "status": status,
                "code": known.get("code"),
                "seconds": round(seconds, 4),
                "canvas": known.get("canvas"),
                "participant": known.get("participant"),
                "client": client[0] if client else None,
            },
        )


def route(scope: Scope) -> str:
    """The pattern that the address fitted."""
    if scope["type"] == "websocket":  # Starlette does not say
        return "/sync/{canvas}" if "path_params" in scope else NOWHERE
    return getattr(scope.get("route"), "path", NOWHERE)
