"""Scrivener projects: a folder `Name.scriv`, zipped, with an outline (`.scrivx`) and one RTF file for each text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from studiolo.canvas.errors import Invalid
from studiolo.formats.archives import Budget, Element, parse_xml, unpack
from studiolo.formats.docx_reading import markdown_of
from studiolo.formats.drafts import PageDraft
from studiolo.formats.kinds import PageKind
from studiolo.formats.marks import unmarked

WANTED = re.compile(r"(?i)(\.scrivx|/content\.(rtf|txt|md)|/Docs/\d+\.(rtf|txt)|content\.comments)$")
CODES = re.compile(r"<!?\$Scr_[^>]{0,60}>|<!?\$[\w:]{1,40}>")
DEEPEST = 50


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of the outline: where its file is, its title, and what it is."""

    title: str
    file: str
    kind: PageKind


def read_scrivener(name: str, data: bytes, budget: Budget) -> tuple[str, list[PageDraft], list[str]]:
    """The project's title, its manuscript in the outline's order and then its research as notes, and what was left."""
    files = dict(unpack(name, data, budget, lambda path: bool(WANTED.search(path)) and "__MACOSX" not in path))
    outline = next((path for path in files if path.lower().endswith(".scrivx")), None)
    if outline is None:
        raise Invalid(f"{name} is no Scrivener project.", "Zip the whole folder that ends in .scriv.")
    root = parse_xml(outline, files[outline])
    binder = root.find("Binder")
    by_id = {_id(path): path for path in files if not path.lower().endswith((".scrivx", ".comments"))}
    texts = [text for item in (binder if binder is not None else []) for text in _texts(item, by_id, "prose", 0)]
    pages: list[PageDraft] = []
    for text in [*(text for text in texts if text.kind == "prose"), *(text for text in texts if text.kind == "note")]:
        content = _read(text, files[text.file]) if text.file else ""
        if content.strip():
            pages.append(PageDraft(text.title or "Untitled", content, text.kind))
    if not pages:
        raise Invalid(f"{name} holds no text.", "Open the project in Scrivener and save it again.")
    notes = []
    if any(path.lower().endswith(".comments") for path in files):
        notes.append("Scrivener's comments were left out; compile to .docx to bring them along.")
    title = re.sub(r"(?i)\.scrivx$", "", outline.rsplit("/", 1)[-1])
    return title, pages, notes


def _texts(item: Element, files: dict[str, str], kind: PageKind, depth: int) -> Iterator[_Text]:
    type = item.get("Type") or ""
    if type == "TrashFolder" or depth > DEEPEST:
        return
    kind = "note" if type == "ResearchFolder" or (depth == 0 and type != "DraftFolder") else kind
    title = " ".join((item.findtext("Title") or "").split())[:120]
    file = files.get((item.get("UUID") or item.get("ID") or "").lower(), "")
    if type != "DraftFolder" and file:
        yield _Text(title, file, kind)
    children = item.find("Children")
    for child in children if children is not None else []:
        yield from _texts(child, files, kind, depth + 1)


def _id(path: str) -> str:
    """What the outline calls a text: the folder its file is in, or in older projects the file's number."""
    parts = path.split("/")
    if parts[-1].lower().startswith("content.") and len(parts) > 1:
        return parts[-2].lower()
    return parts[-1].rsplit(".", 1)[0].lower()


def _read(text: _Text, data: bytes) -> str:
    if not data.lstrip().startswith(b"{\\rtf"):
        return unmarked(data.decode("utf-8", "replace").replace("\r\n", "\n"))
    if not data.strip():
        return ""
    body = markdown_of(data, "rtf", text.title or "A text of the project")[2]
    body = CODES.sub("", unmarked(body).replace("\\<", "<").replace("\\>", ">")) if "$Scr" in body else unmarked(body)
    return body.strip("\n") + "\n"
