"""Who wrote what, beside exported files: `.studiolo/authorship.json` in their folder or zip.

For each file it holds the SHA-256 of its text, its runs (`length` in code points, `name`, `how`, perhaps `kind` and
`suggestion`), and its words as lengths and short hashes. So a file that was edited elsewhere meanwhile gets its
authors back for the words that are still there, and the words themselves are not in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz.distance import Indel

from studiolo.canvas.diff import tokens
from studiolo.formats.drafts import PageDraft

PATH = ".studiolo/authorship.json"
FORMAT = "studiolo authorship 1"
LARGEST_COMPARISON = 400_000_000  # words of one text times words of the other
LONGEST_NAME = 100
HOW = ("typed", "accepted", "pasted", "imported")


def authors_file(files: Sequence[tuple[str, PageDraft]]) -> bytes:
    """The file for pages under the names that they are exported with."""
    told = {
        name: {"sha256": _hash(page.text), "runs": list(page.authors), "words": _words(page.text)}
        for name, page in files
        if page.authors
    }
    return json.dumps({"format": FORMAT, "files": told}, ensure_ascii=False, separators=(",", ":")).encode()


def authors_of(data: bytes) -> dict[str, Any]:
    """What such a file tells of each name; nothing when it is none, for it is only an addition."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    files = told.get("files") if isinstance(told, dict) and told.get("format") == FORMAT else None
    return {name: one for name, one in files.items() if isinstance(one, dict)} if isinstance(files, dict) else {}


def authors_in(told: Mapping[str, Any], text: str) -> tuple[dict[str, Any], ...]:
    """Who wrote which run of a text, by what was told of it as it was: () when that cannot be made sense of."""
    runs = _runs(told.get("runs"))
    if not runs:
        return ()
    if told.get("sha256") == _hash(text):
        return tuple(runs) if sum(run["length"] for run in runs) <= len(text) else ()
    words = told.get("words")
    if not isinstance(words, list) or not all(
        isinstance(word, list) and len(word) == 2 and isinstance(word[0], int) and 0 < word[0] <= 10_000_000
        for word in words
    ):
        return ()
    return tuple(_carried(runs, words, text))


def _runs(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        return []
    runs: list[dict[str, Any]] = []
    for run in given:
        if not isinstance(run, dict) or not isinstance(run.get("length"), int) or run["length"] <= 0:
            return []
        kept: dict[str, Any] = {"length": run["length"], "name": str(run.get("name") or "")[:LONGEST_NAME]}
        if run.get("how") in HOW:
            kept["how"] = run["how"]
        if run.get("kind") in ("person", "agent"):
            kept["kind"] = run["kind"]
        suggestion = run.get("suggestion")
        if isinstance(suggestion, dict) and len(json.dumps(suggestion)) < 10_000:
            kept["suggestion"] = {
                str(name)[:40]: value for name, value in suggestion.items() if isinstance(value, str | int | float)
            }
        runs.append(kept)
    return runs


def _carried(runs: Sequence[dict[str, Any]], words: Sequence[Any], text: str) -> list[dict[str, Any]]:
    """The runs of the old text, for the words that the new one still has; what is new has no name."""
    now = tokens(text)
    old, new = [str(word[1]) for word in words], [_short(word) for word in now]
    low = 0
    while low < min(len(old), len(new)) and old[low] == new[low]:
        low += 1
    high = 0
    while high < min(len(old), len(new)) - low and old[-1 - high] == new[-1 - high]:
        high += 1
    middle_old, middle_new = old[low : len(old) - high], new[low : len(new) - high]
    same: dict[int, int] = {place: place for place in range(low)}
    same |= {len(new) - 1 - place: len(old) - 1 - place for place in range(high)}
    if len(middle_old) * len(middle_new) <= LARGEST_COMPARISON:
        for op in Indel.opcodes(middle_old, middle_new):
            if op.tag == "equal":
                for step in range(op.src_end - op.src_start):
                    same[low + op.dest_start + step] = low + op.src_start + step
    starts = [0]
    for word in words:
        starts.append(starts[-1] + word[0])
    carried: list[dict[str, Any]] = []
    bounds: list[int] = []
    end = 0
    for run in runs:
        end += run["length"]
        bounds.append(end)
    at = 0
    for place, word in enumerate(now):
        left = len(word)
        source = same.get(place)
        if source is None or words[source][0] != left:
            _add(carried, {"length": left, "name": ""})
            continue
        here = starts[source]
        while at and bounds[at - 1] > here:
            at -= 1
        while left:
            while at < len(runs) and bounds[at] <= here:
                at += 1
            if at == len(runs):
                _add(carried, {"length": left, "name": ""})
                break
            taken = min(left, bounds[at] - here)
            _add(carried, {**runs[at], "length": taken})
            left -= taken
            here += taken
    return carried


def _add(runs: list[dict[str, Any]], run: dict[str, Any]) -> None:
    if runs and {**runs[-1], "length": 0} == {**run, "length": 0}:
        runs[-1]["length"] += run["length"]
    else:
        runs.append(dict(run))


def _words(text: str) -> list[list[Any]]:
    return [[len(word), _short(word)] for word in tokens(text)]


def _short(word: str) -> str:
    """Eighteen bits of a word: enough to align by, and no word can be read from it for sure."""
    return base64.b64encode(hashlib.sha256(word.encode()).digest()[:3]).decode()[:3]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
