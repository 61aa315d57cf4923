"""What the studio is and how it does: health, readiness, metrics, models, agents."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from studiolo import __version__, metrics
from studiolo.canvas.errors import Forbidden, StudioloError, Unavailable
from studiolo.tasks.task import TaskState
from studiolo.web.access import Caller, Here, signed_in, studio_role
from studiolo.web.studio import Studio

router = APIRouter(prefix="/api", tags=["studio"])
READY_SECONDS = 3.0  # for all that is asked


@router.get("/health")
async def health(studio: Here) -> dict[str, Any]:
    """Whether the studio works, its version and the names of its models. Needs no token."""
    await studio.store.list_canvases([])  # raises when the database does not answer
    return {
        "status": "ok",
        "version": __version__,
        "models": [info.name for info in studio.models.list()],
    }


@router.get("/ready")
async def ready(request: Request, studio: Here) -> dict[str, str]:
    """Whether a load balancer should send clients here: 503 when this node is stopping or cannot reach what it needs.
    Needs no token."""
    if getattr(request.app.state, "draining", False):
        raise Unavailable("This node is stopping.", "Use another node, or come back in a moment.")
    with suppress(StudioloError):  # whether the database answers is told below
        tasks = await studio.tasks.count()
        for state in get_args(TaskState):
            metrics.TASKS.labels(state).set(tasks.get(state, 0))
    for name, up in (await _dependencies(studio)).items():
        if not up:
            raise Unavailable(f"This node cannot reach its {name}.", f"Look at the {name} and the network between.")
    return {"status": "ready"}


async def _dependencies(studio: Studio) -> dict[str, bool]:
    """What this node needs, and whether it answers."""
    database = False
    with suppress(StudioloError, TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            await studio.store.list_canvases([])
            database = True
    return {"database": database, **({"redis": studio.nodes.connected} if studio.nodes else {})}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def measured(request: Request, studio: Here) -> Response:
    """What this node has counted, for Prometheus. For the token in `STUDIOLO_METRICS_TOKEN`, or an owner's."""
    await _may_measure(request)
    rooms = list(studio.rooms)
    connections = [connection for room in rooms for connection in room.connections]
    metrics.ROOMS.set(len(rooms))
    metrics.OPEN.set(len(connections))
    metrics.UNSENT.set(sum(connection.waiting for connection in connections))
    metrics.UNSTORED.set(sum(room.backlog for room in rooms))
    runs = studio.runs.under_way()
    for state in ("queued", "running"):
        metrics.RUNS.labels(state).set(runs[state])
    for name, up in (await _dependencies(studio)).items():
        metrics.UP.labels(name).set(up)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(metrics.REGISTRY), media_type=content_type)


async def _may_measure(request: Request) -> None:
    # Not by the caller's address: behind a proxy everybody comes from this machine.
    studio = request.app.state.studio
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = studio.settings.metrics_token
    if token and scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode()):
        return
    if await studio_role(studio, await signed_in(request)) != "owner":
        raise Forbidden("This needs the role owner, or the token for metrics.", "Set STUDIOLO_METRICS_TOKEN.")


@router.get("/models")
async def models(studio: Here, _who: Caller) -> dict[str, Any]:
    """The language models that can be used here, which is the default, and what is wrong with their configuration."""
    listed = [info.as_dict() for info in studio.models.list()]
    return {"models": listed, "default": studio.models.default, "problems": studio.models.problems}
