"""What this process counts, for Prometheus to read at `/api/metrics`.

Nothing here may name a person, a canvas or a token, or hold a word of a text: labels are of a few fixed kinds.

Where thousands of frames pass in a second the program adds to a plain integer of `tally`, which costs some tens of
nanoseconds, and the sums are read when somebody asks. What happens less often uses the library's own classes. What is
a state of the running studio (how many rooms are live) is looked up when somebody asks: `web/system.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Count
from collections.abc import Iterable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

LOOK_EVERY = 0.5  # seconds between two looks at the event loop

disable_created_metrics()  # a second sample beside each counter, which nobody draws
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


class Tally(Collector):
    """The sums of the hot paths: `tally.received_frames += 1`."""

    def __init__(self) -> None:
        self.connections = 0
        self.received_frames = 0
        self.received_bytes = 0
        self.sent_frames = 0
        self.sent_bytes = 0
        self.slow_readers = 0
        self.closed: Count[int] = Count()

    def collect(self) -> Iterable[Metric]:
        """The sums as they are now."""
        for name, value, says in (
            ("studiolo_connections", self.connections, "Websockets that joined a room."),
            ("studiolo_received_frames", self.received_frames, "Frames that clients sent."),
            ("studiolo_received_bytes", self.received_bytes, "Bytes of the frames that clients sent."),
            ("studiolo_sent_frames", self.sent_frames, "Frames that were queued for clients."),
            ("studiolo_sent_bytes", self.sent_bytes, "Bytes of the frames that were queued for clients."),
            ("studiolo_slow_readers", self.slow_readers, "Clients that were sent away because they did not read."),
        ):
            yield CounterMetricFamily(name, says, value)
        closed = CounterMetricFamily(
            "studiolo_connections_closed", "Websockets that the studio closed or refused.", labels=["code"]
        )
        for code, count in list(self.closed.items()):
            closed.add_metric([str(code)], count)
        yield closed


tally: Final = Tally()
REGISTRY.register(tally)

# Of the studio as it is now; set when somebody asks.
OPEN: Final = Gauge("studiolo_connections_open", "Websockets that are in a room.", registry=REGISTRY)
ROOMS: Final = Gauge("studiolo_rooms", "Canvases in memory.", registry=REGISTRY)
UNSENT: Final = Gauge("studiolo_unsent_bytes", "Bytes that wait for clients to read them.", registry=REGISTRY)
UNSTORED: Final = Gauge("studiolo_unstored_bytes", "Bytes that wait for the database.", registry=REGISTRY)
UP: Final = Gauge("studiolo_dependency_up", "1 when it answers, 0 when it does not.", ["name"], registry=REGISTRY)
TASKS: Final = Gauge("studiolo_tasks", "Tasks of the whole studio.", ["state"], registry=REGISTRY)
RUNS: Final = Gauge("studiolo_agent_runs", "Runs of agents that wait or work.", ["state"], registry=REGISTRY)

# Of the log: one observation for each transaction.
COMMIT_SECONDS: Final = Histogram(
    "studiolo_commit_seconds",
    "How long a transaction of the log took.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
COMMIT_ROWS: Final = Histogram(
    "studiolo_commit_rows",
    "How many changes were stored in a transaction of the log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=REGISTRY,
)
COMMITS_FAILED: Final = Counter(
    "studiolo_commits_failed", "Transactions of the log that the database did not take.", registry=REGISTRY
)

RUNS_ENDED: Final = Counter(
    "studiolo_agent_runs_ended", "Runs of agents that ended.", ["state", "provider"], registry=REGISTRY
)

DELIVERIES: Final = Counter(
    "studiolo_webhook_deliveries", "Events that were sent to webhooks, by how it went.", ["state"], registry=REGISTRY
)

# Of HTTP. The route is the pattern, never the address that was asked.
REQUESTS: Final = Counter(
    "studiolo_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=REGISTRY
)
ANSWER_SECONDS: Final = Histogram(
    "studiolo_http_answer_seconds",
    "How long it took until an answer began. Streams go on after that.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)

LAG: Final = Histogram(
    "studiolo_event_loop_lag_seconds",
    "How late the event loop came back to something that was due.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)


def committed(rows: int, seconds: float) -> None:
    """Count a transaction of the log."""
    COMMIT_ROWS.observe(rows)
    COMMIT_SECONDS.observe(seconds)


async def watch_the_loop() -> None:
    """Measure how busy the event loop is, until cancelled."""
    now = asyncio.get_running_loop().time
    while True:
        due = now() + LOOK_EVERY
        await asyncio.sleep(LOOK_EVERY)
        LAG.observe(max(0.0, now() - due))
