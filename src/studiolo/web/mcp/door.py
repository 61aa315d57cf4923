"""Who comes in at `/mcp`: a bearer token is asked for, and nothing is said of OAuth.

Clients that are configured with a header ignore it as soon as a server answers OAuth discovery, so there is none. A
cookie does not open this door: a page of another site could make the browser send it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studiolo.canvas.errors import StudioloError, Unauthenticated, Unavailable
from studiolo.web.access import studio_of
from studiolo.web.failures import answer
from studiolo.web.guard import refuse_foreign_origin

if TYPE_CHECKING:
    from studiolo.web.studio import Studio

LARGEST_REQUEST = 4 << 20  # bytes


class Door:
    """The ASGI application at `/mcp`. What speaks MCP is imported and started with the first request."""

    def __init__(self) -> None:
        self._inner: ASGIApp | None = None
        self._opening: asyncio.Lock = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        studio = studio_of(request)
        if request.method != "POST":  # a stream that nothing is ever said on would only be held, also by who may not
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        try:
            refuse_foreign_origin(request.headers, required=False)
            who = await studio.people.who(_bearer(request.headers))
            if who is None:
                raise Unauthenticated(
                    "MCP clients need an API token of this studio.",
                    "An owner makes one with “Connect an agent” in a canvas's Share, or with `studiolo token create`. "
                    "Send it as 'Authorization: Bearer ...'.",
                )
            inner = self._inner or await self._open(studio)
        except StudioloError as error:
            await answer(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["who"] = who
        scope["state"]["participant"] = who.participant.id  # for the log
        await inner(scope, receive, send)

    async def _open(self, studio: Studio) -> ASGIApp:
        async with self._opening:
            if self._inner is None:
                ready: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
                self._keeper = asyncio.create_task(_keep(studio, ready), name="mcp")
                self._inner = await ready
            return self._inner

    async def close(self) -> None:
        """Let everybody out."""
        keeper, self._keeper, self._inner = self._keeper, None, None
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _keep(studio: Studio, ready: asyncio.Future[ASGIApp]) -> None:
    """Hold the server of MCP open: what it began must be ended by the task that began it."""
    try:
        from mcp.server.transport_security import TransportSecuritySettings

        from studiolo.web.mcp.tools import server

        mcp, visitors = await asyncio.to_thread(server, studio)
        inner = mcp.streamable_http_app(
            streamable_http_path="/mcp",
            stateless_http=True,  # any node answers any request
            max_request_body_size=LARGEST_REQUEST,
            # That checks names a browser could be tricked with; here nobody comes in without a token.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        async with mcp.session_manager.run():
            ready.set_result(inner)
            try:
                await asyncio.Event().wait()
            finally:
                visitors.close()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(Unavailable("The door for MCP could not be opened.", "The studio's log says why."))
        if not isinstance(error, asyncio.CancelledError):
            raise


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
