"""The application: its lifespan, its middlewares and its routes in one list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from studiolo import __version__
from studiolo.canvas.actions import Action
from studiolo.settings import Settings
from studiolo.web import (
    account,
    agents,
    agui,
    asking,
    attachments,
    authorship,
    branches,
    canvases,
    failures,
    files,
    frontend,
    history,
    inbox,
    ledger,
    mail,
    policies,
    record,
    rounds,
    schedules,
    sharing,
    system,
    tasks,
    taste,
    tools,
    webhooks,
    welcoming,
)
from studiolo.web.answers import Json
from studiolo.web.guard import BodyLimit, SecurityHeaders
from studiolo.web.mcp import Door
from studiolo.web.studio import Studio
from studiolo.web.sync import sync
from studiolo.web.telemetry import Telemetry

ACTIONS: TypeAdapter[Any] = TypeAdapter(Action)


class App(FastAPI):
    """FastAPI whose security headers are on every answer, also on the one that its outermost layer gives to a fault."""

    def build_middleware_stack(self) -> ASGIApp:
        return Telemetry(SecurityHeaders(super().build_middleware_stack()))


def create_app(settings: Settings) -> FastAPI:
    """The whole studio as one ASGI application; its lifespan opens and closes everything it needs."""

    door = Door()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            studio = await Studio.open(settings)
        except Exception as error:
            app.state.failure = error  # the server only learns that startup failed; the command line says why
            raise
        app.state.studio = studio
        try:
            yield
        finally:
            await door.close()
            await studio.close()

    app = App(
        title="Studiolo",
        version=__version__,
        description="A canvas on which people and AI agents make things together. Errors are always "
        '`{"error": {"code", "message", "hint"}}`; send an API token as `Authorization: Bearer ...`.',
        openapi_url="/api/openapi.json",
        docs_url=None,  # the stock page loads scripts from a foreign host
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        default_response_class=Json,
    )
    failures.install(app)
    app.add_middleware(BodyLimit)
    app.router.routes.append(WebSocketRoute("/sync/{canvas}", sync))
    app.router.routes.append(Route("/mcp", door))
    for part in (
        system,
        account,
        agents,
        agui,
        files,
        canvases,
        sharing,
        asking,
        attachments,
        authorship,
        branches,
        history,
        inbox,
        ledger,
        mail,
        record,
        rounds,
        schedules,
        policies,
        tasks,
        taste,
        tools,
        webhooks,
        welcoming,
        frontend,
    ):
        app.include_router(part.router)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    return app


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the actions as the canvas defines them. Made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        actions = ACTIONS.json_schema(ref_template="#/components/schemas/{model}")
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(actions.pop("$defs"))
        schemas["Action"] = {"title": "Action", "description": "One thing done to a canvas.", **actions}
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"token": []}]
        app.openapi_schema = made
    return app.openapi_schema
