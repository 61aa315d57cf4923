"""What agents cost, point by point, each beside something else in the same run.

    .venv/bin/python -m bench.agents [--quick] [--only POINT,...] [--rounds N] [--out bench/results/agents.md]

The provider is recorded: a process that speaks OpenAI's wire format on a real socket, at a fixed pace.
"""

from __future__ import annotations

import argparse
import importlib
import time
from datetime import date
from pathlib import Path

from bench.agents.plan import Plan
from bench.agents.studio import provider
from bench.rooms import install, machine
from bench.rooms.__main__ import names, verdict
from bench.rooms.compare import Section, say

POINTS = ("first_token", "steps", "crowd")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.agents", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a little of each: to look, not to quote")
    parser.add_argument("--only", type=names(POINTS), default=POINTS, help=f"some of {', '.join(POINTS)}")
    parser.add_argument("--rounds", type=int, help="how often the crowd is measured (3; quick: 1)")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    install.load_generator()
    began, load_before = time.monotonic(), machine.load()
    sections: dict[str, Section] = {}
    text = ["# What agents cost", ""]
    with provider() as recorded:
        plan = Plan(recorded, asked.rounds or (1 if asked.quick else 3), asked.quick)
        for point in asked.only:
            measured = importlib.import_module(f"bench.agents.{point}")
            say(measured.TITLE)
            section = sections[point] = measured.run(plan)
            part = [f"## {measured.TITLE}", "", *section.lines, ""]
            print("\n".join(part), flush=True)
            text += part
    text += [
        f"{date.today().isoformat()}, {machine.description()}.",
        f"Load {load_before} when it began, {machine.load()} when it ended, {time.monotonic() - began:.0f} s; the "
        f"crowd in {plan.rounds} round(s). Medians, lowest to highest in brackets; ratios are taken pair by pair."
        + (" **A quick run: not to be quoted.**" if asked.quick else ""),
    ]
    print("\n".join(text[-2:]))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text("\n".join(text) + "\n", "utf-8")
    return verdict(sections)


if __name__ == "__main__":
    raise SystemExit(main())
