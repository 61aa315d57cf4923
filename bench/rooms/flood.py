"""Point 2, flood: 100 clients in a room, each sends its next edit when everybody has the one before."""

from __future__ import annotations

from bench.rooms import load
from bench.rooms.compare import Figures, Plan, Section, beside, in_turn, judged, table
from bench.rooms.servers import Server

CLIENTS, WINDOWS = 100, (1, 4)
TITLE = f"Flood: {CLIENTS} clients, closed loop"


def run(plan: Plan) -> Section:
    section = Section([])
    for window in WINDOWS:

        def measure(server: Server, window: int = window) -> Figures:
            done = load.run(server, "type", [server.room()], clients=CLIENTS, window=window, seconds=plan.seconds(3))
            return {
                "edits": done["delivered"] / done["seconds"],
                "frames": done["frames"] / done["seconds"],
                "p50": done["p50_ms"],
                "p99": done["p99_ms"],
                "cpu": done.cpu_per_delivery,
            }

        every = in_turn(plan if window == 1 else plan.at_most(1), measure)
        rows = table(
            every,
            [
                ("delivered edits/s", "edits", 0),
                ("frames/s", "frames", 0),
                ("p50, ms", "p50", 1),
                ("p99, ms", "p99", 1),
                ("CPU per delivered edit, µs", "cpu", 2),
            ],
        )
        claims = [beside(every, f"delivered edits/s, window {window}", "edits", 1.3, more=True)]
        lines = [f"Edits that not everybody has yet, for each client: {window}", "", *rows]
        part = judged(lines, claims, every)
        section.lines += [*part.lines, ""]
        section.missed += part.missed
        section.broken += part.broken
    return section
