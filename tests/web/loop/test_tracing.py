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


def test_a_collector_that_is_gone_holds_nothing_up(start_studio: StartStudio, provider: FakeProvider) -> None:
    studio = start_studio(**environment(provider), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    stage = Stage(studio)
    provider.script = [Turn("There is nothing to do.")]
    assert stage.wait(stage.ask("Look at it."), "done")["state"] == "done"
    assert studio.stop() == 0
