"""Finding the chapters of one long text: Markdown headings, or the CHAPTER lines of plain-text books."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r" {0,3}(#{1,2})[ \t]+([^ \t\n].*)$")
LONGEST_HEADING = 1_000  # characters; a longer line is a paragraph, whatever it begins with
NUMBER = (
    r"(?:[IVXLCDM]+|\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|the\s+\w+|first|second|third|last)"
)
DIVISION = r"(?:chapter|book|part|letter|stave|canto|act|section|volume)"
NAMED = r"(?:prologue|epilogue|preface|introduction|foreword|afterword|appendix(?:\s+\w{1,4})?)"
PLAIN = re.compile(rf"\s*(?:{DIVISION}\s+{NUMBER}(?:-\w+)?\b[^\n]{{0,90}}|{NAMED}\.?)\s*$", re.IGNORECASE)
GUTENBERG_END = re.compile(r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG", re.IGNORECASE)
# A heading with less than this under it is an entry of a table of contents, or a part title above its first chapter.
BODY_LETTERS = 40
CONTENTS_ENTRIES = 3


@dataclass(frozen=True, slots=True)
class Section:
    """One chapter: its title and its whole text, heading included. The texts of all sections joined are the input."""

    title: str
    text: str


def split_chapters(text: str, markdown: bool) -> tuple[str | None, list[Section]]:
    """The work's own title, if the text states one, and its chapters in order.

    Markdown splits at `# ` when there are several, else at `## ` when there are several under one `# `. Text without
    two such headings is looked at as a plain book. One section with an empty title means: nothing to split at.
    """
    lines = _lines(text)
    if markdown:
        headings = _markdown_headings(lines)
        first = [(index, title) for index, level, title in headings if level == 1]
        second = [(index, title) for index, level, title in headings if level == 2]
        if len(first) > 1:
            return None, _cut(lines, first, "Opening")
        if len(second) > 1:
            return (first[0][1] if first else None), _cut(lines, second, first[0][1] if first else "Opening")
        if first:
            return first[0][1], [Section("", text)]
    plain = _plain_headings(lines)
    return None, _cut(lines, plain, "Front matter") if len(plain) > 1 else [Section("", text)]


def first_heading(text: str) -> str | None:
    """The title a Markdown text gives itself: its heading, when that is the first thing in it."""
    for line in text.split("\n"):
        if line.strip():
            found = _heading(line)
            return clean_title(found[1]) if found else None
    return None


def clean_title(heading: str) -> str:
    """A heading as a page title: no Markdown emphasis or links, one line, at most 120 characters."""
    plain = re.sub(r"!?\[([^\[\]]*)\]\([^)]*\)", r"\1", heading[:LONGEST_HEADING])
    plain = re.sub(r"(\*\*|__|[*`])(.+?)\1", r"\2", plain)
    return " ".join(plain.split())[:120].strip()


def _heading(line: str) -> tuple[int, str] | None:
    """A line's level and title when it is a Markdown heading. The closing hashes are stripped here and not by the
    pattern, which would try every blank of a long row of them."""
    line = line.rstrip("\n")
    found = HEADING.match(line) if len(line) <= LONGEST_HEADING else None
    if found is None:
        return None
    title = found.group(2).rstrip(" \t")
    bare = title.rstrip("#")
    if bare.endswith((" ", "\t")):
        title = bare.rstrip(" \t")
    return len(found.group(1)), title


def _lines(text: str) -> list[str]:
    """Lines with their newline kept; only `\\n` ends a line, so that joining gives the text back exactly."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _markdown_headings(lines: list[str]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    fence = ""
    for index, line in enumerate(lines):
        mark = FENCE.match(line)
        if mark and (not fence or (mark.group(1).startswith(fence) and not line.strip(" \t\n`~"))):
            fence = "" if fence else mark.group(1)
            continue
        heading = None if fence else _heading(line)
        if heading and (title := clean_title(heading[1])):
            found.append((index, heading[0], title))
    return found


def _plain_headings(lines: list[str]) -> list[tuple[int, str]]:
    """Lines like `CHAPTER IV. The Rabbit` that stand alone; a table of contents is not taken for chapters."""
    found: list[tuple[int, str]] = []
    for index, line in enumerate(lines):
        alone = index == 0 or not lines[index - 1].strip()
        if alone and GUTENBERG_END.match(line.strip()):
            found.append((index, "About this edition"))
        elif alone and len(line) < 120 and PLAIN.match(line.rstrip("\n")) and _title_ends(lines, index):
            found.append((index, _plain_title(lines, index)))
    starts = [index for index, _ in found] + [len(lines)]
    bodies = [sum(len(line.strip()) for line in lines[start + 1 : end]) for start, end in pairwise(starts)]
    kept: list[tuple[int, str]] = []
    run: list[tuple[int, str]] = []
    for heading, body in zip(found, bodies, strict=True):
        run.append(heading)
        if body >= BODY_LETTERS:
            # One or two bare headings above a chapter are its part title; more are a table of contents, left alone.
            kept.append((run[0][0] if len(run) < CONTENTS_ENTRIES else heading[0], heading[1]))
            run = []
    return kept


def _title_ends(lines: list[str], index: int) -> bool:
    """Whether a blank line follows the heading, or one more line of it and then a blank."""
    after = [line.strip() for line in lines[index + 1 : index + 3]]
    if not after or not after[0]:
        return True
    return len(after[0]) < 70 and (len(after) < 2 or not after[1]) and not after[0].endswith((",", ";"))


def _plain_title(lines: list[str], index: int) -> str:
    title = lines[index].strip()
    below = lines[index + 1].strip() if index + 1 < len(lines) else ""
    if below and re.fullmatch(rf"{DIVISION}\s+{NUMBER}[.:]?", title, re.IGNORECASE):
        title = f"{title.rstrip('.:')}. {below}"
    return clean_title(title.rstrip(".")) or "Chapter"


def _cut(lines: list[str], headings: list[tuple[int, str]], opening: str) -> list[Section]:
    sections: list[Section] = []
    before = lines[: headings[0][0]]
    # Blank lines or the work's title above the first chapter belong to it; anything more is a page of its own.
    bare = all(not line.strip() or _heading(line) for line in before)
    first = 0 if bare else headings[0][0]
    if not bare:
        sections.append(Section(opening, "".join(before)))
    ends = [index for index, _ in headings[1:]] + [len(lines)]
    starts = [first] + [index for index, _ in headings[1:]]
    for (_, title), start, end in zip(headings, starts, ends, strict=True):
        sections.append(Section(title, "".join(lines[start:end])))
    return sections
