"""Point 6, cold start: a canvas of 1,000,000 characters with its history, opened by the first client after a start.

Twenty people write it, 50 characters an update, so the log has 20,000 of them. Then the server is stopped and started,
and, after some more typing, killed at once and started.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.rooms import documents, load
from bench.rooms.compare import Figures, Plan, Section, in_turn, judged, table
from bench.rooms.servers import Room, Server

WRITERS, LETTERS, CHARACTERS = 20, 50, 1_000_000
AFTERWARDS = 4.0  # seconds in which a server may put away what it has debounced
TITLE = f"Cold start: {CHARACTERS:,} characters with their history"


def run(plan: Plan) -> Section:
    characters = CHARACTERS // 10 if plan.quick else CHARACTERS
    able = [server for server in plan.servers if server.keeps]

    def measure(server: Server) -> Figures:
        room = server.room()
        written = write(server, room, characters)
        time.sleep(AFTERWARDS)
        server.stop()
        stopped = opened(server, room, characters // 2)
        more = write(server, room, characters // 100)
        server.stop(kill=True)  # at once: what people have seen of each other should be there
        killed = opened(server, room, characters // 2)
        return {
            **stopped,
            "killed_first": killed["first"],
            "killed_cpu": killed["cpu"],
            "lost": max(0.0, written - stopped["came"]),
            "killed_lost": max(0.0, written + more - killed["came"]),
        }

    every = in_turn(replace(plan.at_most(1), servers=able), measure, persistent=True)
    lines = table(
        every,
        [
            ("listens after, s", "listens", 2),
            ("first byte of the document after, s", "first", 2),
            ("all of it, s", "whole", 2),
            ("CPU of starting, s", "cpu_start", 2),
            ("CPU of opening, s", "cpu", 2),
            ("RSS of the empty server, MB", "empty", 0),
            ("RSS with the document, MB", "memory", 0),
            ("characters gone", "lost", 0),
            ("after kill -9: first byte, s", "killed_first", 2),
            ("CPU of opening, s", "killed_cpu", 2),
            ("characters gone", "killed_lost", 0),
        ],
    )
    lines += ["", *(f"{server.name} keeps documents in {server.keeps}." for server in able)]
    lines += [f"{server.name}: no peer here, it keeps nothing." for server in plan.servers if not server.keeps]
    return judged(lines, [], every)


def write(server: Server, room: Room, characters: int) -> int:
    """Let people type so much into a room; how much it was."""
    each = max(1, characters // LETTERS // WRITERS)
    done = load.run(
        server, "type", [room], clients=WRITERS, letters=LETTERS, most=each, window=4, seconds=60, patience=30
    )
    return done["edits"] * LETTERS


def opened(server: Server, room: Room, least: int) -> Figures:
    """Start the server and be its first client."""
    began = time.perf_counter()
    listens = server.start()
    cpu_start, empty = server.cpu(), server.memory()
    with tempfile.TemporaryDirectory() as folder:
        got = Path(folder, "document")
        starting = time.perf_counter() - began
        done = load.run(server, "join", [room.reopened()], clients=1, dump=got, least=least)
        return {
            "listens": listens,
            "first": starting + done["first_byte_p50_ms"] / 1000,
            "whole": starting + done["max_ms"] / 1000,
            "cpu_start": cpu_start,
            "cpu": done.cpu,
            "empty": empty,
            "memory": done.memory_after,
            "came": len(documents.text_in(got.read_bytes())),
        }
