"""What the server logs: enough to find a fault by, and nothing that somebody wrote and no secret."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.config
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.exc import DataError, StatementError

from studiolo.store.errors import storage_failed
from studiolo.web.logs import Json, Text, configuration
from tests.conftest import ServedStudio, StartStudio
from tests.models.fake_provider import FakeProvider, Refusal
from tests.web.test_canvases import act, suggest
from tests.web.yclient import YClient

MARK = "Zyzzogeton"
FAULTS = str(Path(__file__).with_name("faults"))
KINDS = ("value", "key", "pydantic", "driver", "cause", "group", "note", "stray")


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


async def use_everything(studio: ServedStudio, provider: FakeProvider) -> list[str]:
    """Write, suggest, ask and fail in every way, each time with the mark in it. The secrets that were used."""
    made = studio.canvas(f"The {MARK} sat on the mat.", title=f"About a {MARK}")
    canvas, page = made["id"], made["pages"][0]["id"]
    secrets = [studio.token, studio.setup, studio.make_token("editor", name=f"{MARK}@example.org")]
    with studio.client() as owner:
        taken = suggest(owner, made, f"{MARK} sat", f"{MARK} stood")
        assert act(owner, canvas, "accept", suggestion=taken).status_code == 200
        assert act(owner, canvas, "comment", page=page, quote=MARK, text=MARK).status_code == 200
        share = owner.post(f"/api/canvases/{canvas}/shares", json={"role": "viewer"}).json()
        secrets.append(share["url"].rsplit("/", 1)[1])
        # Requests that are refused, with the mark wherever a request can hold it.
        assert owner.get(f"/join/{secrets[-1]}?mark={MARK}").status_code in (200, 503)
        assert owner.get(f"/api/canvases/{MARK}?token={studio.token}").status_code == 404
        assert owner.get(f"/api/{MARK}", headers={"X-Request-ID": f"{MARK} {MARK}"}).status_code == 404
        assert act(owner, canvas, "edit", page=page, hunks=[{"find": f"no {MARK}", "replace": ""}]).status_code == 409
        assert act(owner, canvas, "say", text={"not": MARK}).status_code == 422
        bad_json = {"Content-Type": "application/json"}
        assert owner.post("/api/canvases", content=f'{{"title": {MARK}', headers=bad_json).status_code == 422
        assert owner.get("/api/me", headers={"Authorization": f"Bearer {MARK}"}).status_code == 401
        # Faults of the program.
        for kind in KINDS:
            answer = act(owner, canvas, "say", text=f"fault:{kind} {MARK}")
            assert answer.status_code == (200 if kind == "stray" else 500), (kind, answer.text)
            assert MARK not in answer.text
    # A model that answers with nonsense, and a provider that quotes the prompt.
    for refusal in (None, Refusal(400, {"error": {"message": f"Your prompt {MARK} is bad.", "type": "invalid"}})):
        provider.refusal = refusal
        with studio.client() as owner:
            asked = {"agent": "co-author", "prompt": f"Continue, {MARK}!", "page": page, "skill": "continue"}
            run = owner.post(f"/api/canvases/{canvas}/ask", json=asked).json()["run"]
            with owner.stream("GET", f"/api/runs/{run}/events") as events:
                assert "event: done" in "".join(events.iter_text())
    # Typing, and a fault while typing.
    async with YClient(studio.sync_url(canvas, ack="1")) as client:
        await client.ready()
        client.insert(page, 0, f"A {MARK} again. ")
        await client.until(lambda: client.acked >= 2)
        client.insert(page, 0, f"fault:typed {MARK} ")
        await client.until_closed()
    async with YClient(studio.sync_url(canvas, token=MARK)) as client:
        await client.until_closed()
    return secrets


@pytest.mark.parametrize("kind", ["json", "text"])
def test_no_text_no_secret_and_no_query_is_logged(start_studio: StartStudio, provider: FakeProvider, kind: str) -> None:
    studio = start_studio(
        STUDIOLO_LOG=kind,
        STUDIOLO_LOG_LEVEL="debug",
        STUDIOLO_MODEL="openai:fake-model",
        OPENAI_API_KEY="sk-very-secret",
        OPENAI_BASE_URL=f"{provider.url}/v1",
        PYTHONPATH=FAULTS,
    )
    secrets = asyncio.run(use_everything(studio, provider))
    assert studio.stop() == 0
    log = studio.log()
    assert MARK not in log, [line for line in log.splitlines() if MARK in line]
    for secret in (*secrets, "sk-very-secret"):
        assert secret not in log
    for name in ("ValueError", "KeyError", "ValidationError", "DataError", "LookupError", "ExceptionGroup"):
        assert name in log, f"{name} is not to be found by its type"
    assert "[Errno 5] Input/output error" in log and "the outer one is harmless" in log
    assert "in raise_for" in log, "a fault is found by its place"
    if kind == "json":
        for line in log.splitlines():
            assert {"time", "level", "logger", "message"} <= set(json.loads(line)), line


def test_a_request_can_be_followed_by_its_id(start_studio: StartStudio) -> None:
    studio = start_studio(STUDIOLO_LOG="json", STUDIOLO_LOG_LEVEL="DEBUG", PYTHONPATH=FAULTS)
    made = studio.canvas("x")
    with studio.client() as owner:
        owner.headers["X-Request-ID"] = "from-my-proxy.1"
        answer = act(owner, made["id"], "say", text="fault:value")
        me = owner.get("/api/me").json()["participant"]
        assert answer.headers["x-request-id"] == "from-my-proxy.1"
        owner.headers["X-Request-ID"] = "evil id"
        made_up = owner.get("/api/me").headers["x-request-id"]
        assert len(made_up) == 16
        assert owner.get("/api/me").headers["x-request-id"] != made_up
    assert studio.stop() == 0
    lines = [json.loads(line) for line in studio.log().splitlines()]
    of_it = [line for line in lines if line.get("request") == "from-my-proxy.1"]
    fault = next(line for line in of_it if "error" in line)
    assert fault["level"] == "ERROR" and "ValueError" in fault["error"]
    line = next(line for line in of_it if line.get("status") == 500)
    assert line["logger"] == "studiolo.access" and line["level"] == "DEBUG"
    assert (line["method"], line["route"]) == ("POST", "/api/canvases/{canvas}/actions")
    assert (line["canvas"], line["participant"]) == (made["id"], me["id"])
    assert line["client"] == "127.0.0.1" and line["seconds"] >= 0


async def test_how_a_websocket_ended_is_logged(start_studio: StartStudio) -> None:
    studio = start_studio(STUDIOLO_LOG="json", STUDIOLO_LOG_LEVEL="DEBUG")
    canvas = studio.canvas("x")["id"]
    with studio.client() as owner:
        me = owner.get("/api/me").json()["participant"]["id"]
    async with YClient(studio.sync_url(canvas)) as client:
        await client.ready()
        await client.send(b"\x00\x02\xff")
        assert (await client.until_closed())[0] == 4400
    async with YClient(studio.sync_url(canvas, token="wrong")) as stranger:
        assert (await stranger.until_closed())[0] == 4401
    async with YClient(studio.sync_url(canvas)) as client:
        await client.ready()
    assert studio.stop() == 0
    lines = [json.loads(line) for line in studio.log().splitlines()]
    ended = [line for line in lines if line.get("route") == "/sync/{canvas}"]
    told = [(line.get("code"), line.get("canvas"), line.get("participant")) for line in ended]
    assert told == [(4400, canvas, me), (4401, None, None), (None, canvas, me)]


def test_requests_are_not_logged_unless_asked_for(start_studio: StartStudio) -> None:
    studio = start_studio()
    with studio.client() as owner:
        assert owner.get("/api/me").status_code == 200
    assert studio.stop(signal.SIGTERM) == 0
    assert studio.log() == ""


def test_a_line_for_people_has_its_fields_at_the_end() -> None:
    record = logging.LogRecord("studiolo.x", logging.INFO, "x.py", 1, "Gone: %s", ("the cat",), None)
    record.canvas, record.code, record.secret = "c1", 4403, "never"
    assert Text().format(record).endswith("INFO studiolo.x: Gone: the cat canvas=c1 code=4403")
    line = json.loads(Json().format(record))
    assert (line["message"], line["canvas"], line["code"]) == ("Gone: the cat", "c1", 4403)
    assert "secret" not in line


def test_a_line_is_one_line_whatever_the_message_holds() -> None:
    record = logging.LogRecord("studiolo.x", logging.INFO, "x.py", 1, "%s", ("a\nb\u2028c",), None)
    assert len(Json().format(record).splitlines()) == 1
    assert json.loads(Json().format(record))["message"] == "a\nb\u2028c"


def test_what_a_database_refuses_is_said_without_the_row() -> None:
    class Refused(asyncpg.NotNullViolationError):
        detail = f"Failing row contains (c, 1, {MARK}, the disk is full)."

    refused = Refused('null value in column "x"')
    assert MARK in str(refused), "as asyncpg says it"
    statement = StatementError("no", "INSERT", {"data": MARK}, refused)
    for error in (refused, statement, DataError("INSERT", {"data": MARK}, refused)):
        failed = storage_failed(error)
        assert MARK not in failed.message and "disk" not in failed.message
        assert 'null value in column "x"' in failed.message


def test_libraries_are_not_made_talkative_by_our_level() -> None:
    made = configuration("text", "DEBUG")
    assert made["loggers"] == {"studiolo": {"level": "DEBUG"}, "uvicorn": {"level": "WARNING"}}
    assert made["root"]["level"] == "WARNING"
