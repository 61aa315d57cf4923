"""Text in any encoding: chapters and headings of prose, lines of code, cells of a notebook, the parts of JSON."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import PurePosixPath
from typing import Any

from studiolo.canvas.errors import Invalid
from studiolo.formats import kind_of, split_chapters
from studiolo.formats.chapters import clean_title
from studiolo.tools.reading.sections import Reading, Section, lines_as_sections, one_line

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEADING = re.compile(r" {0,3}(#{1,4})[ \t]+(\S.{0,300})$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_DEF = re.compile(r"(?:export\s+)?(?:async\s+)?(?:def|class|function|func|fn|interface|struct|enum|trait|type)\s+(\w+)")
_LONG = 4_000  # characters of a chapter above which its own headings divide it


def decoded(name: str, data: bytes) -> tuple[str, list[str]]:
    """A file's text with plain line ends, and what is to be said of how it was found. Raises `Invalid`."""
    said: list[str] = []
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            break
    else:
        if b"\0" in data[:8192]:
            raise Invalid(f"{name} is no text, and of no format that is read here.", f"Choose one of these: {_read()}.")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            from charset_normalizer import from_bytes

            guess = from_bytes(data[:200_000]).best()
            encoding = guess.encoding if guess else "cp1252"
            text = data.decode(encoding, "replace")
            said.append(f"It is not UTF-8; it was read as {encoding}.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), said


def _read() -> str:
    from studiolo.tools.reading.kinds import READ

    return READ


def read_text(text: str, name: str, suffix: str) -> Reading:
    """Prose by its chapters and headings, code and whatever else by its lines."""
    title = PurePosixPath(name).name
    if kind_of(name) == "code":
        return Reading(title, "text/x-code", lines_as_sections(text), {"kind": "code", "outline": _symbols(text)})
    markdown = suffix not in (".txt", ".text", ".log")
    stated, sections = prose(text, markdown)
    type = "text/markdown" if suffix in (".md", ".markdown", ".mdown") else "text/plain"
    return Reading(stated or title, type, sections, {"kind": "text"})


def prose(text: str, markdown: bool) -> tuple[str, list[Section]]:
    """The title that a text gives itself, and its sections."""
    stated, chapters = split_chapters(text, markdown)
    if len(chapters) == 1 and not chapters[0].title and not markdown:
        return "", lines_as_sections(text)
    sections: list[Section] = []
    for number, chapter in enumerate(chapters, start=1):
        name = chapter.title or (f"part {number}" if len(chapters) > 1 else "")
        if markdown and (len(chapter.text) > _LONG or len(chapters) == 1):
            sections += _by_headings(chapter.text, name)
        else:
            sections.append(Section(chapter.title, name, chapter.text))
    return stated or "", sections


def _by_headings(text: str, under: str) -> list[Section]:
    """A chapter at the headings in it; the place of each names the chapter, too."""
    sections: list[Section] = []
    title, lines, fenced = under, [], False

    def end() -> None:
        body = "\n".join(lines)
        if body.strip():
            place = title if not under or title == under else f"{under}, {title}" if title else under
            sections.append(Section(title, place, body + "\n"))

    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        found = None if fenced else _HEADING.match(line)
        if found:
            end()
            title, lines = clean_title(found.group(2).rstrip("# \t")) or under, []
        lines.append(line)
    end()
    return sections


def _symbols(text: str) -> list[list[Any]]:
    """The functions and classes of a source file, with the section that each is in."""
    found: list[list[Any]] = []
    for number, line in enumerate(text.split("\n")):
        if (named := _DEF.match(line.strip())) and len(found) < 300:
            found.append([min(2, (len(line) - len(line.lstrip())) // 2), one_line(named.group(0), 80), number // 400])
    return found


def read_json(text: str, name: str, suffix: str) -> Reading:
    """A notebook by its cells, an object by its keys, lines of JSON by their lines."""
    title = PurePosixPath(name).name
    if suffix in (".jsonl", ".ndjson"):
        return Reading(title, "application/x-ndjson", lines_as_sections(text), {"kind": "data"})
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        reading = Reading(title, "application/json", lines_as_sections(text), {"kind": "data"})
        reading.problems.append(
            f"It is no JSON that can be read ({str(error)[:100]}); its lines were taken as they are."
        )
        return reading
    if isinstance(value, dict) and isinstance(value.get("cells"), list):
        return _notebook(value, title)
    parts: list[tuple[str, Any]] = list(value.items()) if isinstance(value, dict) else [("", value)]
    if len(text) < 8_000 or len(parts) > 500:
        parts = [("", value)]
    sections = [
        Section(str(key), f"$.{key}" if key else "", json.dumps(part, indent=1, ensure_ascii=False) + "\n")
        for key, part in parts
    ]
    what = f"a list of {len(value):,}" if isinstance(value, list) else "an object"
    return Reading(title, "application/json", sections, {"kind": "data", "what": what})


def _notebook(book: dict[str, Any], title: str) -> Reading:
    sections: list[Section] = []
    heading = ""
    language = str((book.get("metadata") or {}).get("kernelspec", {}).get("language", "python"))
    for number, cell in enumerate(book["cells"], start=1):
        if not isinstance(cell, dict):
            continue
        source = _joined(cell.get("source"))
        if cell.get("cell_type") == "code":
            text = f"```{language}\n{source}\n```\n" + "".join(
                f"\nOutput:\n{out}\n" for one in cell.get("outputs") or [] if (out := _output(one))
            )
        else:
            text = source + "\n"
            heading = next((f.group(2) for line in source.split("\n") if (f := _HEADING.match(line))), heading)
        sections.append(Section(clean_title(heading), f"cell {number}", text))
    outline = [
        [0, section.title, number]
        for number, section in enumerate(sections)
        if section.title and (number == 0 or sections[number - 1].title != section.title)
    ]
    return Reading(title, "application/x-ipynb+json", sections, {"kind": "notebook", "outline": outline})


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _output(one: Any) -> str:
    if not isinstance(one, dict):
        return ""
    data = one.get("data") if isinstance(one.get("data"), dict) else {}
    told = _joined(one.get("text")) or _joined((data or {}).get("text/plain")) or str(one.get("evalue", ""))
    return told[:20_000].strip()
