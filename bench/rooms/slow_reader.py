"""Point 5, slow reader: one client stops reading for 12 s while another writes 4 MB/s; a third one goes on reading.

Twice: 1,000 cursors a second of 4 kB each, and 1,000 edits a second that replace 4 kB of text each.
"""

from __future__ import annotations

from bench.rooms import load
from bench.rooms.compare import Figures, Measured, Plan, Section, in_turn, judged, table
from bench.rooms.servers import Server, Studio

RATE, BEFORE, STALLED = 1000, 4.0, 12.0
FLAVOURS: dict[str, dict[str, object]] = {
    "cursors": {"edits": False, "cursors": True, "padding": 3_800},
    "edits": {"letters": 4_000, "replace": True},
}
MOST_GROWTH = 10.0  # megabytes
TITLE = f"Slow reader: one of three clients stops reading for {STALLED:g} s under 4 MB/s"


def run(plan: Plan) -> Section:
    section = Section([])
    for flavour, options in FLAVOURS.items():

        def measure(server: Server, options: dict[str, object] = options) -> Figures:
            before, stalled = plan.seconds(BEFORE), plan.seconds(STALLED)
            done = load.run(
                server, "type", [server.room()], clients=3, writers=1, rate=RATE, seconds=before + stalled,
                stall=before, **options,
            )  # fmt: skip
            return {
                "before": done.memory_stalled[0],
                "growth": max(done.memory_stalled) - done.memory_stalled[0],
                "p99": done["p99_ms"],
                "stalled_p99": done["stalled_p99_ms"],
                "close": done["stalled_close"],
                "share": 100 * done.cpu / done["seconds"],
            }

        every = in_turn(plan.at_most(1), measure)
        rows = table(
            every,
            [
                ("RSS, MB", "before", 0),
                ("grows by, MB", "growth", 1),
                ("the other reader's p99 before, ms", "p99", 1),
                ("meanwhile, ms", "stalled_p99", 1),
                ("the slow one is closed with (0: no word, -1: not closed)", "close", 0),
                ("CPU, %", "share", 0),
            ],
        )
        part = judged([f"With {flavour}:", "", *rows], growth(every, flavour), every)
        section.lines += [*part.lines, ""]
        section.missed += part.missed
        section.broken += part.broken
    return section


def growth(every: list[Measured], flavour: str) -> list[tuple[str, bool]]:
    return [
        (
            f"- growth with {flavour}: **{one.median('growth'):.1f} MB**; wanted less than {MOST_GROWTH:g}: "
            + ("met." if (met := one.median("growth") < MOST_GROWTH) else "**missed**."),
            met,
        )
        for one in every
        if one.server is Studio and one.rounds
    ]
