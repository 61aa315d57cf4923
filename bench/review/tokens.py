"""What a model has to write for a change: hunks that quote, beside the whole text again.

Changes as editors make them (a slip mended, a sentence put better, one cut, one added, a name changed throughout) in
chapters of *Moby Dick* and in a program of this project. Each is written as the JSON of the `suggest` action, with
just enough around each quote that it fits in one place only, and is applied by the canvas to see that it is the same
change. Beside it: the page written anew, as open canvases do when nothing is selected, and the paragraph written anew,
as they do for a selection. Tokens are those of the embedded model's tokenizer.
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2

from bench.review.plan import ANN, Plan, blank
from bench.rooms.compare import Section
from bench.rooms.documents import SEED
from studiolo.canvas.diff import rewrite_hunks
from studiolo.canvas.errors import QuoteAmbiguous
from studiolo.canvas.quotes import Quote, resolve
from studiolo.models import weights
from tests.e2e import novel

TITLE = "Tokens that a model writes for a change"
ROOT = Path(__file__).resolve().parents[2]


Tokens = tuple[int, int, int]


@dataclass(frozen=True)
class Change:
    kind: str
    old: str
    new: str


def run(plan: Plan) -> Section:
    changes = made(4 if plan.quick else 25)
    lines = [
        "| change | hunks | paragraphs anew | page anew | hunks / paragraphs | hunks / page |",
        "|---|---|---|---|---|---|",
    ]
    everything: list[Tokens] = []
    with tokenizer() as count:
        for kind in dict.fromkeys(change.kind for change in changes):
            found = [tokens_of(change, count) for change in changes if change.kind == kind]
            everything += found
            lines.append(row(kind, found))
    lines += [row("**all**", everything), "", "Median tokens; the ratios are medians of each change's own ratio."]
    return Section(lines)


def row(kind: str, found: list[Tokens]) -> str:
    hunks, paragraphs, page = (statistics.median(column) for column in zip(*found, strict=True))
    to_paragraphs = statistics.median(one[0] / one[1] for one in found)
    to_page = statistics.median(one[0] / one[2] for one in found)
    return f"| {kind} | {hunks:,.0f} | {paragraphs:,.0f} | {page:,.0f} | {to_paragraphs:.2f} | {to_page:.3f} |"


def tokens_of(change: Change, count: Callable[[str], int]) -> Tokens:
    """Tokens of the hunks, of the paragraphs that change, and of the page."""
    hunks = shortest(change)
    canvas, page, _, _ = blank(change.old)
    id = canvas.apply({"type": "suggest", "page": page, "hunks": hunks}, ANN).id
    canvas.apply({"type": "accept", "suggestion": id}, ANN)
    assert canvas.page_text(page) == change.new, "the hunks make another change"
    old, new = change.old.split("\n\n"), change.new.split("\n\n")
    anew = [one for one in new if one not in set(old)] or [""]
    return (
        count(json.dumps({"hunks": hunks}, ensure_ascii=False)),
        count("\n\n".join(anew)),
        count(change.new),
    )


def shortest(change: Change) -> list[dict[str, str]]:
    """The change as hunks, each with as many whole words around it as it takes to fit in one place."""
    hunks: list[dict[str, str]] = []
    for hunk in rewrite_hunks(change.old, change.new):
        for words in range(0 if hunk.find else 2, 200):
            left, right = last_words(hunk.before, words), first_words(hunk.after, words)
            if words > 6:  # rare: quote more than the hunk carries
                at = change.old.index(hunk.before + hunk.find + hunk.after) + len(hunk.before)
                left, right = last_words(change.old[:at], words), first_words(change.old[at + len(hunk.find) :], words)
            try:
                resolve(change.old, Quote(hunk.find, left, right))
            except QuoteAmbiguous:
                continue
            quoted = {"find": hunk.find, "replace": hunk.replace, "before": left, "after": right}
            hunks.append({name: text for name, text in quoted.items() if text or name == "replace"})
            break
    return hunks


def last_words(text: str, words: int) -> str:
    found = re.search(rf"(?:\S+\s*){{{words}}}$", text) if words else None
    return found.group() if found else ""


def first_words(text: str, words: int) -> str:
    found = re.match(rf"(?:\s*\S+){{{words}}}", text) if words else None
    return found.group() if found else ""


def made(each: int) -> list[Change]:
    """Changes of every kind, always the same."""
    random = Random(SEED)
    chapters = [part for part in novel.parts() if 4_000 < len(part) < 25_000]
    program = (ROOT / "src" / "studiolo" / "canvas" / "paging.py").read_text()
    changes: list[Change] = []
    for _ in range(each):
        text = random.choice(chapters)
        sentence = random.choice([one for one in re.findall(r"[A-Z][^.!?\n]{40,200}\.", text) if text.count(one) == 1])
        word = random.choice(re.findall(r"[a-z]{5,}", sentence))
        slip = sentence.replace(word, word[:-2] + word[-1] + word[-2], 1)
        changes.append(Change("a slip mended", text.replace(sentence, slip, 1), text))
        words = sentence.split()
        better = " ".join([*words[: len(words) // 3], "without a word", *words[len(words) // 2 :]])
        changes.append(Change("a sentence put better", text, text.replace(sentence, better, 1)))
        changes.append(Change("a sentence cut", text, text.replace(sentence, "", 1)))
        added = sentence + " Nobody on board had an answer to that, and nobody looked for one."
        changes.append(Change("a sentence added", text, text.replace(sentence, added, 1)))
        name = "Ahab" if "Ahab" in text else "whale"
        changes.append(Change("a name changed throughout", text, re.sub(rf"\b{name}\b", "Marlow", text)))
        lines = program.splitlines(keepends=True)
        at = random.choice([number for number, line in enumerate(lines) if line.strip().startswith(("return", "if "))])
        guarded = [
            *lines[:at],
            lines[at].replace("return", "return None or", 1).replace("if ", "if not ", 1),
            *lines[at + 1 :],
        ]
        changes.append(Change("a line of a program", program, "".join(guarded)))
    return [change for change in changes if change.old != change.new]


@contextmanager
def tokenizer() -> Iterator[Callable[[str], int]]:
    """How many tokens a text is to the embedded model: its engine is asked, which listens on loopback."""
    xllamacpp = importlib.import_module("xllamacpp")  # compiled, without type information
    params = xllamacpp.CommonParams()
    params.model.path = str(weights.bundled())
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, ["bench"]
    params.n_ctx, params.cpuparams.n_threads = 512, 1
    params.ui = params.warmup = params.fit_params = False
    params.verbosity = 1
    server = xllamacpp.Server(params)
    with httpx2.Client(base_url=server.listening_address, headers={"Authorization": "Bearer bench"}) as engine:
        yield lambda text: len(engine.post("/tokenize", json={"content": text}).raise_for_status().json()["tokens"])
