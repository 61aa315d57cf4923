"""How models behave on a canvas: opens the right lens, edits or rewrites as asked and nothing else, comments where it
belongs, keeps to a length, and leaves the page alone when nothing is asked.

    .venv/bin/python -m bench.behaviours [--model NAME ...] [--only BEHAVIOUR ...] [--quick [--each N]]
                                         [--rules] [--out FILE [--add]]

NAME is any model of the studio in --home (STUDIOLO_HOME), or a control: oracle, vandal, yes, silent. Without --model
the controls and the studio's default model are asked.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from bench.behaviours.asking import ask
from bench.behaviours.case import BEHAVIOURS, Case
from bench.behaviours.cases import CASES
from bench.behaviours.controls import CONTROLS
from bench.behaviours.reporting import Asked, report
from bench.behaviours.rules import rules
from bench.behaviours.scoring import score
from bench.rooms import machine
from studiolo.canvas import StudioloError
from studiolo.models import Models
from studiolo.settings import Settings

OF_EACH = 4  # cases of a behaviour in a quick run


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.behaviours", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", nargs="+", default=[], metavar="NAME", help="models and controls, in this order")
    parser.add_argument("--only", nargs="+", choices=BEHAVIOURS, default=list(BEHAVIOURS), metavar="BEHAVIOUR")
    parser.add_argument("--quick", action="store_true", help="a few cases of each: to look, not to quote")
    parser.add_argument("--each", type=int, default=OF_EACH, metavar="N", help=f"so many in a quick run ({OF_EACH})")
    parser.add_argument("--agent", default="co-author", help="who is asked (co-author)")
    parser.add_argument("--seconds", type=float, default=120.0, help="the most that one case may take (120)")
    parser.add_argument("--home", type=Path, help="the studio's data folder, where models.toml lies")
    parser.add_argument("--out", type=Path, help="also write the result to this file, again and again as it grows")
    parser.add_argument("--rules", action="store_true", help="ask no model: only which skill rules choose")
    parser.add_argument("--add", action="store_true", help="keep what the file has, and write below it")
    return parser.parse_args(given)


def chosen(only: Sequence[str], quick: bool, each: int = OF_EACH) -> list[Case]:
    """The cases to ask, one of each behaviour after another, so that a run that is ended early has some of all; of a
    quick run a few of each, spread over its texts."""
    found: list[list[Case]] = []
    for behaviour in only:
        of_it = [case for case in CASES if case.behaviour == behaviour]
        found.append(of_it[:: -(-len(of_it) // each)] if quick else of_it)
    return [case for row in zip_longest(*found) for case in row if case is not None]


async def run(asked: argparse.Namespace) -> int:
    home = asked.home or Settings.from_env(os.environ).home
    models = Models(home, os.environ)
    names: list[str] = asked.model or [*CONTROLS, models.default]
    cases = chosen(asked.only, asked.quick, max(1, asked.each))
    done: list[Asked] = []
    above = asked.out.read_text("utf-8") + "\n" if asked.add and asked.out and asked.out.exists() else ""
    began, load = time.monotonic(), machine.load()

    def tell() -> str:
        text = report(done, names, cases, asked.quick, load, time.monotonic() - began)
        if asked.out:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(above + text, "utf-8")
        return text

    try:
        for name in names:
            for case in cases:
                came = await ask(case, models, name, asked.seconds, asked.agent)
                done.append(Asked(name, case, came, score(case, came)))
                if name not in CONTROLS:
                    print(done[-1].line(), file=sys.stderr, flush=True)
                    tell()
    except StudioloError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return 1
    finally:
        await models.close()
        print(tell())
    return 0


def main() -> int:
    asked = arguments()
    if not asked.rules:
        return asyncio.run(run(asked))
    text = rules(chosen(asked.only, asked.quick, max(1, asked.each)))
    print(text)
    if asked.out:
        above = asked.out.read_text("utf-8") + "\n" if asked.add and asked.out.exists() else ""
        asked.out.write_text(above + text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
