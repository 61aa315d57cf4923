"""PDF: pages set as a book, in a child process that is ended when it takes too long.

`python -m studiolo.formats.typesetting` reads Typst from standard input and writes the PDF to standard output.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.formats import pandoc
from studiolo.formats.books import NO_XML, book
from studiolo.formats.drafts import PageDraft

PATIENCE = 180.0  # seconds
# The words that tell a text's language, for hyphenation. What is none of these is not hyphenated.
COMMON = {
    "en": "the and of to was that he his with had",
    "de": "der die und das nicht ich sie es ist ein",
    "fr": "le la les des et que dans une pas elle",
    "es": "el los las que una por con del se más",
    "it": "il che di non una per gli era della con",
    "pt": "que não uma os com para ele mais dos ao",
    "nl": "het een van ik dat niet zijn hij was maar",
    "sv": "och att det som en han inte var jag hon",
}
LOOK = """
#set document(title: TITLE, author: AUTHORS)
#set page(width: 148mm, height: 210mm, margin: (inside: 22mm, outside: 18mm, top: 22mm, bottom: 24mm))
#set text(font: ("Libertinus Serif", "New Computer Modern"), size: 10.5pt, lang: LANG, hyphenate: HYPHENATE)
#set par(justify: true, leading: 0.62em, spacing: 0.62em, first-line-indent: 1.3em)
#set heading(numbering: none)
#show raw: set text(font: "DejaVu Sans Mono", size: 8.5pt)
#show raw.where(block: true): it => block(above: 1em, below: 1em, it)
#show link: it => it
#set table(stroke: 0.4pt + luma(160), inset: 5pt)
#show table: set par(justify: false, first-line-indent: 0pt)
#show figure: set block(breakable: true)
#show quote.where(block: true): set block(above: 1em, below: 1em)
#show quote: set pad(x: 1.6em)
#set footnote.entry(gap: 0.5em)
#let horizontalrule = block(above: 1.4em, below: 1.4em, width: 100%, align(center, text(tracking: 0.6em)[\\*\\*\\*]))
#let chapters = CHAPTERS
#show heading.where(level: 1): it => {
  if chapters { pagebreak(weak: true) }
  block(above: if chapters { 18mm } else { 2em }, below: if chapters { 12mm } else { 1.2em }, width: 100%,
    align(if chapters { center } else { left }, text(size: 17pt, weight: "regular", hyphenate: false, it.body)))
}
#show heading.where(level: 2): it => block(above: 2em, below: 1em,
  text(size: 13pt, weight: "regular", style: "italic", it.body))
#show heading: set par(first-line-indent: 0pt, justify: false)
"""
TITLE_PAGE = """
#page(margin: (x: 20mm, y: 30mm), header: none, footer: none)[
  #set par(first-line-indent: 0pt, justify: false)
  #align(center)[
    #v(38mm)
    #text(size: 26pt, hyphenate: false)[#TITLE]
    #v(9mm)
    #line(length: 18mm, stroke: 0.5pt)
    #v(9mm)
    #text(size: 13pt, style: "italic")[#BYLINE]
  ]
]
"""
RUNNING = """
#set page(
  header: context {
    let starts = query(heading.where(level: 1)).any(it => it.location().page() == here().page())
    if not starts { align(center, text(size: 8.5pt, style: "italic", fill: luma(90), TITLE)) }
  },
  footer: context align(center, text(size: 9pt, counter(page).display("1"))),
)
#counter(page).update(1)
"""


def write_pdf(title: str, pages: Sequence[PageDraft], author: str = "") -> bytes:
    """The pages as a PDF: a title page, each chapter on a new page, page numbers, everything embedded."""
    body = pandoc.convert(book(title, pages), "json", "typst", ["--wrap=none"]).decode()
    language = language_of(" ".join(page.text for page in pages[:20])[:200_000])
    values = {
        "TITLE": _quoted(title or "Untitled"),
        "AUTHORS": _quoted(author),
        "BYLINE": _quoted(author),
        "LANG": json.dumps(language or "en"),
        "HYPHENATE": "true" if language else "false",
        "CHAPTERS": "true" if len(pages) > 1 or len(re.findall(r"(?m)^= ", body)) > 1 else "false",
    }
    head = LOOK + TITLE_PAGE + RUNNING
    source = re.sub(r"\b(TITLE|AUTHORS|BYLINE|LANG|HYPHENATE|CHAPTERS)\b", lambda found: values[found.group(1)], head)
    return _typeset(source + "\n" + body)


def _quoted(text: str) -> str:
    """As Typst writes a text, which is as JSON does, but for characters that nobody can print."""
    return json.dumps(NO_XML.sub("", text), ensure_ascii=False)


def language_of(text: str) -> str:
    """The language of a text, "" when it is none of those known here."""
    counted = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    scores = {language: sum(counted[word] for word in words.split()) for language, words in COMMON.items()}
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > 0.04 * max(1, counted.total()) else ""


def _typeset(source: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="studiolo-typst-") as folder:
        child = subprocess.Popen(
            [sys.executable, "-I", "-m", "studiolo.formats.typesetting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={"PATH": "", "HOME": folder, "XDG_CACHE_HOME": folder, "LANG": "C.UTF-8"},
        )
        pandoc.limit(child.pid)
        try:
            out, said = child.communicate(source.encode(), timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise TooLarge("The PDF takes too long to set.", "Export some of the pages at a time.") from None
    if child.returncode == 0 and out.startswith(b"%PDF"):
        return out
    why = said.decode(errors="replace").strip().splitlines()
    raise Invalid(
        f"The pages could not be set as a PDF: {why[-1][:300] if why else 'Typst gave up'}",
        "Export them as .docx or .odt instead, or some of the pages at a time.",
    )


def _main() -> None:
    from pathlib import Path

    import typst

    Path("main.typ").write_bytes(sys.stdin.buffer.read())
    made = typst.compile("main.typ", root=".", format="pdf")
    sys.stdout.buffer.write(made if isinstance(made, bytes) else b"".join(made or ()))


if __name__ == "__main__":
    _main()
