"""Health and readiness: what a load balancer is told while all is well, while the database is away, and at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import httpx2

from tests.conftest import ServedStudio, StartStudio
from tests.servers import PostgreSQL, Redis
from tests.web.test_canvases import error
from tests.web.yclient import YClient


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def ready(studio: ServedStudio) -> httpx2.Response:
    with studio.client("") as nobody:
        return nobody.get("/api/ready")


def test_a_studio_that_runs_is_healthy_and_ready(studio: ServedStudio) -> None:
    with studio.client("") as nobody:
        health = nobody.get("/api/health")
    assert health.status_code == 200 and health.json()["status"] == "ok"
    answer = ready(studio)
    assert answer.status_code == 200 and answer.json() == {"status": "ready"}


async def test_a_studio_that_drains_is_not_ready_and_goes_on_serving(start_studio: StartStudio) -> None:
    studio = start_studio(STUDIOLO_DRAIN_SECONDS="300")
    made = studio.canvas("")
    page = made["pages"][0]["id"]
    studio.process.send_signal(signal.SIGTERM)
    until(lambda: ready(studio).status_code == 503)
    error(ready(studio), 503, "unavailable")
    with studio.client() as owner:
        assert owner.get("/api/health").status_code == 200
    # A client that a balancer sent just before it knew.
    async with YClient(studio.sync_url(made["id"], ack="1")) as client:
        await client.ready()
        client.insert(page, 0, "Kept.")
        await client.until(lambda: client.acked >= 2)
        studio.process.send_signal(signal.SIGTERM)  # a manager of services says it twice
        assert ready(studio).status_code == 503
        assert studio.stop(signal.SIGINT) == 0, "the second signal of a person ends the waiting"
        await client.until_closed()
    studio.environ["STUDIOLO_DRAIN_SECONDS"] = "0"
    studio.start()
    with studio.client() as owner:
        assert owner.get(f"/api/canvases/{made['id']}/pages/{page}/text").text == "Kept."


def test_a_studio_whose_database_is_away_is_not_ready_until_it_is_back(
    start_studio: StartStudio, postgresql: PostgreSQL, database_url: str
) -> None:
    studio = start_studio(STUDIOLO_DATABASE_URL=database_url, STUDIOLO_METRICS_TOKEN="scrape me")

    def up() -> bool:
        with studio.client("scrape me") as prometheus:
            return 'studiolo_dependency_up{name="database"} 1.0' in prometheus.get("/api/metrics").text

    assert ready(studio).status_code == 200 and up()
    postgresql.stop()
    try:
        assert "database" in error(ready(studio), 503, "unavailable")["message"]
        assert not up()
    finally:
        postgresql.start()
    until(lambda: ready(studio).status_code == 200)
    assert up()
    assert studio.stop() == 0, studio.log()


def test_a_node_that_cannot_reach_redis_is_not_ready_until_it_can(
    start_studio: StartStudio, database_url: str, redis: Redis, redis_url: str
) -> None:
    studio = start_studio(STUDIOLO_DATABASE_URL=database_url, STUDIOLO_REDIS_URL=redis_url)
    assert ready(studio).status_code == 200
    redis.stop()
    try:
        until(lambda: ready(studio).status_code == 503)
        assert "redis" in error(ready(studio), 503, "unavailable")["message"]
        with studio.client() as owner:
            assert owner.get("/api/health").status_code == 200
    finally:
        redis.start()
    until(lambda: ready(studio).status_code == 200)
    assert studio.stop() == 0, studio.log()
