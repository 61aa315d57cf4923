"""What a web page says to somebody who looks at it: its text without what stands around it, and without what it hides.

Text that no visitor sees is written for programs, and some of it is written to make them obey. It is left out and
counted. Alternative texts of pictures are no text of the page either: they are told apart, in `about`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import lxml.html
from lxml import etree as _etree  # pyright: ignore[reportAttributeAccessIssue]

from studiolo.tools.reading.sections import Reading, Section, one_line
from studiolo.tools.reading.texts import prose

etree: Any = _etree  # lxml comes without types
MOST_ALTERNATIVES = 50
LONGEST_ALTERNATIVE = 300  # characters
MOST_RULES = 2_000  # of the style sheets in a page that are looked at
_NO_TEXT = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "svg",
        "canvas",
        "audio",
        "video",
        "textarea",
        "select",
        "datalist",
        "input",
        "button",
        "noframes",
        "noembed",
        "portal",
    ]
)
_READERS_ONLY = frozenset("sr-only visually-hidden visuallyhidden screen-reader-text d-none".split())  # noqa: SIM905
_PERMALINKS = ("¶", "§", "#", "🔗")  # to a heading, beside it
_NOTHING = r"(?:0|0?\.0+|0+\.0*)(?:px|r?em|%|pt|vh|vw)?\s*(?:!important\s*)?(?:;|$)"
_HIDING = re.compile(
    rf"""(?:^|[;\s])(?:
      display\s*:\s*none | visibility\s*:\s*(?:hidden|collapse) | content-visibility\s*:\s*hidden
    | opacity\s*:\s*(?:{_NOTHING}|0?\.0\d*|[0-4]%) | filter\s*:\s*opacity\(\s*0
    | font-size\s*:\s*(?:{_NOTHING}|[01](?:\.\d+)?px|0?\.\d+(?:px|r?em|pt)) | font\s*:[^;]*\s0(?:px)?[\s/]
    | text-indent\s*:\s*-\d{{3,}} | (?:left|top|right|bottom|margin-left|margin-top)\s*:\s*-\d{{4,}}
    | clip\s*:\s*rect\(\s*(?:0|1px)[^)]*\) | clip-path\s*:\s*(?:inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0)
    | transform\s*:[^;]*scale[xy3d]*\(\s*0[\s,)] | (?:max-)?(?:height|width)\s*:\s*{_NOTHING}
    | color\s*:\s*(?:transparent|rgba\([^)]*,\s*0?\.?0\s*\)) | -webkit-text-fill-color\s*:\s*transparent
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_INK = re.compile(r"(?:^|[;\s])color\s*:\s*([^;!]+)", re.IGNORECASE)
_PAPER = re.compile(r"(?:^|[;\s])background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
# Tags (which spell ASCII unseen), marks that turn text around, and what has no width.
_UNSEEN = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\ufeff\u00ad\u180e]")
_COLOURS = {"white": "#ffffff", "black": "#000000", "red": "#ff0000"}


def read_page(html: str, name: str) -> Reading:
    """The page as Markdown in sections. `name` may be its address, which its links are then completed with."""
    url = name if name.startswith(("http://", "https://")) else ""
    root = _tree(html)
    if root is None:
        return Reading(name, "text/html", [], {"kind": "web page"}, ["There is no text on this page."])
    hidden = _without_hidden(root)
    alternatives = _alternatives(root)
    _complete(root, url)
    about: dict[str, Any] = {"kind": "web page"}
    text, told = _main_text(root, url or None)
    for key in ("author", "date", "sitename", "language", "description"):
        if value := one_line(_UNSEEN.sub("", str(told.get(key) or ""))):
            about["site" if key == "sitename" else key] = value
    about["language"] = one_line(root.get("lang") or about.get("language", ""), 20)
    if canonical := _canonical(root, url):
        about["canonical"] = canonical
    if alternatives:
        about["alternatives"] = alternatives
    problems: list[str] = []
    seen = _UNSEEN.sub("", text)
    hidden += len(text) - len(seen)
    if hidden:
        about["hidden"] = hidden
        problems.append(f"{hidden:,} characters that the page does not show were left out.")
    stated, sections = prose(seen.strip() + "\n", markdown=True) if seen.strip() else ("", list[Section]())
    title = one_line(_UNSEEN.sub("", str(told.get("title") or root.findtext(".//title") or stated or "")))
    if not sections:
        problems.append("There is no text on this page; it may be one that only a browser can show.")
    return Reading(title or name, "text/html", sections, about, problems)


def _tree(html: str) -> Any:
    """The page as elements; None when there are none. Nothing is loaded, no entity of its own is replaced."""
    html = re.sub(r"^\s*<\?xml[^>]*\?>", "", html.lstrip("\ufeff"))
    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, encoding="utf-8")
    try:
        return lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def _without_hidden(root: Any) -> int:
    """Take out what is not shown; how many characters that was."""
    rules = _rules(root)
    hidden = 0
    gone: set[Any] = set()
    for element in list(root.iter()):
        parent = element.getparent()
        if parent in gone:
            gone.add(element)
        elif parent is not None and isinstance(element.tag, str) and element.tag not in ("head", "body", "title"):
            is_text = element.tag not in _NO_TEXT
            if is_text and not _is_hidden(element, rules):
                continue
            hidden += len("".join(element.itertext()).strip()) if is_text else 0
            gone.add(element)
            element.drop_tree()
    return hidden


def _is_hidden(element: Any, rules: set[tuple[str, frozenset[str], str]]) -> bool:
    given = element.attrib
    if "hidden" in given or "popover" in given or (element.tag == "dialog" and "open" not in given):
        return True
    classes = frozenset(given.get("class", "").split())
    if classes & _READERS_ONLY:
        return True
    if rules and any(
        (not tag or tag == element.tag) and wanted <= classes and (not id or id == given.get("id"))
        for tag, wanted, id in rules
    ):
        return True
    style = given.get("style", "")
    if style and (_HIDING.search(style) or _is_written_in_its_own_colour(style)):
        return True
    return element.tag == "font" and given.get("size") in ("0", "-7") and len(element) == 0


def _is_written_in_its_own_colour(style: str) -> bool:
    ink, paper = _INK.search(style), _PAPER.search(style)
    return bool(ink and paper and _colour(ink[1]) == _colour(paper[1]))


def _colour(text: str) -> str:
    text = re.sub(r"\s+", "", text.lower())
    text = _COLOURS.get(text, text)
    return "#" + "".join(2 * digit for digit in text[1:]) if re.fullmatch(r"#[0-9a-f]{3}", text) else text


def _rules(root: Any) -> set[tuple[str, frozenset[str], str]]:
    """What the style sheets in the page hide, as far as their selectors are one element with classes and an id."""
    found: set[tuple[str, frozenset[str], str]] = set()
    for sheet in root.iter("style"):
        css = re.sub(r"/\*.*?\*/", "", (sheet.text or "")[:200_000], flags=re.DOTALL)
        css = re.sub(r"@media\s+(?:print|speech)[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", css)
        for number, rule in enumerate(_RULE.finditer(css)):
            if number >= MOST_RULES:
                break
            if not (_HIDING.search(rule[2]) or _is_written_in_its_own_colour(rule[2])):
                continue
            for selector in rule[1].split(","):
                simple = _SIMPLE.fullmatch(selector.strip())
                if simple and selector.strip():
                    parts = re.findall(r"[.#][\w-]+", simple[2])
                    ids = [part[1:] for part in parts if part[0] == "#"]
                    classes = frozenset(part[1:] for part in parts if part[0] == ".")
                    found.add(((simple[1] or "").lower(), classes, ids[0] if ids else ""))
    return {rule for rule in found if rule[1] or rule[2] or rule[0] not in ("", "html", "body", "main", "article")}


def _alternatives(root: Any) -> list[str]:
    found = (one_line(_UNSEEN.sub("", image.get("alt") or ""), LONGEST_ALTERNATIVE) for image in root.iter("img"))
    return list(dict.fromkeys(filter(None, found)))[:MOST_ALTERNATIVES]


def _complete(root: Any, url: str) -> None:
    """Links as whole addresses; those that are none, and those that run programs, are only their words."""
    base = root.find(".//base")
    start = urljoin(url, base.get("href") or "") if base is not None else url
    for link in list(root.iter("a")):
        if link.text_content().strip() in _PERMALINKS:
            link.drop_tree()
            continue
        try:
            whole = urljoin(start, (link.get("href") or "").strip())
        except ValueError:
            whole = ""
        if re.match(r"https?://", whole) and len(whole) <= 2_000:
            link.set("href", whole)
        elif url or re.match(r"[a-zA-Z][\w+.-]*:", whole):
            link.drop_tag()


def _canonical(root: Any, url: str) -> str:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            try:
                whole = urljoin(url, (link.get("href") or "").strip())
            except ValueError:
                return ""
            return whole[:2_000] if re.match(r"https?://", whole) else ""
    return ""


def _main_text(root: Any, url: str | None) -> tuple[str, dict[str, Any]]:
    """The text as Markdown, and what the page tells of itself; all of its text where the main one is not found."""
    import trafilatura

    told: dict[str, Any] = {}
    text = ""
    try:
        document = trafilatura.extract_metadata(root, default_url=url, extensive=False)
        told = {key: getattr(document, key, None) for key in ("title", "author", "date", "sitename", "description")}
    except Exception:  # it stumbles over strange pages
        told = {}
    try:
        text = (
            trafilatura.extract(
                root,
                url=url,
                output_format="markdown",
                include_links=True,
                include_tables=True,
                include_formatting=True,
                include_images=False,
                include_comments=False,
                favor_recall=True,
            )
            or ""
        )
    except Exception:
        text = ""
    if len(text) < 500 and len(whole := _whole_text(root)) > 3 * len(text):
        text = whole
    return text, told


_BLOCKS = frozenset(
    "p div li tr h1 h2 h3 h4 h5 h6 section article header footer table ul ol dl dt dd pre hr br".split()  # noqa: SIM905
)


def _whole_text(root: Any) -> str:
    """Everything that a page says, line by line."""
    body = root.find("body")
    parts: list[str] = []
    for event, element in etree.iterwalk(root if body is None else body, events=("start", "end")):
        block = element.tag in _BLOCKS
        if event == "start":
            parts.append(
                ("\n\n" + "#" * int(element.tag[1]) + " ") if re.fullmatch(r"h[1-6]", str(element.tag)) else ""
            )
            parts.append(re.sub(r"\s+", " ", element.text or ""))
        else:
            parts.append("\n\n" if block else " " if element.tag in ("td", "th") else "")
            parts.append(re.sub(r"\s+", " ", element.tail or ""))
    return re.sub(r"[ \t]*\n\s*\n\s*", "\n\n", re.sub(r" +", " ", "".join(parts))).strip()
