"""From named bytes to pages, whatever format they are in: what a file is, its content says, and not its name alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from studiolo.canvas.errors import Invalid
from studiolo.formats.archives import Budget, etree, names_in, packed, parse_xml, unpack
from studiolo.formats.authors_file import PATH as AUTHORS
from studiolo.formats.authors_file import authors_in, authors_of
from studiolo.formats.chapters import Section, first_heading, split_chapters
from studiolo.formats.drafts import Imported, PageDraft, cut, trimmed
from studiolo.formats.kinds import PROSE_SUFFIXES, PageKind, is_text_name, kind_of
from studiolo.formats.marks import FIRST
from studiolo.formats.untangling import ROW, WIDE
from studiolo.formats.weaving import rejoined

BOM = b"\xef\xbb\xbf"
ORDER_PREFIX = re.compile(r"^\d{1,4}[-_. ]+(?=\S)")
DOCUMENTS = frozenset(
    {".docx", ".docm", ".dotx", ".odt", ".epub", ".rtf", ".fdx", ".fountain", ".spmd", ".html", ".htm"}
)
# What cannot be read, by its first bytes, and what to do instead.
STRANGE = (
    (b"%PDF", "a PDF", "A PDF holds shapes of letters and no text to work on: import the file that it was made from."),
    (b"\xd0\xcf\x11\xe0", "an old Word file", "Open it in a word processor and save it as .docx."),
    (b"{\\rtf0", "an old RTF", "Open it in a word processor and save it as .docx."),
)
UNREAD = re.compile(r"(?i)\.(png|jpe?g|gif|svg|webp|bmp|tiff?|ttf|otf|woff2?|mp3|mp4|css|js)$|^(Thumbnails|Pictures)/")
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
SCENES = chr(FIRST)  # a line between scenes, on its way through pandoc
SCREENPLAYS = frozenset({".fountain", ".spmd"})


def decode(name: str, data: bytes) -> str:
    """A file's text: UTF-8, a byte order mark dropped, Windows and old Mac line ends made `\\n`. Raises `Invalid`."""
    body = data.removeprefix(BOM)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start + len(data) - len(body)
        line = body.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"{name} is not UTF-8 text: byte 0x{data[at]:02X} at offset {at} (line {line}) does not belong there.",
            "Save the file with the encoding UTF-8 and import it again.",
            file=name,
            offset=at,
            line=line,
        ) from None
    if (nul := text.find("\0")) >= 0:
        at = len(text[:nul].encode()) + len(data) - len(body)
        raise Invalid(
            f"{name} looks like a binary file: there is a zero byte at offset {at}.",
            "Import text files: Markdown, plain text, source code or tables; or .docx, .odt, .epub, .rtf, .fdx.",
            file=name,
            offset=at,
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_files(
    files: Sequence[tuple[str, bytes]], title: str | None = None, folder: bool = False, whole: bool = False
) -> Imported:
    """Pages of the given files, in the given order.

    A single prose file or document is divided at its chapters, unless it is to be one page (`whole`). Several files, a
    folder (`folder=True`) or a zip give one page each, in natural order of their names. Raises `Invalid` when there is
    nothing to read or a file is damaged, and `TooLarge` when they are more than one import may hold, all zips and
    files together.
    """
    several = folder or len(files) != 1
    unpacked: list[tuple[str, bytes]] = []
    named = PurePosixPath(files[0][0].replace("\\", "/")).stem if len(files) == 1 else ""
    budget = Budget()
    for name, data in files:
        kind = kind_of_content(name, data)
        if kind == "zip":
            unpacked += unpack(name, data, budget, _wanted)
            several = True
        else:
            budget.take(1, len(data))
            unpacked.append((name, data))
    authors = {}
    for name, data in unpacked:
        if name.endswith(AUTHORS):
            folder_name = name.removesuffix(AUTHORS)
            authors |= {folder_name + path: told for path, told in authors_of(data).items()}
    unpacked = [(name, data) for name, data in unpacked if not name.endswith(AUTHORS)]
    if several:
        unpacked.sort(key=lambda file: _natural(file[0]))
    if not unpacked:
        raise Invalid("There is no text file to import.", "Choose Markdown, text, .docx, .odt, .epub, .fdx or a zip.")
    notes: list[str] = []
    if not several:
        name, data = unpacked[0]
        stated, pages = _one_file(name, data, budget, notes, whole)
        return Imported(title or stated or pages[0].title, pages, tuple(notes))
    pages = []
    for name, data in unpacked:
        made = _read(name, data, budget, notes, divided=False)[1]
        if name in authors and len(made) == 1:
            made = [replace(made[0], authors=authors_in(authors[name], made[0].text))]
        pages += made
    return Imported(title or _title_from(named) or pages[0].title, pages, tuple(dict.fromkeys(notes)))


def kind_of_content(name: str, data: bytes) -> str:
    """What a file is: docx, odt, epub, scrivener, canvas, zip, rtf, fdx, html, fountain, or text."""
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if data.startswith(b"PK") or suffix == ".zip":
        paths = names_in(data)
        lower = [path.lower() for path in paths]
        if "word/document.xml" in lower or any(re.fullmatch(r"word/document\d+\.xml", path) for path in lower):
            return "docx"
        if "studiolo.json" in lower:
            return "canvas"
        if "mimetype" in lower:
            start = data[:200]
            if b"application/epub+zip" in start or "meta-inf/container.xml" in lower:
                return "epub"
            if "content.xml" in lower:
                return "odt"
        if any(path.endswith(".scrivx") for path in lower):
            return "scrivener"
        return "zip"
    head = data[:1000].removeprefix(BOM).lstrip()
    if head.startswith(b"{\\rtf1"):
        return "rtf"
    if head.startswith((b"<?xml", b"<FinalDraft")) and b"<FinalDraft" in data[:5000]:
        return "fdx"
    if re.match(rb"(?i)<!doctype html|<html", head) and suffix in ("", ".html", ".htm", ".xhtml"):
        return "html"
    return "fountain" if suffix in SCREENPLAYS else "text"


def _one_file(name: str, data: bytes, budget: Budget, notes: list[str], whole: bool) -> tuple[str, list[PageDraft]]:
    stated, pages = _read(name, data, budget, notes, divided=not whole)
    return stated, pages


def _read(name: str, data: bytes, budget: Budget, notes: list[str], divided: bool) -> tuple[str, list[PageDraft]]:
    """One file as a title ("" if it states none) and its pages."""
    for start, what, instead in STRANGE:
        if data.startswith(start):
            raise Invalid(f"{name} is {what}, which cannot be imported.", instead, file=name)
    kind = kind_of_content(name, data)
    if kind == "canvas":
        raise Invalid(f"{name} is a whole canvas with its history.", "Import it alone: it becomes a canvas of its own.")
    if kind == "docx":
        return _docx(name, data, budget, notes, divided)
    if kind == "scrivener":
        from studiolo.formats.scrivener import read_scrivener

        title, pages, said = read_scrivener(name, data, budget)
        notes += said
        return title or _title_from(name), pages
    if kind in ("odt", "epub", "rtf", "html") and not (kind == "html" and not divided):
        title, text, said = read_document(name, data, kind, budget)
        notes += said
        return _divided(name, PageDraft("", text), title, divided, markdown=True)
    if kind == "fdx":
        from studiolo.formats import fdx, fountain

        script = fdx.read_fdx(name, data)
        stated = script.title.get("Title", "").split("\n")[0].strip(" *_")
        return stated, [PageDraft(stated or _title_from(name) or "Screenplay", fountain.write(script))]
    text = decode(name, data)
    if kind == "fountain":
        from studiolo.formats import fountain

        stated = fountain.parse(text).title.get("Title", "").split("\n")[0].strip(" *_")
        return stated, [PageDraft(stated or _title_from(name) or "Screenplay", text)]
    return _text(name, text, divided)


def _docx(name: str, data: bytes, budget: Budget, notes: list[str], divided: bool) -> tuple[str, list[PageDraft]]:
    from studiolo.formats.docx_reading import read_docx

    title, read, said = read_docx(name, data, budget)
    notes += said
    if read.pages:
        return title or _title_from(name), [_as_kept(rejoined(page)) for page in read.pages]
    return _divided(name, rejoined(read.whole), title, divided, markdown=True)


def _as_kept(page: PageDraft) -> PageDraft:
    """A page that was exported: its own heading is its title; code is not prose in a fence."""
    kind = kind_of(page.title) if page.title else "prose"
    fenced = re.fullmatch(r"(`{3,})[^\n`]*\n(.*\n)\1\n*", page.text, re.DOTALL)
    if kind in ("code", "data") and fenced and not page.changes and not page.remarks:
        return replace(page, text=fenced.group(2), kind=kind)
    page = trimmed(page)
    return replace(page, title=page.title or first_heading(page.text) or "Untitled")


def read_document(name: str, data: bytes, kind: str, budget: Budget) -> tuple[str, str, list[str]]:
    """A document that is read as it would look with everything taken: its title, its Markdown, and what was left."""
    from studiolo.formats.docx_reading import markdown_of
    from studiolo.formats.marks import unmarked

    notes: list[str] = []
    stated = ""
    if kind in ("odt", "epub"):
        files = unpack(name, data, budget, lambda path: not UNREAD.search(path))
        if kind == "odt":
            files, stated = _open_document(name, files, notes)
        data = packed(files, first_stored=True)
    if kind == "html":
        data = decode(name, data).encode()
    title, _, body = markdown_of(data, "html-native_divs-native_spans" if kind == "html" else kind, name)
    body = re.sub(r"(?s)<nav\b.*?</nav>\s*", "", body) if kind == "epub" else body
    if title and (own := re.match(rf"# {re.escape(title.strip())}\n+(?=# )", body)):  # HTML prints it above the text
        body = body[own.end() :]
    body = re.sub(rf"(?m)^{SCENES}$", "* * *", body)
    body = re.sub(r"(?m)(?<!\\)\\$(?=\n)", "  ", body)
    body = ROW.sub(lambda row: WIDE.sub(lambda wide: wide.group(1) or " ", row.group()), body)
    return stated or unmarked(" ".join(title.split())), unmarked(body.strip("\n") + "\n"), notes


def _open_document(name: str, files: list[tuple[str, bytes]], notes: list[str]) -> tuple[list[tuple[str, bytes]], str]:
    """What pandoc overlooks in OpenDocument: the title, and lines between scenes."""
    content = dict(files).get("content.xml", b"")
    if b"<text:tracked-changes" in content:
        notes.append("Tracked changes in .odt were taken as accepted; save it as .docx to keep them open.")
    root = parse_xml(f"{name}: content.xml", content)
    bases = {
        style.get(f"{{{STYLE}}}name"): style.get(f"{{{STYLE}}}parent-style-name") or ""
        for style in root.iter(f"{{{STYLE}}}style")
    }
    title = ""
    for paragraph in list(root.iter(f"{{{TEXT}}}p")):
        style = paragraph.get(f"{{{TEXT}}}style-name") or ""
        style = bases.get(style) or style
        if style == "Title" and not title:
            title = " ".join("".join(paragraph.itertext()).split())
            paragraph.getparent().remove(paragraph)
        elif style == "Horizontal_20_Line" and not "".join(paragraph.itertext()).strip():
            paragraph.text = SCENES
    for change in list(root.iter(f"{{{TEXT}}}tracked-changes")):
        change.getparent().remove(change)
    made = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return [(path, made if path == "content.xml" else body) for path, body in files], title


def _text(name: str, text: str, divided: bool) -> tuple[str, list[PageDraft]]:
    kind = kind_of(name)
    own = _page_of(name, text)[0]
    if kind != "prose":
        return own, [PageDraft(own, text, kind)]
    from studiolo.formats.critic import is_critic, read_critic

    page = rejoined(read_critic(text)) if is_critic(text) else PageDraft("", text)
    page = replace(page, title=_page_of(name, page.text)[0])
    markdown = PurePosixPath(name).suffix.lower() not in {".txt", ".text"}
    return _divided(name, page, "", divided, markdown, own=page.title)


def _divided(
    name: str, page: PageDraft, title: str, divided: bool, markdown: bool, own: str = ""
) -> tuple[str, list[PageDraft]]:
    """A text at its chapters, with what is open in each."""
    own = own or first_heading(page.text) or title or _title_from(name) or "Untitled"
    if not divided:
        return title or own, [replace(page, title=own)]
    stated, sections = split_chapters(page.text, markdown)
    if sections == [Section("", page.text)]:
        return title or own, [replace(page, title=own)]
    bounds: list[tuple[int, int, str]] = []
    at = 0
    for section in sections:
        bounds.append((at, at + len(section.text), section.title))
        at += len(section.text)
    return title or stated or _gutenberg_title(page.text) or _title_from(name) or own, cut(page, bounds)


def _page_of(name: str, text: str) -> tuple[str, str, PageKind]:
    kind = kind_of(name)
    path = PurePosixPath(name.replace("\\", "/"))
    if kind == "prose":
        heading = first_heading(text) if path.suffix.lower() in PROSE_SUFFIXES - {".txt", ".text"} else None
        return heading or _title_from(name) or "Untitled", text, kind
    return ORDER_PREFIX.sub("", path.name)[:120] or path.name, text, kind


def _title_from(name: str) -> str:
    """A readable title from a file name: no folder, extension or order number, hyphens as spaces."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.stem if path.suffix else path.name
    stem = ORDER_PREFIX.sub("", stem)
    if " " not in stem:
        stem = re.sub(r"[-_]+", " ", stem)
    stem = " ".join(stem.split())[:120]
    return stem[:1].upper() + stem[1:]


def _gutenberg_title(text: str) -> str | None:
    found = re.search(r"^Title: (.{1,120})$", text[:5000], re.MULTILINE) if "Project Gutenberg" in text[:2000] else None
    return found.group(1).strip() if found else None


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `2-x` before `10-x`: of two numbers the one with more digits is the larger."""
    parts = [part.lstrip("0") if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower()) if part]
    return [(1, 0, part) if part and not part.isdecimal() else (0, len(part), part) for part in parts]


def is_readable_name(path: str) -> bool:
    """Whether a folder import should read this file at all."""
    return is_text_name(path) or PurePosixPath(path.replace("\\", "/")).suffix.lower() in DOCUMENTS


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if path.endswith(AUTHORS):
        return True
    return is_readable_name(path) and not any(part.startswith((".", "__MACOSX")) for part in parts)
