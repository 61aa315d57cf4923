"""Point 3, many rooms: 1,000 rooms with two clients each, who type slowly."""

from __future__ import annotations

from bench.rooms import load
from bench.rooms.compare import Figures, Plan, Section, beside, in_turn, judged, table
from bench.rooms.servers import Hocuspocus, Server

ROOMS, CLIENTS, KEYS = 1_000, 2, 0.1
TITLE = f"Many rooms: {ROOMS:,} rooms with {CLIENTS} clients each, {KEYS:g} keys/s"


def run(plan: Plan) -> Section:
    count = ROOMS // 10 if plan.quick else ROOMS

    def measure(server: Server) -> Figures:
        rooms = server.rooms(count)
        before = server.memory()
        done = load.run(server, "type", rooms, clients=CLIENTS, rate=KEYS, seconds=plan.seconds(10), cursors=True)
        return {
            "before": before,
            "memory": done.memory_after,
            "each": 1000 * (done.memory_after - before) / count,
            "entering": 1000 * done.cpu_before / (count * CLIENTS),
            "cpu": done.cpu_per_delivery,
            "share": 100 * done.cpu / done["seconds"],
            "p50": done["p50_ms"],
            "p99": done["p99_ms"],
        }

    every = in_turn(plan.at_most(1), measure)
    lines = table(
        every,
        [
            ("RSS of the empty server, MB", "before", 0),
            (f"with {count:,} rooms, MB", "memory", 0),
            ("a room, kB", "each", 0),
            ("CPU of one entering, ms", "entering", 2),
            ("CPU, %", "share", 1),
            ("CPU per delivered edit, µs", "cpu", 0),
            ("p50, ms", "p50", 2),
            ("p99, ms", "p99", 2),
        ],
    )
    claims = [
        beside(every, "memory with all rooms open", "memory", None),
        beside(every, "memory of one room", "each", None),
        beside(every, "CPU per delivered edit", "cpu", None, peer=Hocuspocus),
    ]
    return judged(lines, claims, every)
