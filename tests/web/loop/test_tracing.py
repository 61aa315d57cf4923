"""Traces reach a collector over HTTP as OpenTelemetry sends them, and hold nothing of what anybody wrote."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import StartStudio
from tests.models.fake_provider import FakeProvider, Turn
from tests.tasks.engine.test_killed import begin, look, write_kind

from .conftest import Stage, environment, suggests, until


class Collector:
    """What stands at the other end: it keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.raw = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                return

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.raw += body
                sent = ExportTraceServiceRequest.FromString(body)
                collector.spans += [
                    span for one in sent.resource_spans for scope in one.scope_spans for span in scope.spans
                ]
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, beginning: str) -> list[Any]:
        return [span for span in self.spans if span.name.startswith(beginning)]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


def test_a_run_is_a_trace_of_its_requests_and_tools(
    start_studio: StartStudio, provider: FakeProvider, collector: Collector
) -> None:
    studio = start_studio(
        **environment(provider), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200"
    )
    stage = Stage(studio, "The old lamp went out. A secret sentence.")
    provider.script = [Turn(calls=[suggests(stage.page)]), Turn("I proposed lantern.")]
    run = stage.ask("Find a better word for lamp.")
    stage.wait(run, "done")
    until(lambda: collector.named("studiolo.run"), "the run's span arrives")
    [whole] = collector.named("studiolo.run")
    about = attributes(whole)
    assert about["studiolo.run"] == run
    assert about["studiolo.canvas"] == stage.canvas
    assert about["studiolo.agent"] == "co-author"
    assert about["studiolo.skill"] == "work"
    assert {span.trace_id for span in collector.spans} == {whole.trace_id}, "one trace"
    assert len(collector.named("chat")) == 2
    assert any("suggest" in span.name for span in collector.named("execute_tool"))
    for secret in (b"secret sentence", b"lantern", b"better word", b"sk-fake"):
        assert secret not in collector.raw, secret
    assert studio.stop() == 0


def test_a_leg_of_a_task_is_a_trace_of_its_steps_and_of_what_agents_did_in_them(
    start_studio: StartStudio, provider: FakeProvider, collector: Collector
) -> None:
    studio = start_studio(
        **environment(provider), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200"
    )
    stage = Stage(studio, "The old lamp went out. A secret sentence.")
    steps = [
        "{id: tell, do: say, title: Tells a secret, text: hush}",
        f"{{id: go, do: ask_agent, title: A, skill: work, page: '{stage.page}'}}",
        "{id: never, do: ask_agent, title: B, agent: nobody-here}",
    ]
    write_kind(studio, "traced", steps, "\n## go\nFind a better word.\n\n## never\nFail.\n")
    provider.script = [Turn("There is nothing to do.")]
    task = begin(studio, stage.canvas, "traced")
    until(lambda: look(studio, task)["state"] == "failed", "the task fails at its last step")
    until(lambda: collector.named("studiolo.task"), "the leg's span arrives")
    [leg] = collector.named("studiolo.task")
    about = attributes(leg)
    assert (about["studiolo.task"], about["studiolo.canvas"]) == (task, stage.canvas)
    assert (about["studiolo.kind"], about["studiolo.state"]) == ("traced", "failed")
    tried = {attributes(span)["studiolo.step"]: span for span in collector.named("studiolo.step")}
    assert {id: attributes(span)["studiolo.state"] for id, span in tried.items()} == {
        "tell": "done",
        "go": "done",
        "never": "failed",
    }
    assert all(span.parent_span_id == leg.span_id for span in tried.values())
    assert attributes(tried["never"])["studiolo.error"] and attributes(tried["go"])["studiolo.do"] == "ask_agent"
    numbers = {one.key: one.value for one in tried["go"].attributes}
    assert numbers["studiolo.tries"].int_value == 1 and numbers["studiolo.tokens"].int_value > 0
    [run] = collector.named("studiolo.run")
    assert run.parent_span_id == tried["go"].span_id, "what an agent does in a step is in the step's span"
    for secret in (b"secret", b"hush", b"better word", b"sk-fake"):
        assert secret not in collector.raw, secret
    assert studio.stop() == 0


def test_a_collector_that_is_gone_holds_nothing_up(start_studio: StartStudio, provider: FakeProvider) -> None:
    studio = start_studio(**environment(provider), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    stage = Stage(studio)
    provider.script = [Turn("There is nothing to do.")]
    assert stage.wait(stage.ask("Look at it."), "done")["state"] == "done"
    assert studio.stop() == 0
