"""Rooms under load, beside other servers of the Yjs protocol.

    .venv/bin/python -m bench.rooms [--quick] [--only POINT,...] [--servers NAME,...] [--rounds N]
                                    [--trace FILE] [--out bench/results/rooms.md]

First the load generator shows that it notices lost, doubled and reordered updates. Then the points are measured in
turn, the studio beside its peers, and the tables with their ratios are printed and, with --out, written.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import time
from datetime import date
from pathlib import Path

from bench.rooms import install, machine, selfcheck
from bench.rooms.compare import Plan, Section, say
from bench.rooms.documents import Trace
from bench.rooms.load import LoadFailed
from bench.rooms.servers import EVERY, Server

POINTS = ("steady", "flood", "many_rooms", "join", "slow_reader", "cold_start", "growth")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.rooms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each: to look, not to quote")
    parser.add_argument("--only", type=names(POINTS), default=POINTS, help=f"some of {', '.join(POINTS)}")
    parser.add_argument("--servers", type=names(tuple(EVERY)), default=tuple(EVERY), help=f"some of {', '.join(EVERY)}")
    parser.add_argument("--rounds", type=int, help="how often each server is measured (3; quick: 1)")
    parser.add_argument("--trace", help="automerge-paper.json.gz, or the folder it is in (STUDIOLO_TRACES)")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    return parser.parse_args()


def names(known: tuple[str, ...]):
    """An option that takes some of these names, with commas between."""

    def read(text: str) -> tuple[str, ...]:
        asked = tuple(text.split(","))
        if unknown := set(asked) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return asked

    return read


def available(asked: tuple[str, ...]) -> tuple[list[type[Server]], list[str]]:
    """The servers that can be had here, and a line on each."""
    servers: list[type[Server]] = []
    lines: list[str] = []
    for name in asked:
        server = EVERY[name]
        try:
            lines.append(f"{server.name} {server.version()}")
        except install.Missing as missing:
            lines.append(f"{server.name} left out: {missing}")
            continue
        servers.append(server)
    return servers, lines


def main() -> int:
    asked = arguments()
    # 2,000 clients are 2,000 sockets in two processes, which take over this limit.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    install.load_generator()
    say("The load generator on servers that make mistakes")
    selfcheck.check()
    servers, versions = available(asked.servers)
    plan = Plan(servers, asked.rounds or (1 if asked.quick else 3), asked.quick, Trace(asked.trace), asked.out)
    began, load_before = time.monotonic(), machine.load()
    sections: dict[str, Section] = {}
    text = ["# Rooms, beside other servers of the Yjs protocol", ""]
    for point in asked.only:
        measured = importlib.import_module(f"bench.rooms.{point}")
        say(measured.TITLE)
        try:
            section = measured.run(plan)
        except LoadFailed as failed:
            section = Section([f"It could not be measured: {failed}"], broken=[str(failed)])
        sections[point] = section
        part = [f"## {measured.TITLE}", "", *section.lines, ""]
        print("\n".join(part), flush=True)
        text += part
    text += [
        f"{date.today().isoformat()}, {machine.description()}.",
        f"{'; '.join(versions)}.",
        f"Load {load_before} when it began, {machine.load()} when it ended, {time.monotonic() - began:.0f} s;"
        f" median of up to {plan.rounds} round(s), lowest to highest in brackets."
        + (" **A quick run: not to be quoted.**" if asked.quick else ""),
    ]
    print("\n".join(text[-3:]))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text("\n".join(text) + "\n", "utf-8")
    return verdict(sections)


def verdict(sections: dict[str, Section]) -> int:
    """Say what was missed; fail when the studio lost, doubled or reordered anything."""
    for point, section in sections.items():
        for line in section.missed:
            say(f"missed in {point}: {line}")
    broken = [f"{point}: {fault}" for point, section in sections.items() for fault in section.broken]
    for line in broken:
        say(f"BROKEN in {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
