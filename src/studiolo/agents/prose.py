"""Prose as agents need to see it: words, sentences, paragraphs, and whether two passages say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz import fuzz

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "st",
        "jr",
        "sr",
        "prof",
        "rev",
        "gen",
        "capt",
        "col",
        "lt",
        "sgt",
        "vs",
        "etc",
        "no",
        "vol",
        "fig",
        "cf",
        "al",
        "ca",
        "i.e",
        "e.g",
        "a.m",
        "p.m",
        "u.s",
    ]
)
_END = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s|$)|[。！？]+[」』”’)]*")
# Lines of Markdown that are structure rather than prose: they are never handed to a model for rewriting.
_STRUCTURE = re.compile(r"^\s*(#{1,6}\s|```|~~~|\||---+\s*$|\*\*\*+\s*$|<|!\[|\[[^\]]+\]:\s)")
_LEAD = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?|\s*>\s?|\s+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text. Joining all pieces' `text` gives the text back; only prose is for a model."""

    text: str
    prose: bool
    start: int = 0


def words(text: str) -> list[str]:
    """The words of a text, as they are written."""
    return _WORD.findall(text)


def folded(text: str) -> str:
    """Lower case, single blanks, straight quotes, no punctuation: for comparing what is said."""
    return " ".join(word.lower().replace("’", "'") for word in _WORD.findall(text))


def alike(one: str, other: str, *, any_order: bool = False) -> float:
    """How alike two passages are, 0 to 1, whatever their punctuation and case, or even the order of their words."""
    a, b = folded(one), folded(other)
    if a == b:
        return 1.0
    return max(fuzz.ratio(a, b), fuzz.token_sort_ratio(a, b) if any_order else 0.0) / 100


def sentence_ends(text: str) -> list[int]:
    """The offsets just behind every finished sentence."""
    ends: list[int] = []
    for match in _END.finditer(text):
        before = text[: match.start()].rsplit(None, 1)
        last = before[-1].lstrip("\"'“‘([").lower() if before and match.group().startswith(".") else ""
        if last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and last != "i"):
            continue
        follows = text[match.end() :].lstrip()
        # «"Stop!" he said» is one sentence
        if match.group()[-1] in "\"'”’" and follows[:1].islower():
            continue
        ends.append(match.end())
    return ends


def sentences(text: str) -> list[Piece]:
    """The sentences of one paragraph, and the blanks between them as pieces that are not prose."""
    pieces: list[Piece] = []
    at = 0
    for end in [*sentence_ends(text), len(text)]:
        chunk = text[at:end]
        body = chunk.lstrip()
        lead = len(chunk) - len(body)
        tail = len(body) - len(body.rstrip())
        body = body.rstrip()
        if lead:
            pieces.append(Piece(chunk[:lead], False, at))
        if body:
            pieces.append(Piece(body, bool(_WORD.search(body)), at + lead))
        if tail and body:
            pieces.append(Piece(chunk[len(chunk) - tail :], False, end - tail))
        at = end
    return pieces


def paragraphs(text: str) -> list[Piece]:
    """The paragraphs of Markdown (hard-wrapped lines belong together); headings, code, tables and blanks aside."""
    pieces: list[Piece] = []
    fenced = False
    run = ""
    at = 0

    def flush() -> None:
        nonlocal run, at
        if not run:
            return
        lead = _LEAD.match(run)
        head = lead.group() if lead else ""
        body = run[len(head) :]
        tail = body[len(body.rstrip()) :]
        body = body.rstrip()
        for part, prose in ((head, False), (body, bool(_WORD.search(body))), (tail, False)):
            if part:
                pieces.append(Piece(part, prose, at))
                at += len(part)
        run = ""

    for line in text.splitlines(keepends=True):
        fence = line.lstrip().startswith(("```", "~~~"))
        if fence or fenced or not line.strip() or _STRUCTURE.match(line):
            flush()
            pieces.append(Piece(line, False, at))
            at += len(line)
            fenced = fenced != fence
        elif run and _LEAD.match(line) and not line.startswith(" " * 2):
            flush()
            run = line
        else:
            run += line
    flush()
    return pieces


def reading_ease(text: str) -> float:
    """Flesch's reading ease of English (1948): about 100 is very easy, 0 very hard."""
    said = words(text)
    if not said:
        return 100.0
    syllables = sum(max(1, len(re.findall(r"[aeiouyà-ü]+", re.sub(r"e$", "", word.lower())))) for word in said)
    return 206.835 - 1.015 * len(said) / max(1, len(sentence_ends(text))) - 84.6 * syllables / len(said)


def estimate_tokens(text: str) -> int:
    """How many tokens a text is at most, more or less: models differ, so this errs on the long side."""
    ascii_characters = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return round(ascii_characters / 3.2 + (len(text) - ascii_characters) * 1.6) + 1
