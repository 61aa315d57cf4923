"""What review costs, point by point, each beside something else in the same run.

    .venv/bin/python -m bench.review [--quick] [--only POINT,...] [--rounds N] [--trace FILE]
                                     [--out bench/results/review.md]

`typing` and `reviewer` drive a real Chromium (STUDIOLO_BROWSER), `tokens` asks the embedded model's tokenizer.
"""

from __future__ import annotations

import argparse
import importlib
import time
from datetime import date
from pathlib import Path

from bench.review.plan import Plan
from bench.rooms import machine
from bench.rooms.__main__ import names, verdict
from bench.rooms.compare import Section, say
from bench.rooms.documents import Trace

POINTS = ("trace", "accepting", "quoting", "tokens", "typing", "reviewer")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each: to look, not to quote")
    parser.add_argument("--only", type=names(POINTS), default=POINTS, help=f"some of {', '.join(POINTS)}")
    parser.add_argument("--rounds", type=int, help="how often each is measured (5; quick: 1)")
    parser.add_argument("--trace", help="automerge-paper.json.gz, or the folder it is in (STUDIOLO_TRACES)")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    plan = Plan(asked.rounds or (1 if asked.quick else 5), asked.quick, Trace(asked.trace))
    began, load_before = time.monotonic(), machine.load()
    sections: dict[str, Section] = {}
    text = ["# What review costs", ""]
    for point in asked.only:
        measured = importlib.import_module(f"bench.review.{point}")
        say(measured.TITLE)
        sections[point] = section = measured.run(plan)
        part = [f"## {measured.TITLE}", "", *section.lines, ""]
        print("\n".join(part), flush=True)
        text += part
    text += [
        f"{date.today().isoformat()}, {machine.description()}.",
        f"Load {load_before} when it began, {machine.load()} when it ended, {time.monotonic() - began:.0f} s;"
        f" median of {plan.rounds} round(s), lowest to highest in brackets."
        + (" **A quick run: not to be quoted.**" if asked.quick else ""),
    ]
    print("\n".join(text[-2:]))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text("\n".join(text) + "\n", "utf-8")
    return verdict(sections)


if __name__ == "__main__":
    raise SystemExit(main())
