"""What Prometheus reads: who may, what it counts, and that it names nobody and nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.conftest import ServedStudio, serve
from tests.web.test_canvases import act, error, suggest
from tests.web.yclient import YClient

TOKEN = "a-token-for-prometheus"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStudio]:
    served = serve(tmp_path_factory.mktemp("measured"), {"STUDIOLO_METRICS_TOKEN": TOKEN})
    yield served
    assert served.stop() == 0, served.log()


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(studio: ServedStudio) -> Samples:
    """Every sample by its name and labels."""
    with studio.client(TOKEN) as prometheus:
        answer = prometheus.get("/api/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in plain(answer.text)
        for sample in family.samples
    }


def grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    """By how much a counter has grown."""
    key = (name, frozenset(labels.items()))
    return after[key] - before.get(key, 0.0)


def test_only_an_owner_and_the_token_for_it_may_read_them(measured: ServedStudio) -> None:
    canvas = measured.canvas("x")["id"]
    with measured.client("") as nobody:
        error(nobody.get("/api/metrics"), 401, "unauthenticated")
        for bearer in (b"wrong", TOKEN[:-1].encode(), "ünïcode".encode()):
            error(nobody.get("/api/metrics", headers={b"Authorization": b"Bearer " + bearer}), 401, "unauthenticated")
        error(nobody.get(f"/api/metrics?token={TOKEN}"), 401, "unauthenticated")
    with measured.client(measured.make_token("editor")) as editor:
        error(editor.get("/api/metrics"), 403, "forbidden")
    with measured.client(measured.make_token("owner", canvas)) as owner_of_one:
        error(owner_of_one.get("/api/metrics"), 403, "forbidden")
    with measured.client() as owner:
        assert owner.get("/api/metrics").status_code == 200
    with measured.client(TOKEN) as prometheus:
        assert prometheus.get("/api/metrics").status_code == 200
        error(prometheus.get("/api/me"), 401, "unauthenticated")


def test_no_token_is_no_way_in(studio: ServedStudio) -> None:
    with studio.client("") as nobody:
        for header in ("Bearer", "Basic Og==", ""):
            error(nobody.get("/api/metrics", headers={"Authorization": header}), 401, "unauthenticated")


def test_prometheus_newer_format_is_spoken_when_asked_for(measured: ServedStudio) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    with measured.client(TOKEN) as prometheus:
        answer = prometheus.get("/api/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {"process_cpu_seconds", "studiolo_http_requests"} <= {family.name for family in openmetrics(answer.text)}


def test_requests_are_counted_by_the_pattern_of_their_route(measured: ServedStudio) -> None:
    canvas = measured.canvas("x")["id"]
    before = scrape(measured)
    with measured.client() as owner:
        for _ in range(3):
            assert owner.get(f"/api/canvases/{canvas}").status_code == 200
        assert owner.get("/api/canvases/nothing").status_code == 404
        assert owner.get("/api/nowhere/secret").status_code == 404
        assert owner.request("PROPFIND", "/api/health").status_code == 405
    after = scrape(measured)
    route = {"method": "GET", "route": "/api/canvases/{canvas}"}
    assert grown(before, after, "studiolo_http_requests_total", **route, status="200") == 3
    assert grown(before, after, "studiolo_http_requests_total", **route, status="404") == 1
    assert grown(before, after, "studiolo_http_answer_seconds_count", **route) == 4
    assert grown(before, after, "studiolo_http_requests_total", method="GET", route="(none)", status="404") == 1
    methods = {labels["method"] for name, labels in ((n, dict(given)) for n, given in after) if "method" in labels}
    assert "OTHER" in methods and "PROPFIND" not in methods


async def test_what_happens_in_rooms_is_counted(measured: ServedStudio) -> None:
    made = measured.canvas("")
    page = made["pages"][0]["id"]
    before = scrape(measured)
    async with YClient(measured.sync_url(made["id"], ack="1")) as ann, YClient(measured.sync_url(made["id"])) as bob:
        await ann.ready()
        await bob.ready()
        ann.insert(page, 0, "x" * 1000)
        await ann.until(lambda: ann.acked >= 2)
        await bob.until(lambda: bob.text(page) == "x" * 1000)
        during = scrape(measured)
    async with YClient(measured.sync_url(made["id"], token="wrong")) as stranger:
        assert (await stranger.until_closed())[0] == 4401
    async with YClient(measured.sync_url(made["id"])) as broken:
        await broken.ready()
        await broken.send(b"\x00\x02\xff")
        assert (await broken.until_closed())[0] == 4400
    after = scrape(measured)

    assert during[("studiolo_rooms", frozenset())] >= 1
    assert grown(before, during, "studiolo_connections_open") == 2
    assert during[("studiolo_unsent_bytes", frozenset())] == 0
    assert during[("studiolo_unstored_bytes", frozenset())] == 0
    assert grown(before, during, "studiolo_connections_total") == 2
    assert grown(before, during, "studiolo_received_frames_total") >= 4, "two questions, and the answers to ours"
    assert 1000 < grown(before, during, "studiolo_received_bytes_total") < 3000
    assert 1000 < grown(before, during, "studiolo_sent_bytes_total") < 3000
    assert grown(before, during, "studiolo_commit_rows_sum") == 1
    assert grown(before, during, "studiolo_commit_seconds_count") == 1
    assert grown(before, after, "studiolo_commits_failed_total") == 0
    assert grown(before, after, "studiolo_connections_total") == 3
    for code in ("4400", "4401"):
        assert grown(before, after, "studiolo_connections_closed_total", code=code) == 1


def test_runs_of_agents_are_counted_by_how_they_end(measured: ServedStudio) -> None:
    canvas = measured.canvas("It was dark.")
    before = scrape(measured)
    with measured.client() as owner:
        body = {"agent": "co-author", "prompt": "Continue.", "page": canvas["pages"][0]["id"], "model": "nonesuch"}
        refused = owner.post(f"/api/canvases/{canvas['id']}/ask", json=body)
        assert refused.status_code == 404, "a model that is not there makes no run"
        run = owner.post(f"/api/canvases/{canvas['id']}/ask", json={**body, "model": None}).json()["run"]
        owner.post(f"/api/runs/{run}/stop")
        with owner.stream("GET", f"/api/runs/{run}/events") as events:
            assert "event: done" in "".join(events.iter_text())
        state = owner.get(f"/api/runs/{run}").json()["state"]
    after = scrape(measured)
    assert grown(before, after, "studiolo_agent_runs_ended_total", state=state, provider="embedded") == 1
    assert after[("studiolo_agent_runs", frozenset({("state", "running")}))] == 0


async def test_it_names_nobody_and_nothing(measured: ServedStudio) -> None:
    made = measured.canvas("Zyzzogeton sat.", title="Zyzzogeton")
    with measured.client() as owner:
        owner.patch("/api/me", json={"name": "Zyzzogeton"})
        me = owner.get("/api/me").json()["participant"]["id"]
        taken = suggest(owner, made, "sat", "stood")
        assert act(owner, made["id"], "accept", suggestion=taken).status_code == 200
        assert owner.get("/api/Zyzzogeton").status_code == 404
        async with YClient(measured.sync_url(made["id"])) as client:
            await client.ready()
            text = owner.get("/api/metrics").text
    for secret in ("Zyzzogeton", me, made["id"], made["pages"][0]["id"], taken, measured.token, TOKEN):
        assert secret not in text
