"""Word files with what is open as real tracked changes and comments, by whoever proposed and said them.

The pages' Markdown goes through pandoc with marks in it (see `marking`). In the Word file that comes out the marks
become `w:ins`, `w:del`, the tracked ends of paragraphs, and comments with their answers.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from studiolo.formats import pandoc
from studiolo.formats.archives import Budget, Element, etree, packed, parse_xml, unpack
from studiolo.formats.books import CODE_MARK, PAGE_MARK, book
from studiolo.formats.docx_reading import W14, W15, W
from studiolo.formats.drafts import Change, PageDraft, Remark, Said
from studiolo.formats.marking import Mark, marked
from studiolo.formats.marks import END, Events, is_mark, unmarked, without

TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"
EXTENDED_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.commentsExtended+xml"
EXTENDED_REL = "http://schemas.microsoft.com/office/2011/relationships/commentsExtended"


def write_docx(title: str, pages: Sequence[PageDraft]) -> bytes:
    """The pages as one Word file."""
    events: Events[Mark] = Events()
    texts = marked(pages, events)
    remarks = [remark for page in pages for remark in page.remarks]
    made = pandoc.convert(book(title, pages, texts, for_word=True), "json", "docx", ["--syntax-highlighting=none"])
    files = dict(unpack("the document", made, Budget(), lambda path: True))
    document = _Document(events, remarks)
    for path in ("word/document.xml", "word/footnotes.xml"):
        if path in files:
            root = parse_xml(path, files[path])
            document.mark(root)
            files[path] = _bytes(root)
    files["word/styles.xml"] = _bytes(_styled(parse_xml("styles", files["word/styles.xml"])))
    _put_comments(files, document)
    return packed(list(files.items()))


@dataclass(slots=True)
class _Comment:
    id: int
    said: Said
    paragraph: str
    parent: str
    resolved: bool


@dataclass(slots=True)
class _Document:
    """A Word document whose marks become what they mean."""

    events: Events[Mark]
    remarks: Sequence[Remark]
    state: tuple[str, Change] | None = None
    number: int = 0
    comments: list[_Comment] = field(default_factory=list)
    threads: dict[int, list[_Comment]] = field(default_factory=dict)
    """The comments of each remark: its first and the answers."""
    reasons: dict[int, _Comment] = field(default_factory=dict)
    """The comment that says why, of a change that has one, while its text lasts."""

    def mark(self, root: Element) -> None:
        self.state = None
        _keep_places(root)
        for paragraph in list(root.iter(f"{{{W}}}p")):
            self._paragraph(paragraph)
        for row in root.iter(f"{{{W}}}tr"):
            _track_row(row)

    def _paragraph(self, paragraph: Element) -> None:
        texts = [text.text or "" for text in paragraph.iter(f"{{{W}}}t")]
        only_marks = any(texts) and all(is_mark(character) for text in texts for character in text)
        for run in list(paragraph.iter(f"{{{W}}}r")):
            self._run(run)
        if only_marks and paragraph.find(f".//{{{W}}}footnoteReference") is None:
            left = [
                child
                for child in paragraph
                if child.tag not in (f"{{{W}}}pPr", f"{{{W}}}r", f"{{{W}}}ins", f"{{{W}}}del")
            ]
            follower = paragraph.getnext()
            if follower is not None and not left:
                paragraph.getparent().remove(paragraph)
                return
        if self.state and any(texts):
            _track_mark(paragraph, self._tracked(*self.state))

    def _run(self, run: Element) -> None:
        """Cut a run at its marks, and put each part where it belongs."""
        marked_here = any(is_mark(character) for text in run.iter(f"{{{W}}}t") for character in text.text or "")
        if not marked_here and self.state is None:
            return
        parts: list[Element] = []
        properties = run.find(f"{{{W}}}rPr")
        for child in list(run):
            if child is properties:
                continue
            if child.tag != f"{{{W}}}t":
                self._part(parts, run, child)
                continue
            piece = ""
            for character in child.text or "":
                if not is_mark(character):
                    piece += character
                    continue
                if piece:
                    self._part(parts, run, _text(run, piece))
                piece = ""
                self._turn(parts, run, character)
            if piece:
                self._part(parts, run, _text(run, piece))
        for part in parts:
            run.addprevious(part)
        run.getparent().remove(run)

    def _part(self, parts: list[Element], run: Element, content: Element) -> None:
        made = run.makeelement(f"{{{W}}}r")
        properties = run.find(f"{{{W}}}rPr")
        if properties is not None:
            made.append(etree.fromstring(etree.tostring(properties)))
        made.append(content)
        if self.state is None:
            parts.append(made)
            return
        what, change = self.state
        if what == "delete":
            for text in made.iter(f"{{{W}}}t"):
                text.tag = f"{{{W}}}delText"
        last = parts[-1] if parts else None
        if (
            last is not None
            and last.tag == f"{{{W}}}{'del' if what == 'delete' else 'ins'}"
            and last.get("of") == str(id(change))
        ):
            last.append(made)
            return
        wrapper = self._tracked(what, change)
        wrapper.append(made)
        parts.append(wrapper)

    def _turn(self, parts: list[Element], run: Element, mark: str) -> None:
        if mark == END:
            if self.state:
                self._end(parts, run, self.state[1])
            self.state = None
            return
        event = self.events.meant(mark)
        if event is None:
            return
        if event.change is not None:
            self.state = (event.what, event.change)
            if event.change.reason and id(event.change) not in self.reasons:
                reason = Said(event.change.author, event.change.reason, event.change.at)
                comment = self.reasons[id(event.change)] = self._comment(reason)
                parts.append(_range(run, "Start", comment.id))
        elif event.what == "open":
            said = self.remarks[event.remark].said
            first = self._comment(said[0], resolved=self.remarks[event.remark].resolved)
            answers = [self._comment(one, first.paragraph, first.resolved) for one in said[1:]]
            self.threads[event.remark] = [first, *answers]
            parts += [_range(run, "Start", comment.id) for comment in self.threads[event.remark]]
        else:
            for comment in self.threads.pop(event.remark, []):
                parts += [_range(run, "End", comment.id), _reference(run, comment.id)]

    def _end(self, parts: list[Element], run: Element, change: Change) -> None:
        """A change's reason is a comment around all of it: what goes, and what comes for it."""
        comment = self.reasons.get(id(change))
        if comment is not None and (self.state is None or self.state[0] == "insert" or not change.replace):
            parts += [_range(run, "End", comment.id), _reference(run, comment.id)]

    def _comment(self, said: Said, parent: str = "", resolved: bool = False) -> _Comment:
        number = len(self.comments)
        paragraph = f"{(zlib.crc32(f'{number}{said.author}{said.text}'.encode()) & 0x3FFFFFFF) + 1 + number:08X}"
        comment = _Comment(number, said, paragraph, parent, resolved)
        self.comments.append(comment)
        return comment

    def _tracked(self, what: str, change: Change) -> Element:
        self.number += 1
        made = etree.Element(f"{{{W}}}{'del' if what == 'delete' else 'ins'}", nsmap={"w": W})
        made.set(f"{{{W}}}id", str(10_000 + self.number))
        made.set(f"{{{W}}}author", _plain(change.author) or "Somebody")
        if date := iso(change.at):
            made.set(f"{{{W}}}date", date)
        return made


def _keep_places(root: Element) -> None:
    """Put the places where pages begin, and names of code, into their paragraphs: between those programs lose them."""
    for start in list(root.iter(f"{{{W}}}bookmarkStart")):
        if not (start.get(f"{{{W}}}name") or "").startswith((PAGE_MARK, CODE_MARK)):
            continue
        heading = next(start.itersiblings(f"{{{W}}}p"), None)
        end = next(
            (one for one in root.iter(f"{{{W}}}bookmarkEnd") if one.get(f"{{{W}}}id") == start.get(f"{{{W}}}id")), None
        )
        if heading is None or end is None:
            continue
        _behind_properties(heading, start)
        heading.append(end)


def _behind_properties(paragraph: Element, element: Element) -> None:
    properties = paragraph.find(f"{{{W}}}pPr")
    if properties is None:
        paragraph.insert(0, element)
    else:
        properties.addnext(element)


def iso(at: float | None) -> str:
    """A moment as Word writes it, "" for none."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return ""


def _plain(text: str) -> str:
    """Text that XML can hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", unmarked(text))


def _text(near: Element, text: str) -> Element:
    made = near.makeelement(f"{{{W}}}t")
    made.text = text
    made.set(XML_SPACE, "preserve")
    return made


def _range(near: Element, end: str, id: int) -> Element:
    made = near.makeelement(f"{{{W}}}commentRange{end}")
    made.set(f"{{{W}}}id", str(id))
    return made


def _reference(near: Element, id: int) -> Element:
    run = near.makeelement(f"{{{W}}}r")
    properties = etree.SubElement(run, f"{{{W}}}rPr")
    etree.SubElement(properties, f"{{{W}}}rStyle").set(f"{{{W}}}val", "CommentReference")
    etree.SubElement(run, f"{{{W}}}commentReference").set(f"{{{W}}}id", str(id))
    return run


def _track_mark(paragraph: Element, tracked: Element) -> None:
    """A paragraph whose end comes or goes."""
    properties = paragraph.find(f"{{{W}}}pPr")
    if properties is None:
        properties = paragraph.makeelement(f"{{{W}}}pPr")
        paragraph.insert(0, properties)
    letters = properties.find(f"{{{W}}}rPr")
    if letters is None:
        letters = properties.makeelement(f"{{{W}}}rPr")
        later = [child for child in properties if child.tag in (f"{{{W}}}sectPr", f"{{{W}}}pPrChange")]
        if later:
            later[0].addprevious(letters)
        else:
            properties.append(letters)
    letters.insert(0, tracked)


def _track_row(row: Element) -> None:
    """A row of a table all of whose text comes or goes."""
    runs = [
        run
        for run in row.iter(f"{{{W}}}r")
        if run.find(f"{{{W}}}t") is not None or run.find(f"{{{W}}}delText") is not None
    ]
    wrappers = {run.getparent().tag for run in runs}
    if not runs or len(wrappers) != 1 or next(iter(wrappers)) not in (f"{{{W}}}ins", f"{{{W}}}del"):
        return
    properties = row.find(f"{{{W}}}trPr")
    if properties is None:
        properties = row.makeelement(f"{{{W}}}trPr")
        row.insert(0, properties)
    wrapper = runs[0].getparent()
    properties.append(wrapper.makeelement(wrapper.tag, dict(wrapper.attrib)))


# -- comments, and how it looks


def _put_comments(files: dict[str, bytes], document: _Document) -> None:
    root = etree.Element(f"{{{W}}}comments", nsmap={"w": W, "w14": W14})
    extended = etree.Element(f"{{{W15}}}commentsEx", nsmap={"w15": W15})
    for comment in document.comments:
        entry = etree.SubElement(root, f"{{{W}}}comment")
        entry.set(f"{{{W}}}id", str(comment.id))
        author = _plain(comment.said.author) or "Somebody"
        entry.set(f"{{{W}}}author", author)
        entry.set(f"{{{W}}}initials", "".join(word[0] for word in author.split()[:2]))
        if date := iso(comment.said.at):
            entry.set(f"{{{W}}}date", date)
        lines = _plain(comment.said.text).split("\n")
        for number, line in enumerate(lines):
            paragraph = etree.SubElement(entry, f"{{{W}}}p")
            if number == len(lines) - 1:
                paragraph.set(f"{{{W14}}}paraId", comment.paragraph)
            etree.SubElement(paragraph, f"{{{W}}}r").append(_text(paragraph, line))
        known = etree.SubElement(extended, f"{{{W15}}}commentEx")
        known.set(f"{{{W15}}}paraId", comment.paragraph)
        if comment.parent:
            known.set(f"{{{W15}}}paraIdParent", comment.parent)
        known.set(f"{{{W15}}}done", "1" if comment.resolved else "0")
    files["word/comments.xml"] = _bytes(root)
    files["word/commentsExtended.xml"] = _bytes(extended)
    types = parse_xml("types", files["[Content_Types].xml"])
    known_parts = {entry.get("PartName") for entry in types}
    for part, kind in (("/word/comments.xml", COMMENTS_TYPE), ("/word/commentsExtended.xml", EXTENDED_TYPE)):
        if part not in known_parts:
            etree.SubElement(types, f"{{{TYPES}}}Override", {"PartName": part, "ContentType": kind})
    files["[Content_Types].xml"] = _bytes(types)
    relations = parse_xml("relations", files["word/_rels/document.xml.rels"])
    targets = {entry.get("Target") for entry in relations}
    for target, kind in (("comments.xml", f"{REL}/comments"), ("commentsExtended.xml", EXTENDED_REL)):
        if target not in targets:
            id = f"rIdStudiolo{target.partition('.')[0]}"
            etree.SubElement(relations, f"{{{RELATIONS}}}Relationship", {"Id": id, "Type": kind, "Target": target})
    files["word/_rels/document.xml.rels"] = _bytes(relations)


CODE_STYLE = (
    f'<w:style xmlns:w="{W}" w:type="paragraph" w:customStyle="1" w:styleId="SourceCode"><w:name w:val="Source Code"/>'
    '<w:basedOn w:val="Normal"/><w:pPr><w:wordWrap w:val="0"/></w:pPr><w:rPr><w:rFonts w:ascii="Consolas" '
    'w:hAnsi="Consolas"/><w:sz w:val="20"/></w:rPr></w:style>'
)
LETTERS = {"ascii": "Georgia", "hAnsi": "Georgia", "cs": "Georgia"}


def _styled(styles: Element) -> Element:
    """A manuscript's look: one serif face in black, room between the lines, chapters on new pages."""
    for fonts in styles.iter(f"{{{W}}}rFonts"):
        if not any((value or "").startswith(("Consolas", "Courier")) for value in fonts.attrib.values()):
            fonts.attrib.clear()
            for name, value in LETTERS.items():
                fonts.set(f"{{{W}}}{name}", value)
    for style in styles.iter(f"{{{W}}}style"):
        id = style.get(f"{{{W}}}styleId") or ""
        if re.match(r"(Heading\d|Title|Subtitle|Author|Date)", id):
            for color in list(style.iter(f"{{{W}}}color")):
                color.getparent().remove(color)
        if id in ("BodyText", "FirstParagraph"):
            properties = _child(style, "pPr")
            _child(properties, "spacing").attrib.update(
                {f"{{{W}}}line": "336", f"{{{W}}}lineRule": "auto", f"{{{W}}}before": "0", f"{{{W}}}after": "0"}
            )
            _child(properties, "ind").set(f"{{{W}}}firstLine", "0" if id == "FirstParagraph" else "360")
        if id == "Heading1":
            properties = _child(style, "pPr")
            broken = properties.makeelement(f"{{{W}}}pageBreakBefore")
            keep = properties.find(f"{{{W}}}keepLines")
            if keep is not None:
                keep.addnext(broken)
            else:
                properties.insert(0, broken)
    if not any(style.get(f"{{{W}}}styleId") == "SourceCode" for style in styles.iter(f"{{{W}}}style")):
        styles.append(etree.fromstring(CODE_STYLE))
    return styles


def _child(parent: Element, name: str) -> Element:
    found = parent.find(f"{{{W}}}{name}")
    if found is None:
        found = parent.makeelement(f"{{{W}}}{name}")
        order = ["name", "basedOn", "next", "link", "uiPriority", "qFormat", "pPr", "rPr"]
        order += ["keepNext", "keepLines", "pageBreakBefore", "spacing", "ind", "jc", "outlineLvl"]
        after = (
            [child for child in parent if order.index(_local(child)) > order.index(name)]
            if all(_local(child) in order for child in parent)
            else []
        )
        if after:
            after[0].addprevious(found)
        else:
            parent.append(found)
    return found


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[1]


def _bytes(root: Element) -> bytes:
    for text in root.iter(f"{{{W}}}t", f"{{{W}}}delText"):
        if text.text and any(is_mark(character) for character in text.text):
            text.text = without(text.text)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
