"""Word files: what is proposed in them with tracked changes, and what is said in comments, with everybody's names.

Pandoc reads the document; but it is given one in which every tracked change, comment and change of type has become a
mark in the text (see `marks`). What comes out is therefore one Markdown text that holds what would go and what would
come side by side, and is taken apart here. Word's, LibreOffice's and Google Docs' files differ in what they write and
not in what it means.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from studiolo.canvas.errors import Invalid
from studiolo.formats import pandoc
from studiolo.formats.archives import Budget, Element, etree, packed, parse_xml, unpack
from studiolo.formats.books import CODE_MARK, PAGE_MARK
from studiolo.formats.drafts import Said
from studiolo.formats.marks import BLOCK, CODE, EMPH, END, OFF, ON, SCENES, STRIKE, STRONG, Events, unmarked, without
from studiolo.formats.untangling import Event, Revision, Untangled, untangle

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
W15 = "http://schemas.microsoft.com/office/word/2012/wordml"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
V = "urn:schemas-microsoft-com:vml"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"
PARTS = re.compile(
    r"(\[Content_Types\]\.xml|_rels/\.rels|docProps/core\.xml|word/(_rels/)?[\w.]+\.(xml|rels))$", re.IGNORECASE
)
FEW_EMPTY = 6  # of so many paragraphs one may be empty and part scenes
COMES = {f"{{{W}}}ins", f"{{{W}}}moveTo"}
GOES = {f"{{{W}}}del", f"{{{W}}}moveFrom"}
REFORMATTED = tuple(
    f"{{{W}}}{name}"
    for name in ("rPrChange", "pPrChange", "tblPrChange", "trPrChange", "tcPrChange", "sectPrChange", "numberingChange")
)
# The first paragraph of the template is what pandoc took for the document's title.
TITLED = "$if(title)$$title$$endif$\n\u241e\n$if(subtitle)$$subtitle$$endif$\n\u241e\n$body$\n"
SPLIT = "\n\u241e\n"
# Code as it is usually fenced, a line between scenes as it is usually drawn, lists without blank lines in them; and a
# table's first row is its head, for Markdown knows none without.
TIDY = """
function CodeBlock(code)
  local fence = "```"
  while code.text:find(fence, 1, true) do fence = fence .. "`" end
  return pandoc.RawBlock(FORMAT, fence .. (code.classes[1] or "") .. "\\n" .. code.text .. "\\n" .. fence)
end
function HorizontalRule() return pandoc.RawBlock(FORMAT, "* * *") end
function Div(part) return part.content end
function Image(image) return image.caption end
function Underline(line) return pandoc.Emph(line.content) end
function SmallCaps(caps) return caps.content end
local function tight(list)
  for _, item in ipairs(list.content) do
    for place, block in ipairs(item) do
      local inner = block.t == "BulletList" or block.t == "OrderedList"
      if not (inner or (place == 1 and (block.t == "Para" or block.t == "Plain"))) then return nil end
    end
  end
  for _, item in ipairs(list.content) do
    if item[1] and item[1].t == "Para" then item[1] = pandoc.Plain(item[1].content) end
  end
  return list
end
BulletList, OrderedList = tight, tight
function Table(grid)
  for _, row in ipairs(grid.head.rows) do
    for _, cell in ipairs(row.cells) do
      if #cell.contents > 0 and pandoc.utils.stringify(cell.contents) ~= "" then return nil end
    end
  end
  local first = grid.bodies[1] and grid.bodies[1].body:remove(1)
  if not first then return nil end
  grid.head.rows = { first }
  return grid
end
"""


@dataclass(slots=True)
class _Word:
    """One Word file while its changes and comments become marks."""

    parts: dict[str, Element]
    events: Events[Event] = field(default_factory=Events)
    comments: dict[str, _Comment] = field(default_factory=dict)
    styles: dict[str, int] = field(default_factory=dict)
    headings: set[str] = field(default_factory=set)
    listings: set[str] = field(default_factory=lambda: {"SourceCode"})
    revisions: dict[tuple[str, str], Revision] = field(default_factory=dict)
    pictures: int = 0
    reformatted: int = 0


@dataclass(slots=True)
class _Comment:
    id: str
    said: Said
    parent: str = ""
    resolved: bool = False
    ranged: bool = False


def read_docx(name: str, data: bytes, budget: Budget | None = None) -> tuple[str, Untangled, list[str]]:
    """A Word file as its title ("" if it states none), its text, and what could not be kept.

    Raises `Invalid` for what is no Word file, and `TooLarge`.
    """
    files = dict(unpack(name, data, budget or Budget(), lambda path: bool(PARTS.match(path))))
    main = next((path for path in files if path.lower() == "word/document.xml"), None) or next(
        (path for path in files if re.fullmatch(r"word/document\d*\.xml", path.lower())), None
    )
    if main is None:
        raise Invalid(f"{name} is not a Word document.", "Save it as .docx and import it again.")
    files = {path: content.replace(STRICT.encode(), W.encode()) for path, content in files.items()}
    parts = {path: parse_xml(f"{name}: {path}", content) for path, content in files.items() if path.endswith(".xml")}
    word = _Word(parts)
    _read_styles(word)
    _read_comments(word)
    # Notes first: a mark is what it is wherever it stands, and the body may be long.
    for path in (*(path for path in parts if re.fullmatch(r"word/(foot|end)notes\d*\.xml", path.lower())), main):
        _mark_part(word, parts[path])
    # The comments are read; what pandoc made of them would stand in the text.
    left = [
        (path, etree.tostring(parts[path], xml_declaration=True, encoding="UTF-8", standalone=True))
        if path in parts
        else (path, content)
        for path, content in files.items()
        if not path.lower().startswith("word/comments") and path.lower() != "word/people.xml"
    ]
    math = any(True for root in parts.values() for _ in root.iter(MATH))
    title, subtitle, body = markdown_of(packed(left), "docx", name, math=math)
    comments = [
        (id, [comment.said, *(other.said for other in word.comments.values() if other.parent == id)], comment.resolved)
        for id, comment in word.comments.items()
        if not comment.parent
    ]
    untangled = untangle(body.strip("\n") + "\n", word.events, comments)
    notes = _notes(word)
    title = re.sub(r"\\([^\w\s])", r"\1", without(title)).strip()
    subtitle = without(subtitle).strip()
    if subtitle:
        notes.append(f"The subtitle “{subtitle[:80]}” was left out.")
    return title, untangled, notes


def markdown_of(data: bytes, format: str, name: str, math: bool = False) -> tuple[str, str, str]:
    """A document's title, subtitle and text as Markdown."""
    options = ["--wrap=none", "--reference-location=section", "--template={titled}", "--lua-filter={tidy}"]
    # Where there is no formula, a dollar is a dollar and needs no sign before it.
    written = pandoc.MARKDOWN.replace("+raw_html", "-raw_html")
    written = written if math else written.replace("+tex_math_dollars", "")
    files = {"titled": TITLED.encode(), "tidy": TIDY.encode()}
    if format == "rtf":
        data = _plain_rtf(data)
    text = pandoc.convert(data, format, written, options, files, what=name).decode()
    title, subtitle, body = text.split(SPLIT, 2)
    return title, subtitle, body


RTF_LETTER = re.compile(rb"\\uc(\d{1,2})|(\\u-?\d{1,6}) ?([^\\{}\r\n])")


def _plain_rtf(data: bytes) -> bytes:
    """RTF in which what old programs are to show for a letter that they do not know is written in the way that pandoc
    skips rightly."""
    skipped = 1

    def letter(found: re.Match[bytes]) -> bytes:
        nonlocal skipped
        if found.group(1):
            skipped = int(found.group(1))
            return found.group()
        return found.group(2) + b"\\'3f" if skipped == 1 else found.group()

    return RTF_LETTER.sub(letter, data)


def _notes(word: _Word) -> list[str]:
    notes: list[str] = []
    if word.pictures:
        notes.append(f"{word.pictures} picture(s) were left out: pages hold text.")
    if word.reformatted:
        notes.append(f"{word.reformatted} tracked change(s) of formatting alone were taken as they are.")
    return notes


# -- styles


def _read_styles(word: _Word) -> None:
    styles = next((root for path, root in word.parts.items() if path.lower() == "word/styles.xml"), None)
    if styles is None:
        return
    kept: dict[str, tuple[str, int, str]] = {}
    for style in styles.iter(f"{{{W}}}style"):
        id, kind = style.get(f"{{{W}}}styleId") or "", style.get(f"{{{W}}}type")
        named = style.find(f"{{{W}}}name")
        name = (named.get(f"{{{W}}}val") if named is not None else id) or id
        based = style.find(f"{{{W}}}basedOn")
        base = (based.get(f"{{{W}}}val") if based is not None else "") or ""
        if kind == "character":
            flags = _flags(style.find(f"{{{W}}}rPr"), {})
            if re.search(r"\b(verbatim|code)\b", name, re.IGNORECASE):
                flags |= CODE
            if name.lower() in ("hyperlink", "followedhyperlink", "internet link"):
                flags = 0
            kept[id] = (base, flags, name)
        elif kind == "paragraph":
            if re.fullmatch(r"(heading|title|subtitle)\s*\d*", name, re.IGNORECASE):
                word.headings.add(id)
            if re.fullmatch(r"source ?code|html preformatted|preformatted text", name, re.IGNORECASE):
                word.listings.add(id)
    for id in kept:
        flags, seen, at = 0, set[str](), id
        while at in kept and at not in seen:
            seen.add(at)
            flags |= kept[at][1]
            at = kept[at][0]
        if flags:
            word.styles[id] = flags


def _flags(properties: Element, styles: dict[str, int]) -> int:
    """What a run's properties make of its letters."""
    if properties is None:
        return 0
    style = properties.find(f"{{{W}}}rStyle")
    flags = styles.get(style.get(f"{{{W}}}val") or "", 0) if style is not None else 0
    for name, bit in (("b", STRONG), ("i", EMPH), ("strike", STRIKE), ("dstrike", STRIKE)):
        turn = properties.find(f"{{{W}}}{name}")
        if turn is not None:
            on = (turn.get(f"{{{W}}}val") or "1").lower() not in ("0", "false", "off")
            flags = flags | bit if on else flags & ~bit
    # On a typewriter, and in a manuscript still, underlining is how italics are asked for.
    line = properties.find(f"{{{W}}}u")
    if line is not None and (line.get(f"{{{W}}}val") or "single") != "none":
        flags |= EMPH
    return flags


# -- comments


def _read_comments(word: _Word) -> None:
    extended: dict[str, tuple[str, bool]] = {}
    for path, root in word.parts.items():
        if re.fullmatch(r"word/commentsextended\d*\.xml", path.lower()):
            for entry in root.iter(f"{{{W15}}}commentEx"):
                done = (entry.get(f"{{{W15}}}done") or "0") not in ("0", "false")
                extended[entry.get(f"{{{W15}}}paraId") or ""] = (entry.get(f"{{{W15}}}paraIdParent") or "", done)
    by_paragraph: dict[str, str] = {}
    parents: dict[str, str] = {}
    for path, root in word.parts.items():
        if not re.fullmatch(r"word/comments\d*\.xml", path.lower()):
            continue
        for entry in root.iter(f"{{{W}}}comment"):
            id = entry.get(f"{{{W}}}id") or ""
            paragraphs = list(entry.iter(f"{{{W}}}p"))
            said = Said(_author(entry), _plain(paragraphs), _date(entry))
            known = ("", False)
            for paragraph in paragraphs:
                if mark := paragraph.get(f"{{{W14}}}paraId"):
                    by_paragraph[mark] = id
                    known = extended.get(mark, known)
            word.comments[id] = _Comment(id, said, resolved=known[1])
            if known[0]:
                parents[id] = known[0]
    for id, mark in parents.items():
        parent = by_paragraph.get(mark, "")
        while parent in parents and by_paragraph.get(parents[parent], "") not in ("", parent, id):
            parent = by_paragraph[parents[parent]]
        word.comments[id].parent = parent if parent in word.comments and parent != id else ""


def _plain(paragraphs: list[Element]) -> str:
    lines: list[str] = []
    for paragraph in paragraphs:
        parts: list[str] = []
        for node in paragraph.iter(f"{{{W}}}t", f"{{{W}}}br", f"{{{W}}}tab", f"{{{W}}}cr"):
            kind = node.tag.rsplit("}", 1)[1]
            parts.append(node.text or "" if kind == "t" else "\t" if kind == "tab" else "\n")
        lines.append("".join(parts))
    return unmarked("\n".join(lines).strip())


def _author(element: Element) -> str:
    return " ".join(unmarked(element.get(f"{{{W}}}author") or "").split())[:100] or "Somebody"


def _date(element: Element) -> float | None:
    return when(element.get(f"{{{W}}}date"))


def when(date: str | None) -> float | None:
    """Seconds since the epoch of an ISO date, None when it is none. Word calls local time UTC, and nobody can tell."""
    try:
        at = datetime.fromisoformat((date or "").strip())
    except ValueError:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None


# -- marks


def _mark_part(word: _Word, root: Element) -> None:
    _simplify(word, root)
    _mark_scenes(root)
    body = root.find(f"{{{W}}}body")
    _mark_comments(word, root if body is None else body)
    begins: dict[Element, str] = {}
    for place in root.iter(f"{{{W}}}bookmarkStart"):
        if (name := place.get(f"{{{W}}}name") or "").startswith((PAGE_MARK, CODE_MARK)):
            inside = next(place.iterancestors(f"{{{W}}}p"), None)
            after = inside if inside is not None else next(place.itersiblings(f"{{{W}}}p"), None)
            if after is not None:
                begins[after] = name
    for paragraph in list(root.iter(f"{{{W}}}p")):
        _mark_paragraph(word, paragraph, begins.get(paragraph, ""))
    for row in root.iter(f"{{{W}}}tr"):
        _mark_row(word, row)


def _simplify(word: _Word, root: Element) -> None:
    """Take out what has no place in a page, and what would only be in the way."""
    for element in list(root.iter(*REFORMATTED)):
        word.reformatted += 1
        element.getparent().remove(element)
    for element in list(root.iter(f"{{{W}}}drawing", f"{{{W}}}pict", f"{{{W}}}object")):
        if any(True for _ in element.iter(f"{{{A}}}blip", f"{{{V}}}imagedata")):
            word.pictures += 1
            element.getparent().remove(element)
    for element in list(root.iter(f"{{{W}}}delInstrText", f"{{{W}}}proofErr", f"{{{W}}}lastRenderedPageBreak")):
        element.getparent().remove(element)
    for element in root.iter(f"{{{W}}}delText"):
        element.tag = f"{{{W}}}t"
    for element in root.iter(f"{{{W}}}t"):
        element.text = unmarked(element.text or "")
        element.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")


def _mark_scenes(root: Element) -> None:
    """In a text whose paragraphs follow each other without empty ones between, an empty one here and there parts
    scenes. Where there are many they only make room."""
    body = root.find(f"{{{W}}}body")
    paragraphs = [child for child in body if child.tag == f"{{{W}}}p"] if body is not None else []
    full = [any((text.text or "").strip() for text in paragraph.iter(f"{{{W}}}t")) for paragraph in paragraphs]
    empty = [
        paragraph
        for place, paragraph in enumerate(paragraphs[:-1])
        if place and not full[place] and full[place - 1] and full[place + 1] and _is_bare(paragraph)
        and not any(_is_headed(other) for other in (paragraphs[place - 1], paragraphs[place + 1]))
    ]  # fmt: skip
    if len(empty) <= full.count(True) / FEW_EMPTY:
        for paragraph in empty:
            paragraph.append(_run(paragraph, SCENES))


def _is_bare(paragraph: Element) -> bool:
    """Whether there is nothing at all in a paragraph but its properties."""
    inside = {f"{{{W}}}{name}" for name in ("pPr", "r", "bookmarkStart", "bookmarkEnd")}
    return all(child.tag in inside for child in paragraph) and not any(
        child.tag not in (f"{{{W}}}rPr", f"{{{W}}}t") for run in paragraph.iter(f"{{{W}}}r") for child in run
    )


def _is_headed(paragraph: Element) -> bool:
    """Whether a paragraph has a style or a number: a heading, a list, a title."""
    return any(True for _ in paragraph.iter(f"{{{W}}}pStyle", f"{{{W}}}numPr", f"{{{W}}}sectPr")) and not any(
        re.fullmatch(r"(?i)(normal|body ?text|first ?paragraph|text ?body)\w*", style.get(f"{{{W}}}val") or "")
        for style in paragraph.iter(f"{{{W}}}pStyle")
    )


def _mark_comments(word: _Word, root: Element) -> None:
    """Make the ends of commented passages runs with a mark, inside paragraphs."""
    for element in root.iter(f"{{{W}}}commentRangeStart"):
        if comment := word.comments.get(element.get(f"{{{W}}}id") or ""):
            comment.ranged = True
    names = [f"{{{W}}}{name}" for name in ("commentRangeStart", "commentRangeEnd", "commentReference")]
    for element in list(root.iter(*names)):
        id = element.get(f"{{{W}}}id") or ""
        comment = word.comments.get(id)
        kind = element.tag.rsplit("}", 1)[1]
        marks = ""
        if comment is not None and not comment.parent:
            if kind == "commentRangeStart":
                marks = word.events.mark(Event("open", id))
            elif kind == "commentRangeEnd":
                marks = word.events.mark(Event("close", id))
            elif not comment.ranged:
                marks = word.events.mark(Event("open", id)) + word.events.mark(Event("close", id))
        place = element.getparent() if kind == "commentReference" else element
        parent = place.getparent()
        if parent is None:
            continue
        if marks:
            _put_run(word, root, place, marks, kind == "commentRangeStart")
        if kind == "commentReference":
            element.getparent().remove(element)
        else:
            parent.remove(element)


def _put_run(word: _Word, root: Element, place: Element, marks: str, begins: bool) -> None:
    """A run with marks where `place` is; where no run can be, at the nearest paragraph's edge."""
    parent = place.getparent()
    run = _run(parent, marks)
    if parent.tag == f"{{{W}}}p" or any(True for _ in parent.iterancestors(f"{{{W}}}p")):
        place.addprevious(run)
        return
    sibling = place.getnext() if begins else place.getprevious()
    while sibling is not None:
        paragraphs = list(sibling.iter(f"{{{W}}}p"))
        if paragraphs:
            if begins:
                _prepend(paragraphs[0], run)
            else:
                paragraphs[-1].append(run)
            return
        sibling = sibling.getnext() if begins else sibling.getprevious()


def _mark_paragraph(word: _Word, paragraph: Element, begins: str) -> None:
    properties = paragraph.find(f"{{{W}}}pPr")
    style = properties.find(f"{{{W}}}pStyle") if properties is not None else None
    style_id = (style.get(f"{{{W}}}val") or "") if style is not None else ""
    mark = _tracked(properties.find(f"{{{W}}}rPr")) if properties is not None else None
    for wrapper in list(paragraph.iter(*COMES, *GOES)):
        if wrapper.getparent() is None or wrapper.getparent().tag in (f"{{{W}}}rPr", f"{{{W}}}trPr"):
            continue
        _unwrap(word, wrapper)
    if style_id not in word.listings:
        for run in list(paragraph.iter(f"{{{W}}}r")):
            _mark_run(word, run, heading=style_id in word.headings)
    if mark is not None:
        kind, element = mark
        element.getparent().remove(element)
        paragraph.append(
            _run(paragraph, word.events.mark(Event(f"{kind} paragraph", revision=_revision(word, element))))
        )
    if style_id in word.listings:
        _as_listing(paragraph)
    if any(without(text.text or "") for text in paragraph.iter(f"{{{W}}}t")):
        page = ""
        if begins.startswith(PAGE_MARK) and style_id in word.headings:
            page = word.events.mark(Event("page", begins))
        elif begins.startswith(CODE_MARK) and style_id in word.listings:
            page = word.events.mark(Event("language", begins.rsplit("_", 1)[1]))
        first = next((text for text in paragraph.iter(f"{{{W}}}t")), None)
        if style_id in word.listings and first is not None:
            first.text = page + BLOCK + (first.text or "")
        else:
            _prepend(paragraph, _run(paragraph, page + BLOCK))


def _as_listing(paragraph: Element) -> None:
    """Give runs that hold only marks the look of the code around them: pandoc knows code by it."""
    known = [run.find(f"{{{W}}}rPr") for run in paragraph.iter(f"{{{W}}}r")]
    looks = next((properties for properties in known if properties is not None), None)
    for run in paragraph.iter(f"{{{W}}}r"):
        if looks is not None and run.find(f"{{{W}}}rPr") is None:
            run.insert(0, deepcopy(looks))


def _tracked(properties: Element) -> tuple[str, Element] | None:
    """Whether a paragraph's mark, or a row, comes or goes, and the element that says so."""
    if properties is None:
        return None
    for element in properties:
        if element.tag in COMES:
            return "insert", element
        if element.tag in GOES:
            return "delete", element
    return None


def _unwrap(word: _Word, wrapper: Element) -> None:
    """Put a tracked change's runs where it stands, between marks. What one person put in and another took out again is
    in neither text."""
    parent = wrapper.getparent()
    inside = next((one for one in wrapper.iterancestors(*COMES, *GOES)), None)
    comes = wrapper.tag in COMES
    if inside is not None and (inside.tag in COMES) != comes:
        parent.remove(wrapper)
        return
    # The inner ones first: they are looked at later, and by then have no wrapper around them.
    for inner in list(wrapper.iter(*COMES, *GOES)):
        if inner is wrapper or inner.getparent() is None or inner.getparent().tag == f"{{{W}}}rPr":
            continue
        if (inner.tag in COMES) != comes:
            inner.getparent().remove(inner)
        else:
            for child in list(inner):
                inner.addprevious(child)
            inner.getparent().remove(inner)
    event = Event("insert" if comes else "delete", revision=_revision(word, wrapper))
    wrapper.addprevious(_run(parent, word.events.mark(event)))
    for child in list(wrapper):
        wrapper.addprevious(child)
    wrapper.addprevious(_run(parent, END))
    parent.remove(wrapper)


def _mark_run(word: _Word, run: Element, heading: bool) -> None:
    properties = run.find(f"{{{W}}}rPr")
    if properties is None:
        return
    linked = any(True for _ in run.iterancestors(f"{{{W}}}hyperlink"))
    style = properties.find(f"{{{W}}}rStyle")
    if style is not None and not linked:
        linked = (style.get(f"{{{W}}}val") or "").lower().replace(" ", "") in ("hyperlink", "internetlink")
    if linked:
        for line in properties.findall(f"{{{W}}}u"):
            properties.remove(line)
    flags = _flags(properties, word.styles)
    if heading:
        flags &= ~(STRONG | EMPH)
    gone = {f"{{{W}}}{name}" for name in ("b", "bCs", "i", "iCs", "strike", "dstrike", "u")}
    for element in list(properties):
        known = element.tag == f"{{{W}}}rStyle" and (element.get(f"{{{W}}}val") or "") in word.styles
        if element.tag in gone or known:
            properties.remove(element)
    if not flags or not any(without(text.text or "") for text in run.iter(f"{{{W}}}t")):
        return
    if flags & CODE:
        flags = CODE
    on = "".join(ON[bit] for bit in ON if flags & bit)
    off = "".join(OFF[bit] for bit in OFF if flags & bit)
    properties.addnext(_text(run, on))
    run.append(_text(run, off))


def _mark_row(word: _Word, row: Element) -> None:
    properties = row.find(f"{{{W}}}trPr")
    mark = _tracked(properties)
    if mark is None:
        return
    kind, element = mark
    element.getparent().remove(element)
    first = next((p for p in row.iter(f"{{{W}}}p")), None)
    if first is not None:
        event = Event(f"{kind} row", revision=_revision(word, element))
        first.append(_run(first, word.events.mark(event)))


def _revision(word: _Word, element: Element) -> Revision:
    """Whose change it is and when it was made: two that agree in both are one when they touch."""
    key = (_author(element), element.get(f"{{{W}}}date") or "")
    return word.revisions.setdefault(key, Revision(key[0], _date(element), len(word.revisions)))


def _run(near: Element, text: str) -> Element:
    run = near.makeelement(f"{{{W}}}r")
    run.append(_text(run, text))
    return run


def _text(near: Element, text: str) -> Element:
    made = near.makeelement(f"{{{W}}}t")
    made.text = text
    made.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return made


def _prepend(paragraph: Element, run: Element) -> None:
    properties = paragraph.find(f"{{{W}}}pPr")
    if properties is None:
        paragraph.insert(0, run)
    else:
        properties.addnext(run)
