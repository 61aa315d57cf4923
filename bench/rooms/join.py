"""Point 4, join: 70 clients open a document of 259,778 operations, one after another, and 70 at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.rooms import documents, load
from bench.rooms.compare import Figures, Plan, Section, beside, in_turn, judged, table
from bench.rooms.servers import Hocuspocus, Server

CLIENTS = 70
AFTERWARDS = 6.0  # seconds in which a server may do what it does after a change; that is not the joins' cost
TITLE = f"Join: {CLIENTS} clients open the 260,000-operation document"


def run(plan: Plan) -> Section:
    content = plan.trace.content()

    def measure(server: Server) -> Figures:
        room = server.room(content)
        with tempfile.TemporaryDirectory() as folder:
            got = Path(folder, "document")
            one_by_one = load.run(server, "join", [room], clients=CLIENTS, dump=got, settle=AFTERWARDS)
            if documents.text_in(got.read_bytes()) != room.document.text:
                raise load.LoadFailed(f"{server.name} sent another text than it was given")
        at_once = load.run(server, "join", [room], clients=CLIENTS, at_once=True)
        return {
            "cpu": one_by_one.cpu,
            "p50": one_by_one["p50_ms"],
            "p99": one_by_one["p99_ms"],
            "cpu_at_once": at_once.cpu,
            "last": at_once["max_ms"],
            "bytes": one_by_one["document_bytes"] / 1000,
            "memory": at_once.memory_after - one_by_one.memory_before,
        }

    every = in_turn(plan.at_most(2), measure)
    lines = table(
        every,
        [
            (f"CPU of {CLIENTS} joins, s", "cpu", 2),
            ("one join, p50, ms", "p50", 1),
            ("p99, ms", "p99", 1),
            ("all at once: CPU, s", "cpu_at_once", 2),
            ("the last has it after, ms", "last", 0),
            ("sent, kB", "bytes", 0),
            ("RSS more, MB", "memory", 0),
        ],
    )
    claims = [beside(every, f"CPU of {CLIENTS} joins", "cpu", 0.15, peer=Hocuspocus)]
    lines = [f"Document: {plan.trace.name}.", "", *lines]
    return judged(lines, claims, every)
