"""Documentation in folders: Markdown, reStructuredText, HTML and plain text by sections, Python by its docstrings."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lxml import html

from studiolo.tools.documentation.entry import LONGEST_SIGNATURE, LONGEST_TEXT, Item

MOST_FILES = 5_000
LARGEST = 2 << 20  # bytes of a file
SKIPPED = frozenset(("node_modules", "__pycache__", "site-packages", "venv", "dist", "build"))
MARKDOWN = (".md", ".markdown", ".mdx")
REST = (".rst",)
HTML = (".html", ".htm", ".xhtml")
PLAIN = (".txt",)
ENDINGS = (*MARKDOWN, *REST, *HTML, *PLAIN, ".py")
Section = tuple[list[str], int, str]  # headings from the top, line, text


def files(folder: Path) -> Iterator[Path]:
    """The files that can be read, in order. Links are not followed out of the folder."""
    found = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in SKIPPED)
        for name in sorted(names):
            path = Path(where, name)
            if path.suffix.lower() in ENDINGS and not path.is_symlink() and path.stat().st_size <= LARGEST:
                found += 1
                if found > MOST_FILES:
                    return
                yield path


def stamp(folder: Path) -> str:
    """What changes when a file does."""
    times = [(path.stat().st_mtime_ns, path.stat().st_size) for path in files(folder)]
    return f"{len(times)} {max((time for time, _ in times), default=0)} {sum(size for _, size in times)}"


def read(folder: Path) -> Iterator[Item]:
    """The sections and docstrings of a folder. A file that cannot be read is left out."""
    for path in files(folder):
        inner = path.relative_to(folder).as_posix()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            if path.suffix == ".py":
                yield from _python(text, inner)
                continue
            for headings, line, body in sections(text, path.suffix.lower()):
                name = " > ".join([Path(inner).stem, *headings])
                kind = "section" if headings else "page"
                if body.strip() or headings:
                    yield Item(name, kind, "", body.strip()[:LONGEST_TEXT], f"{inner}:{line}")
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue


def sections(text: str, ending: str) -> Iterator[Section]:
    """A text cut at its headings."""
    if ending in HTML:
        yield from _html(text)
    elif ending in PLAIN:
        yield [], 1, text
    else:
        yield from _marked(text.splitlines(), rest=ending in REST)


def _marked(lines: list[str], *, rest: bool) -> Iterator[Section]:
    headings: list[tuple[int, str]] = []
    body: list[str] = []
    began, fenced = 1, False
    marks: list[str] = []  # reStructuredText: the marks under headings, in the order of their levels
    for number, line in enumerate(lines, 1):
        level, title = 0, ""
        if not rest:
            fenced ^= line.lstrip().startswith(("```", "~~~"))
            if not fenced and (found := re.match(r"(#{1,6})\s+(.+?)\s*#*$", line)):
                level, title = len(found[1]), found[2]
        elif number < len(lines) and line.strip() and re.fullmatch(r"([=\-~^\"'`#*+.:_])\1{2,}\s*", lines[number]):
            mark = lines[number][0]
            if not line.startswith(" ") and len(lines[number].rstrip()) >= len(line.rstrip()) and line[0] != mark:
                marks += [mark] if mark not in marks else []
                level, title = marks.index(mark) + 1, line.strip()
        if level:
            if "\n".join(body).strip():
                yield [one for _, one in headings], began, "\n".join(body)
            headings = [*(one for one in headings if one[0] < level), (level, title[:200])]
            body, began = [], number
        else:
            body.append(line)
    if "\n".join(body).strip() or headings:
        yield [one for _, one in headings], began, "\n".join(body)


def _html(text: str) -> Iterator[Section]:
    tree = html.document_fromstring(text)
    for gone in tree.xpath("//script|//style|//nav|//header|//footer"):
        gone.getparent().remove(gone)
    headings: list[tuple[int, str]] = []
    body: list[str] = []
    began = 1
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        if re.fullmatch(r"h[1-6]", element.tag):
            if "".join(body).strip():
                yield [one for _, one in headings], began, " ".join(body)
            level = int(element.tag[1])
            title = " ".join(element.text_content().replace("¶", "").split())[:200]
            headings = [*(one for one in headings if one[0] < level), (level, title)]
            body, began = [], int(element.sourceline or 1)
        elif element.tag in ("p", "li", "pre", "dt", "dd", "td", "th", "blockquote") and not _inside(element):
            body.append(element.text_content().strip() + "\n")
    if "".join(body).strip():
        yield [one for _, one in headings], began, " ".join(body)


def _inside(element: html.HtmlElement) -> bool:
    """Whether an element above is taken as a whole."""
    return any(one.tag in ("li", "dd", "td", "th", "blockquote") for one in element.iterancestors())


def _python(text: str, inner: str) -> Iterator[Item]:
    tree = ast.parse(text)
    module = inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if said := ast.get_docstring(tree):
        yield Item(module, "module", "", said[:LONGEST_TEXT], f"{inner}:1")

    def walk(body: list[ast.stmt], above: str, kind: str) -> Iterator[Item]:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_") and node.name != "__init__":
                continue
            name, said = f"{above}.{node.name}", ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                yield Item(name, "class", f"class {node.name}", said[:LONGEST_TEXT], f"{inner}:{node.lineno}")
                yield from walk(node.body, name, "method")
            elif said or kind == "function":
                returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
                signature = f"{node.name}({ast.unparse(node.args)}){returns}"[:LONGEST_SIGNATURE]
                yield Item(name, kind, signature, said[:LONGEST_TEXT], f"{inner}:{node.lineno}")

    yield from walk(tree.body, module, "function")
