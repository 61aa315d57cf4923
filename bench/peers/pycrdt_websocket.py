"""pycrdt-websocket as its documentation serves it: an ASGI application. It runs in an environment of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pycrdt.websocket import ASGIServer, WebsocketServer  # pyright: ignore[reportMissingImports]

rooms = WebsocketServer()
serve = ASGIServer(rooms)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The application; the server of rooms runs as long as the process."""
    if scope["type"] == "lifespan":
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            await stack.enter_async_context(_running())
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await serve(scope, receive, send)


@contextlib.asynccontextmanager
async def _running() -> AsyncIterator[None]:
    async with rooms:
        yield
