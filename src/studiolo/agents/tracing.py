"""OpenTelemetry: each run of an agent as a trace, with its requests to models and its calls of tools; and each leg of
a task, with its steps.

It is off unless `OTEL_EXPORTER_OTLP_ENDPOINT` says where traces go, and nothing of it is imported then. What was
written is not in a trace, and neither is what was read: only names, times, counts and what failed. Spans are sent by a
thread of their own; a collector that does not answer holds up neither a run nor the end of the studio.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from pydantic_ai.models.instrumented import InstrumentationSettings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SEND_SECONDS = 5.0  # that one delivery may take
CLOSE_SECONDS = 3.0  # that the end of the studio waits for the last one
log = logging.getLogger(__name__)


class Tracing:
    """Where the traces of one studio go. `settings` is what pydantic-ai is told."""

    def __init__(self, provider: TracerProvider) -> None:
        from pydantic_ai.models.instrumented import InstrumentationSettings

        self._provider = provider
        self._tracer = provider.get_tracer("studiolo")
        self.settings: InstrumentationSettings = InstrumentationSettings(
            tracer_provider=provider, include_content=False, include_model_request_parameters=False
        )

    @classmethod
    def open(cls, environ: Mapping[str, str], version: str) -> Tracing | None:
        """Traces go where the environment says; None where it says nothing, or the packages for it are not there."""
        if not any(environ.get(name) for name in ENDPOINTS) or environ.get("OTEL_SDK_DISABLED") == "true":
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            log.warning(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no traces are sent: pip install 'studiolo[telemetry]'."
            )
            return None
        named = {"service.name": environ.get("OTEL_SERVICE_NAME") or "studiolo", "service.version": version}
        provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=SEND_SECONDS)))
        return cls(provider)

    @contextmanager
    def run(self, about: Mapping[str, Any]) -> Iterator[None]:
        """The span of one run, around everything that it does. `about`: its attributes."""
        with self._tracer.start_as_current_span("studiolo.run", attributes={**about}):
            yield

    @contextmanager
    def of_task(self, what: str, about: Mapping[str, Any]) -> Iterator[Span]:
        """The span of a `task`'s leg, from when it is begun, or goes on, to when it rests or ends; or of one try of a
        `step` in it, with what its agents do."""
        with self._tracer.start_as_current_span(
            f"studiolo.{what}", attributes={**about}, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    async def close(self) -> None:
        """Send what waits, if that does not take long."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def shut() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(over.set)

        threading.Thread(target=shut, name="the last traces", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await over.wait()
