"""Word files made by hand, as Word, LibreOffice and Google Docs write them."""

from __future__ import annotations

import io
import zipfile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
W14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
W15 = 'xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = "".join(
    f'<w:style w:type="paragraph" w:styleId="{id}"><w:name w:val="{name}"/></w:style>'
    for id, name in (("Normal", "Normal"), ("Heading1", "heading 1"), ("Heading2", "heading 2"), ("Title", "Title"))
)
STYLES += '<w:style w:type="character" w:styleId="Emphasis"><w:name w:val="Emphasis"/><w:rPr><w:i/></w:rPr></w:style>'
NUMBERS = (
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/></w:lvl>'
    '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
)
BO = 'w:id="1" w:author="Bo" w:date="2024-05-01T10:00:00Z"'
EVE = 'w:id="2" w:author="Eve" w:date="2024-05-02T10:00:00Z"'
AT_BO, AT_EVE = 1_714_557_600.0, 1_714_644_000.0


def word(
    body: str, comments: str = "", extended: str = "", footnotes: str = "", main: str = "word/document.xml"
) -> bytes:
    """A .docx of this body (paragraphs), comments and notes."""
    parts = {
        main: f"<w:document {W} {W14} {R}><w:body>{body}<w:sectPr/></w:body></w:document>",
        "word/styles.xml": f"<w:styles {W}>{STYLES}</w:styles>",
        "word/numbering.xml": f"<w:numbering {W}>{NUMBERS}</w:numbering>",
        "word/comments.xml": f"<w:comments {W} {W14}>{comments}</w:comments>" if comments else "",
        "word/commentsExtended.xml": f"<w15:commentsEx {W15}>{extended}</w15:commentsEx>" if extended else "",
        "word/footnotes.xml": f"<w:footnotes {W}>{footnotes}</w:footnotes>" if footnotes else "",
    }
    parts = {name: text for name, text in parts.items() if text}
    kinds = {"document": "document.main", "commentsExtended": "commentsExtended"}
    rels, types = "", ""
    for number, name in enumerate(parts):
        stem = name.removeprefix("word/").removesuffix(".xml").rstrip("0123456789")
        types += f'<Override PartName="/{name}" ContentType="{TYPE}.{kinds.get(stem, stem)}+xml"/>'
        if stem != "document":
            rels += f'<Relationship Id="r{number}" Type="{REL}/{stem}" Target="{stem}.xml"/>'
    ns = 'xmlns="http://schemas.openxmlformats.org/package/2006/'
    rels += f'<Relationship Id="link" Type="{REL}/hyperlink" Target="https://example.org/a_b" TargetMode="External"/>'
    folder, _, file = main.rpartition("/")
    parts["[Content_Types].xml"] = (
        f'<Types {ns}content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>'
    )
    parts["_rels/.rels"] = (
        f'<Relationships {ns}relationships"><Relationship Id="r0" Type="{REL}/officeDocument" Target="{main}"/>'
        "</Relationships>"
    )
    parts[f"{folder}/_rels/{file}.rels"] = f'<Relationships {ns}relationships">{rels}</Relationships>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + text)
    return buffer.getvalue()


def p(*runs: str, style: str = "", mark: str = "", list: bool = False) -> str:
    """A paragraph; `mark` says how its end is tracked."""
    inner = f'<w:pStyle w:val="{style}"/>' if style else ""
    inner += '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>' if list else ""
    inner += f"<w:rPr>{mark}</w:rPr>" if mark else ""
    return f"<w:p>{f'<w:pPr>{inner}</w:pPr>' if inner else ''}{''.join(runs)}</w:p>"


def r(text: str, properties: str = "", tag: str = "t") -> str:
    inner = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{inner}<w:{tag} xml:space="preserve">{text}</w:{tag}></w:r>'


def ins(*runs: str, who: str = BO, tag: str = "ins") -> str:
    return f"<w:{tag} {who}>{''.join(runs)}</w:{tag}>"


def dele(*texts: str, who: str = BO, properties: str = "", tag: str = "del") -> str:
    return f"<w:{tag} {who}>{''.join(r(text, properties, 'delText') for text in texts)}</w:{tag}>"


def comment(id: int, author: str, text: str, paragraph: str = "", date: str = "2024-05-01T10:00:00Z") -> str:
    mark = f' w14:paraId="{paragraph}"' if paragraph else ""
    return f'<w:comment w:id="{id}" w:author="{author}" w:date="{date}"><w:p{mark}>{r(text)}</w:p></w:comment>'
