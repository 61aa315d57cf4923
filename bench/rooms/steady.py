"""Point 1, steady people: 100 clients in a room, each typing two keys a second, a cursor with each key."""

from __future__ import annotations

from bench.rooms import load
from bench.rooms.compare import Figures, Plan, Section, beside, in_turn, judged, table
from bench.rooms.servers import Hocuspocus, Server

CLIENTS, KEYS = 100, 2.0
TITLE = f"Steady people: {CLIENTS} clients in a room, {KEYS:g} keys/s each, a cursor with each key"


def run(plan: Plan) -> Section:
    def measure(server: Server) -> Figures:
        done = load.run(
            server, "type", [server.room()], clients=CLIENTS, rate=KEYS, seconds=plan.seconds(6), cursors=True
        )
        return {
            "p50": done["p50_ms"],
            "p99": done["p99_ms"],
            "cpu": done.cpu_per_delivery,
            "share": 100 * done.cpu / done["seconds"],
            "frames": done["frames"] / done["seconds"],
            "memory": done.memory_after,
        }

    every = in_turn(plan, measure)
    lines = table(
        every,
        [
            ("p50, ms", "p50", 2),
            ("p99, ms", "p99", 2),
            ("CPU per delivered edit, µs", "cpu", 1),
            ("CPU, %", "share", 0),
            ("frames/s", "frames", 0),
            ("RSS, MB", "memory", 0),
        ],
    )
    claims = [
        beside(every, "p50 delivery", "p50", 1.0),
        beside(every, "p99 delivery", "p99", 1.0),
        beside(every, "CPU per delivered edit", "cpu", 0.9, peer=Hocuspocus),
    ]
    return judged(lines, claims, every)
