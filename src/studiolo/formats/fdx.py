"""Final Draft's files (.fdx): a screenplay's elements as XML. Pages hold the same elements as Fountain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studiolo.canvas.errors import Invalid
from studiolo.formats.archives import Element as Node
from studiolo.formats.archives import etree, parse_xml
from studiolo.formats.fountain import Element, Kind, Script

TYPES: dict[str, Kind] = {
    "Scene Heading": "scene",
    "Action": "action",
    "General": "action",
    "Character": "character",
    "Parenthetical": "parenthetical",
    "Dialogue": "dialogue",
    "Transition": "transition",
    "Shot": "scene",
    "Singing": "lyric",
    "Lyrics": "lyric",
    "Synopsis": "synopsis",
    "Outline Body": "synopsis",
}
NAMES: dict[Kind, str] = {
    "scene": "Scene Heading",
    "action": "Action",
    "character": "Character",
    "parenthetical": "Parenthetical",
    "dialogue": "Dialogue",
    "transition": "Transition",
    "lyric": "Singing",
    "synopsis": "Outline Body",
    "centered": "Action",
}
EMPHASIS = re.compile(r"(\\[*_\\])|(\*\*\*|\*\*|\*|_)")
STYLES = {"Bold": "**", "Italic": "*", "Underline": "_"}
KEYS = ("Title", "Credit", "Author", "Source", "Draft date", "Contact")


def read_fdx(name: str, data: bytes) -> Script:
    """The screenplay in a Final Draft file. Raises `Invalid`."""
    root = parse_xml(name, data)
    content = root.find("Content")
    if root.tag != "FinalDraft" or content is None:
        raise Invalid(f"{name} is not a Final Draft script.", "Save it as .fdx and import it again.")
    return Script(_title_page(root), tuple(_paragraphs(content)))


def _paragraphs(content: Node) -> Iterator[Element]:
    for paragraph in content.findall("Paragraph"):
        pair = paragraph.find("DualDialogue")
        if pair is not None:
            number = 0
            for element in _paragraphs(pair):
                number += element.kind == "character"
                yield Element(element.kind, element.text, dual=element.kind == "character" and number == 2)
            continue
        if paragraph.get("StartsNewPage") == "Yes":
            yield Element("break", "")
        text = _text(paragraph)
        type = paragraph.get("Type") or "General"
        outline = re.fullmatch(r"(?:Outline|Act|Section) ?(\d)?", type)
        if outline or type in ("New Act", "End of Act"):
            yield Element("section", _flat(text), level=int(outline.group(1) or 1) if outline else 1)
            continue
        kind = TYPES.get(type, "action")
        if kind == "action" and paragraph.get("Alignment") == "Center" and text.strip():
            kind = "centered"
        if kind == "scene":
            yield Element("scene", _flat(text), paragraph.get("Number") or "")
        elif kind in ("action", "dialogue"):
            if text.strip():
                yield Element(kind, re.sub(r"\n\s*\n", "\n", text).strip("\n"))
        elif text.strip():
            yield Element(kind, _flat(text))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _text(paragraph: Node) -> str:
    """A paragraph's text, its type styles as Fountain writes them."""
    parts: list[str] = []
    for text in paragraph.findall("Text"):
        plain = re.sub(r"([*_\\])", r"\\\1", "".join(text.itertext()))
        styles = (text.get("Style") or "").split("+")
        sign = "".join(STYLES[style] for style in ("Underline", "Bold", "Italic") if style in styles)
        bare = plain.strip()
        if sign and bare:
            start = plain.index(bare)
            plain = plain[:start] + sign + bare + sign[::-1] + plain[start + len(bare) :]
        parts.append(plain)
    return "".join(parts)


def _title_page(root: Node) -> dict[str, str]:
    page = root.find("TitlePage/Content")
    if page is None:
        return {}
    lines = [_text(paragraph).strip() for paragraph in page.findall("Paragraph")]
    lines = [line for line in lines if line]
    known: dict[str, str] = {}
    if lines:
        known["Title"] = lines[0]
        rest = lines[1:]
        if rest and re.match(r"(written |screenplay |story )?by\b", rest[0], re.IGNORECASE):
            known["Credit"] = rest.pop(0)
        if rest and "Credit" in known:
            known["Author"] = rest.pop(0)
        if rest:
            known["Contact"] = "\n".join(rest)
    return known


def write_fdx(script: Script) -> bytes:
    """The screenplay as a Final Draft file."""
    root = etree.Element("FinalDraft", DocumentType="Script", Template="No", Version="4")
    content = etree.SubElement(root, "Content")
    new_page = False
    elements = list(script.elements)
    at = 0
    while at < len(elements):
        element = elements[at]
        if element.kind == "break":
            new_page = True
            at += 1
            continue
        pair = _pair(elements, at)
        if pair:
            outer = etree.SubElement(content, "Paragraph")
            holder = etree.SubElement(outer, "DualDialogue")
            for spoken in elements[at:pair]:
                _put(holder, spoken)
            at = pair
        else:
            paragraph = _put(content, element)
            if new_page:
                paragraph.set("StartsNewPage", "Yes")
            at += 1
        new_page = False
    if script.title:
        page = etree.SubElement(etree.SubElement(root, "TitlePage"), "Content")
        order = [*(key for key in KEYS if key in script.title), *(key for key in script.title if key not in KEYS)]
        for key in order:
            for line in script.title[key].split("\n"):
                paragraph = etree.SubElement(page, "Paragraph", Alignment="Center")
                _put_text(paragraph, line)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=False, pretty_print=False)


def _pair(elements: list[Element], at: int) -> int:
    """Where two speeches that are spoken at once end; 0 when what stands here is none."""
    if elements[at].kind != "character" or elements[at].dual:
        return 0
    end = at + 1
    while end < len(elements) and elements[end].kind in ("dialogue", "parenthetical", "lyric"):
        end += 1
    if end >= len(elements) or elements[end].kind != "character" or not elements[end].dual:
        return 0
    end += 1
    while end < len(elements) and elements[end].kind in ("dialogue", "parenthetical", "lyric"):
        end += 1
    return end


def _put(parent: Node, element: Element) -> Node:
    type = f"Outline {min(max(element.level, 1), 4)}" if element.kind == "section" else NAMES[element.kind]
    paragraph = etree.SubElement(parent, "Paragraph", Type=type)
    if element.kind == "centered":
        paragraph.set("Alignment", "Center")
    if element.number:
        paragraph.set("Number", element.number)
    _put_text(paragraph, element.text)
    return paragraph


def _put_text(paragraph: Node, text: str) -> None:
    """Fountain's emphasis as styled texts. A sign without a partner is text."""
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)
    styles: list[str] = []
    plain = ""

    def flush() -> None:
        nonlocal plain
        if plain:
            made = etree.SubElement(paragraph, "Text")
            made.text = plain
            named = [style for style, sign in STYLES.items() if sign in styles]
            if named:
                made.set("Style", "+".join(named))
        plain = ""

    at = 0
    for found in EMPHASIS.finditer(text):
        plain += text[at : found.start()]
        at = found.end()
        if found.group(1):
            plain += found.group(1)[1]
            continue
        for sign in ["**", "*"] if found.group(2) == "***" else [found.group(2)]:
            closes = sign in styles
            if closes or _has_partner(text, at, sign):
                flush()
                styles.remove(sign) if closes else styles.append(sign)
            else:
                plain += sign
    plain += text[at:]
    flush()


def _has_partner(text: str, at: int, sign: str) -> bool:
    """Whether the emphasis that begins here ends on the same line."""
    rest = text[at:].split("\n", 1)[0]
    if not rest or rest[0].isspace():
        return False
    return re.search(rf"(?<![\s\\]){re.escape(sign)}", rest) is not None
